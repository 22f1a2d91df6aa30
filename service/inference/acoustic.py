"""The acoustic models on ONNX Runtime: windows of sound in, calibrated probabilities out."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from service.audio.features import Floats, FrontEnd
from service.audio.vad import VoiceActivity
from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.artefacts import Artefact, ArtefactError

_LABELS: Final = {"speech_emotion": SPEECH_EMOTIONS, "vocal_burst": VOCAL_BURST_EMOTIONS}
# Enough to fill a thread, little enough that an hour of speech needs no more memory than a minute.
_BATCH: Final = 16


class EmotionModel:
    """A classifier of log-mel windows whose metadata fit this code: same labels, same front end, same shapes."""

    def __init__(self, artefact: Artefact, threads: int = 1) -> None:
        """Raises ArtefactError where the metadata or the shapes of the network do not fit the code."""
        self.name = artefact.name
        self.version = artefact.version
        self.sha256 = artefact.sha256
        self._front_end = FrontEnd()
        self._session = artefact.session(threads=threads)
        metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self._check("name", metadata.get("name"), self.name)
        self._check("version", metadata.get("version"), self.version)
        self._check("front_end", self._parse(metadata, "front_end"), asdict(self._front_end))
        if self.name not in _LABELS:
            raise ArtefactError(f"{self.name} is not the name of an emotion model: {', '.join(_LABELS)}")
        self.labels = _LABELS[self.name]
        self._check("labels", self._parse(metadata, "labels"), list(self.labels))
        self._check(
            "input",
            [(node.name, node.shape[1:]) for node in self._session.get_inputs()],
            [("input", [self._front_end.frames, self._front_end.n_mels])],
        )
        self._check("output", [node.shape[1:] for node in self._session.get_outputs()], [[len(self.labels)]])

    def scores(self, windows: Floats) -> Floats:
        """Probabilities of the labels for ``windows`` (N, 48000) at 16 kHz: (N, len(labels)); rows sum to 1."""
        scores = np.empty((len(windows), len(self.labels)), dtype=np.float32)
        for start in range(0, len(windows), _BATCH):
            batch = slice(start, start + _BATCH)
            (scores[batch],) = self._session.run(None, {"input": self._front_end(windows[batch])})
        return scores

    def _parse(self, metadata: dict[str, str], key: str) -> Any:
        try:
            return json.loads(metadata.get(key, "null"))
        except ValueError as error:
            raise ArtefactError(f"{self.name}: the metadata's {key} is not JSON; export the model again") from error

    def _check(self, what: str, found: Any, expected: Any) -> None:
        if found != expected:
            raise ArtefactError(
                f"{self.name}: {what} is {found} where this version of the service needs {expected}; "
                "export the model again or install the version that it was made for"
            )


@dataclass(frozen=True, slots=True)
class AcousticModels:
    """What an acoustic analysis needs."""

    voice_activity: VoiceActivity
    speech_emotion: EmotionModel
    vocal_burst: EmotionModel
