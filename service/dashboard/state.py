"""What one visitor has open. It lives as long as the visit, and nowhere else."""

import threading
from dataclasses import dataclass, field
from typing import Final, cast

import plotly.graph_objects as go
import streamlit as st

from service.audio.decode import Limits
from service.dashboard.client import Client, Json
from service.dashboard.follow import Follower, has_ended
from service.dashboard.settings import DashboardSettings
from service.dashboard.sounds import Sound, open_sound

# An hour of two channels takes 1.5 GB while it is decoded: one at a time, whoever asks.
_DECODING: Final = threading.Lock()

Span = tuple[int, int]


@dataclass
class Call:
    """The call that is open.

    Attributes:
        analysis: as it was read last.
        follower: tells how far it has come; None once it has ended.
        content: bytes of the recording, where this visitor has handed them over and they are not decoded yet.
        span: what was chosen of it, in ms.
        jump: the number of the last jump, and where to.
        charts: figures that were made of ``analysis`` and ``sound``.
    """

    analysis: Json
    follower: Follower | None = None
    content: bytes | None = None
    sound: Sound | None = None
    span: Span | None = None
    jump: tuple[int, int] | None = None
    charts: dict[str, go.Figure] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.analysis["id"])

    @property
    def version(self) -> str:
        """Another one when there is more to see."""
        return f"{self.id} {self.analysis['status']} {self.analysis['transcript']['status']}"

    def choose(self, start_ms: float, end_ms: float, *, play: bool = True) -> None:
        """Make this the chosen span, and play from there."""
        self.span = (round(start_ms), round(end_ms))
        if play:
            self.jump = ((self.jump[0] if self.jump else 0) + 1, self.span[0])

    @property
    def has_more(self) -> bool:
        """Whether the service has more to show than what was read last."""
        if self.follower is None:
            return False
        progress = self.follower.progress
        heard = progress is not None and progress["step"] not in ("fetch", "acoustics")
        return self.follower.over or (heard and self.analysis["audio"] is None)

    def catch_up(self, client: Client) -> bool:
        """Read the analysis again where there is more to see. Returns: whether there was."""
        if not self.has_more:
            return False
        over = self.follower is not None and self.follower.over
        self.analysis = client.analysis(self.id)
        self.charts.clear()
        if over:
            self.close()
        return True

    def decode(self, settings: DashboardSettings) -> None:
        """Raises: Problem: what was handed over is no recording. LostDecoderError: hand it over again."""
        content, self.content = self.content, None
        if content is not None:
            with _DECODING:
                self.sound = open_sound(content, Limits(settings.max_audio_seconds, settings.max_channels))
            self.charts.clear()

    def close(self) -> None:
        """Follow it no longer."""
        if self.follower:
            self.follower.stop()
        self.follower = None


@dataclass
class Visit:
    """One visitor.

    Attributes:
        key: the API key that this visitor has given.
        listed: the calls that are listed, and the cursor of those that follow; None where they were not asked for.
        uploads: grows with every upload, so that the form is empty again.
    """

    settings: DashboardSettings
    key: str = ""
    call: Call | None = None
    listed: tuple[list[Json], str | None] | None = None
    uploads: int = 0
    text: Json | None = None

    def connect(self) -> Client:
        return Client(self.settings.url, self.key or self.settings.key.get_secret_value())

    def open(self, analysis_id: str, client: Client, content: bytes | None = None) -> None:
        """Open another call and close the one that is open."""
        analysis = client.analysis(analysis_id)
        self.close()
        self.call = Call(analysis, content=content)
        if not has_ended(analysis):
            self.call.follower = Follower(self.connect, analysis_id)

    def close(self) -> None:
        if self.call:
            self.call.close()
        self.call = None


def visit() -> Visit:
    if "visit" not in st.session_state:
        st.session_state["visit"] = Visit(DashboardSettings())
    return cast(Visit, st.session_state["visit"])
