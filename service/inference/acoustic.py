"""The acoustic models on ONNX Runtime: windows of sound in, calibrated probabilities out."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from service.audio.features import Floats
from service.audio.segments import WINDOW
from service.audio.vad import VoiceActivity
from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.artefacts import Artefact, ArtefactError
from service.inference.conformal import read_conformal
from service.inference.front_ends import fingerprint, read_front_end
from service.inference.metadata import Described


class Task(StrEnum):
    """What an emotion model listens to, in the words of the cards."""

    speech = "speech-emotion"
    vocal_burst = "vocal-burst"


LABELS: Final = {Task.speech: SPEECH_EMOTIONS, Task.vocal_burst: VOCAL_BURST_EMOTIONS}
# Enough to fill a thread, little enough that an hour of speech needs no more memory than a minute.
_BATCH: Final = 16
_REMEDY: Final = "export the model again or install the version that it was made for"


class EmotionModel:
    """A classifier of windows of sound whose metadata fit this code.

    Attributes:
        task: what it listens to, which its labels tell.
        conformal: what its prediction sets promise; None where it was shipped without any.
        front_end_sha256: of the fields of its front end.
    """

    def __init__(self, artefact: Artefact, threads: int = 1) -> None:
        """Raises ArtefactError where the metadata, the shapes or the answers of the network do not fit the code."""
        self.name = artefact.name
        self.version = artefact.version
        self.sha256 = artefact.sha256
        self._session = artefact.session(threads=threads)
        metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self._check("name", metadata.get("name"), self.name)
        self._check("version", metadata.get("version"), self.version)
        self._front_end = self._read("front_end", read_front_end, metadata.get("front_end", "null"))
        self.front_end_sha256 = fingerprint(self._front_end)
        promise = metadata.get("conformal")
        self.conformal = None if promise is None else self._read("conformal", read_conformal, promise)
        self.task = self._task(metadata.get("labels", "null"))
        self.labels = LABELS[self.task]
        self._check(
            "input",
            [(node.name, node.shape[1:]) for node in self._session.get_inputs()],
            [("input", list(self._front_end.shape))],
        )
        self._check("output", [node.shape[1:] for node in self._session.get_outputs()], [[len(self.labels)]])
        self._try()

    def scores(self, windows: Floats) -> Floats:
        """Probabilities of the labels for ``windows`` (N, 48000) at 16 kHz: (N, len(labels)); rows sum to 1."""
        scores = np.empty((len(windows), len(self.labels)), dtype=np.float32)
        for start in range(0, len(windows), _BATCH):
            batch = slice(start, start + _BATCH)
            (scores[batch],) = self._session.run(None, {"input": self._front_end(windows[batch])})
        return scores

    def _read(self, what: str, read: Callable[[str], Described], described: str) -> Described:
        try:
            return read(described)
        except ValueError as error:
            raise ArtefactError(f"{self.name}: {what}: {error}; {_REMEDY}") from error

    def _task(self, labels: str) -> Task:
        try:
            found = json.loads(labels)
        except ValueError as error:
            raise ArtefactError(f"{self.name}: the labels in the metadata are not JSON; {_REMEDY}") from error
        for task, expected in LABELS.items():
            if found == list(expected):
                return task
        raise self._misfit("labels", found, " or ".join(str(list(labels)) for labels in LABELS.values()))

    def _try(self) -> None:
        """Shapes do not tell whether the network takes any number of windows, and answers with probabilities."""
        try:
            scores = self.scores(np.random.default_rng(0).standard_normal((2, WINDOW), np.float32))
        except Exception as error:  # ONNX Runtime's exception classes share no other base
            reason = " ".join(str(error).split())
            raise ArtefactError(f"{self.name} cannot classify two windows of noise: {reason}; {_REMEDY}") from error
        if not (np.all(scores >= 0) and np.allclose(scores.sum(axis=1), 1, atol=1e-3)):
            raise ArtefactError(f"{self.name} says {scores.tolist()} of noise, which are no probabilities; {_REMEDY}")

    def _check(self, what: str, found: Any, expected: Any) -> None:
        if found != expected:
            raise self._misfit(what, found, expected)

    def _misfit(self, what: str, found: Any, expected: Any) -> ArtefactError:
        return ArtefactError(
            f"{self.name}: {what} is {found} where this version of the service needs {expected}; {_REMEDY}"
        )


@dataclass(frozen=True, slots=True)
class AcousticModels:
    """What an acoustic analysis needs."""

    voice_activity: VoiceActivity
    speech_emotion: EmotionModel
    vocal_burst: EmotionModel
