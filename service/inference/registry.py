"""Every model artefact of the service, loaded once.

What cannot be loaded is remembered with its reason, so that the service can start, say what is wrong, and
still answer what does not need that model.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

from service.audio.vad import VoiceActivity
from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.acoustic import AcousticModels, EmotionModel
from service.inference.artefacts import Artefact, ArtefactError
from service.inference.passages import TextModels
from service.inference.text import EMOTION, TextModel
from service.problems import NotReady, UnknownModel

logger = logging.getLogger(__name__)

Model = VoiceActivity | EmotionModel | TextModel

Labels = Mapping[str, tuple[str, ...]]
"""Of each head."""


@dataclass(frozen=True, slots=True)
class _Kind:
    task: str
    labels: Labels
    build: Callable[[Artefact], Model]


# Folder under models_dir -> what it is for. The folders of text models are up to the settings.
_ACOUSTIC: Final = {
    "voice_activity": _Kind("voice-activity-detection", {}, VoiceActivity),
    "speech_emotion": _Kind("speech-emotion-recognition", {EMOTION: SPEECH_EMOTIONS}, EmotionModel),
    "vocal_burst": _Kind("vocal-burst-recognition", {EMOTION: VOCAL_BURST_EMOTIONS}, EmotionModel),
}
_TEXT: Final = _Kind("text-classification", {}, TextModel)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an artefact; ``version``, ``sha256`` and ``card`` once its hashes were right."""

    name: str
    task: str
    labels: Labels
    version: str | None = None
    sha256: str | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    model: Model | None = None
    reason: str | None = None


class Registry:
    """The artefacts by name. :meth:`load` makes it; reading it is safe from any thread."""

    def __init__(self, acoustic: Sequence[Entry], text: Sequence[Entry]) -> None:
        """``text`` are the entries of the text models, which have to go together."""
        models = [cast(TextModel, entry.model) for entry in text if entry.model is not None]
        self._text_models: TextModels | None = None
        if len(models) == len(text):
            try:
                self._text_models = TextModels(models)
            except ArtefactError as error:
                text = [_failed(entry, str(error)) for entry in text]
        self._text_names = [entry.name for entry in text]
        self.entries: Mapping[str, Entry] = {entry.name: entry for entry in (*acoustic, *text)}

    @classmethod
    def load(cls, models_dir: Path, text_models: Sequence[str]) -> "Registry":
        """Verify and load the artefacts under ``models_dir``, for texts those that ``text_models`` names.

        A failure is kept in its entry, not raised.
        """
        acoustic = [_load(models_dir, name, kind) for name, kind in _ACOUSTIC.items()]
        return cls(acoustic, [_load_text(models_dir, name) for name in dict.fromkeys(text_models)])

    @property
    def failures(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries.values() if entry.model is None)

    def entry(self, name: str) -> Entry:
        """Raises: UnknownModel."""
        if name not in self.entries:
            raise UnknownModel(f"There is no model {name!r}; the models are {', '.join(self.entries)}.")
        return self.entries[name]

    def acoustic(self, speech_emotion: str) -> AcousticModels:
        """The models of an audio analysis, with the named one for speech.

        Raises:
            UnknownModel: no speech emotion model has that name.
            NotReady: one of the three could not be loaded.
        """
        if speech_emotion != "speech_emotion":
            raise UnknownModel(f"{speech_emotion!r} is not a speech emotion model; the only one is 'speech_emotion'.")
        self.require(*_ACOUSTIC)
        return AcousticModels(
            voice_activity=cast(VoiceActivity, self.entries["voice_activity"].model),
            speech_emotion=cast(EmotionModel, self.entries["speech_emotion"].model),
            vocal_burst=cast(EmotionModel, self.entries["vocal_burst"].model),
        )

    def text(self) -> TextModels:
        """Raises: NotReady."""
        self.require(*self._text_names)
        return cast(TextModels, self._text_models)

    def require(self, *names: str) -> None:
        """Raises: NotReady, which names each artefact among ``names`` that is not loaded, and why."""
        failed = [self.entries[name] for name in names if self.entries[name].model is None]
        if failed:
            reasons = "; ".join(f"{entry.name}: {entry.reason}" for entry in failed)
            raise NotReady(
                f"Put the artefact right and start the service again: {reasons}.",
                errors=[{"field": entry.name, "detail": entry.reason} for entry in failed],
            )


def _load(models_dir: Path, name: str, kind: _Kind) -> Entry:
    entry = Entry(name, kind.task, kind.labels)
    try:
        artefact = Artefact.load(models_dir / name)
        if artefact.name != name:
            raise ArtefactError(f"{models_dir / name} holds the artefact {artefact.name!r}")
        entry = replace(entry, version=artefact.version, sha256=artefact.sha256, card=artefact.card)
        model = kind.build(artefact)
    except Exception as error:  # beside ArtefactError, a foreign file can make the libraries raise anything
        # Callers read the reason too: where the folder lies is none of their business.
        reason = str(error).replace(f"{models_dir}/", "")
        return _failed(entry, reason, exc_info=not isinstance(error, ArtefactError))
    logger.info("%s %s is loaded", name, entry.version)
    return replace(entry, model=model, labels=model.heads if isinstance(model, TextModel) else kind.labels)


def _load_text(models_dir: Path, name: str) -> Entry:
    entry = Entry(name, _TEXT.task, _TEXT.labels)
    if name in _ACOUSTIC:
        return _failed(entry, f"V2V_TEXT_MODELS names {name}, which does not read texts")
    if name in (".", "..") or Path(name).name != name:
        return _failed(entry, f"V2V_TEXT_MODELS must name folders in V2V_MODELS_DIR, and {name!r} is no such name")
    return _load(models_dir, name, _TEXT)


def _failed(entry: Entry, reason: str, *, exc_info: bool = False) -> Entry:
    logger.error("%s is not loaded: %s", entry.name, reason, exc_info=exc_info)
    return replace(entry, model=None, reason=reason)
