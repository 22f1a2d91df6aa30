"""Every model artefact of the service, loaded once.

What cannot be loaded is remembered with its reason, so that the service can start, say what is wrong, and
still answer what does not need that model.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

from service.audio.vad import VoiceActivity
from service.emotions import SENTIMENTS, SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from service.inference.acoustic import AcousticModels, EmotionModel
from service.inference.artefacts import Artefact, ArtefactError
from service.inference.text import SentimentModel
from service.problems import NotReady, UnknownModel

logger = logging.getLogger(__name__)

Model = VoiceActivity | EmotionModel | SentimentModel


@dataclass(frozen=True, slots=True)
class _Kind:
    task: str
    labels: tuple[str, ...]
    build: Callable[[Artefact], Model]


# Folder under models_dir -> what it is for.
_KINDS: Final = {
    "voice_activity": _Kind("voice-activity-detection", (), VoiceActivity),
    "speech_emotion": _Kind("speech-emotion-recognition", SPEECH_EMOTIONS, EmotionModel),
    "vocal_burst": _Kind("vocal-burst-recognition", VOCAL_BURST_EMOTIONS, EmotionModel),
    "text_sentiment": _Kind("text-sentiment-classification", SENTIMENTS, SentimentModel),
}
_ACOUSTIC: Final = ("voice_activity", "speech_emotion", "vocal_burst")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an artefact; ``version``, ``sha256`` and ``card`` once its hashes were right."""

    name: str
    task: str
    labels: tuple[str, ...]
    version: str | None = None
    sha256: str | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    model: Model | None = None
    reason: str | None = None


class Registry:
    """The artefacts by name. :meth:`load` makes it; reading it is safe from any thread."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries

    @classmethod
    def load(cls, models_dir: Path) -> "Registry":
        """Verify and load every artefact under ``models_dir``; a failure is kept in its entry, not raised."""
        return cls({name: _load(models_dir, name, kind) for name, kind in _KINDS.items()})

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

    def sentiment(self) -> SentimentModel:
        """Raises: NotReady."""
        self.require("text_sentiment")
        return cast(SentimentModel, self.entries["text_sentiment"].model)

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
        entry = replace(entry, model=kind.build(artefact))
    except Exception as error:  # beside ArtefactError, a foreign file can make the libraries raise anything
        logger.error("%s is not loaded: %s", name, error, exc_info=not isinstance(error, ArtefactError))
        # Callers read the reason too: where the folder lies is none of their business.
        return replace(entry, reason=str(error).replace(f"{models_dir}/", ""))
    logger.info("%s %s is loaded", name, entry.version)
    return entry
