"""How far an analysis has come, learnt in the background while the page stays responsive."""

import threading
from collections.abc import Callable
from typing import Any, Final

from service.dashboard.client import Client, Json, RefusedError, ServiceError

_PAUSE_S: Final = 2.0


class Follower:
    """Follows the events of one analysis until its end.

    Attributes:
        progress: the newest; None before the first.
        over: nothing more will come.
    """

    def __init__(self, client: Callable[[], Client], analysis_id: str) -> None:
        self.analysis_id = analysis_id
        self.progress: Json | None = None
        self.over = False
        self._client = client
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow {analysis_id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end with the next event."""
        self._stopped.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        with self._client() as client:
            while not (self.over or self._stopped.is_set()):
                try:
                    for progress in client.events(self.analysis_id):
                        self.progress = progress
                        self.over = has_ended(progress)
                        if self._stopped.is_set():
                            return
                except RefusedError:
                    self.over = True  # whoever reads the analysis is told why
                except ServiceError:
                    self._stopped.wait(_PAUSE_S)


def has_ended(progress: Json) -> bool:
    """Whether all that can be had is there, of the progress of an analysis or of one as it is read."""
    transcript: Any = progress["transcript"]
    words = transcript["status"] if isinstance(transcript, dict) else transcript
    return progress["status"] in ("completed", "failed") and words != "pending"
