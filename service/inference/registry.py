"""Every model artefact of the service, loaded once: what each analysis needs at the start, what a request names then.

What cannot be loaded is remembered with its reason, so that the service can start, say what is wrong, and
still answer what does not need that model.
"""

import json
import logging
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, Final, cast

from service.audio.vad import VoiceActivity
from service.inference.acoustic import LABELS, AcousticModels, EmotionModel, Task
from service.inference.artefacts import CARD_FILE, Artefact, ArtefactError
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


_VOICE_ACTIVITY: Final = "voice_activity"
_EMOTIONS: Final = {task: _Kind(task, {EMOTION: labels}, EmotionModel) for task, labels in LABELS.items()}
_VOICE: Final = _Kind("voice-activity-detection", {}, VoiceActivity)
_TEXT: Final = _Kind("text-classification", {}, TextModel)
# What a request can carry and a log can show.
_NAME: Final = re.compile(r"\w[\w.-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of an artefact: ``version``, ``sha256`` and ``card`` once its hashes were right, and in the end
    the ``model``, or the ``reason`` why there is none."""

    name: str
    task: str
    labels: Labels
    version: str | None = None
    sha256: str | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    model: Model | None = None
    reason: str | None = None

    @property
    def waits(self) -> bool:
        """Nobody has asked for it yet."""
        return self.model is None and self.reason is None


class Registry:
    """The artefacts by name. :meth:`load` makes it; threads may use it at once.

    Attributes:
        required: the names of those that were loaded at the start, without which the service is not ready.
    """

    def __init__(
        self, models_dir: Path, acoustic: Sequence[Entry], text: Sequence[Entry], defaults: Mapping[Task, str]
    ) -> None:
        """``text`` are the entries of the text models, which have to go together; ``defaults`` the emotion models of
        each task that are used unless a request names another."""
        models = [cast(TextModel, entry.model) for entry in text if entry.model is not None]
        self._text_models: TextModels | None = None
        if len(models) == len(text):
            try:
                self._text_models = TextModels(models)
            except ArtefactError as error:
                text = [_failed(entry, str(error)) for entry in text]
        self._text_names = [entry.name for entry in text]
        self.required = (_VOICE_ACTIVITY, *defaults.values(), *self._text_names)
        self._defaults = defaults
        self._models_dir = models_dir
        self._entries = {entry.name: entry for entry in (*acoustic, *text)}
        self._emotions = {entry.name: Task(entry.task) for entry in acoustic if entry.task in LABELS}
        self._loading = Lock()

    @classmethod
    def load(
        cls,
        models_dir: Path,
        text_models: Sequence[str],
        emotion_models: Sequence[str] = ("speech_encoder", "burst_encoder"),
    ) -> "Registry":
        """Verify and load the artefacts that are always needed: for texts those that ``text_models`` names, for the
        emotions of speech and of vocal bursts the two ``emotion_models``. Of the others under ``models_dir`` find the
        emotion models.

        A failure is kept in its entry, not raised.
        """
        defaults = dict(zip(Task, emotion_models, strict=True))
        emotions = [_load(models_dir, name, _EMOTIONS[task]) for task, name in defaults.items()]
        voice = _load(models_dir, _VOICE_ACTIVITY, _VOICE)
        acoustic = {_VOICE_ACTIVITY, *emotion_models}
        text = [_load_text(models_dir, name, acoustic) for name in dict.fromkeys(text_models)]
        found = _find(models_dir, beside={*acoustic, *text_models})
        return cls(models_dir, [voice, *emotions, *found], text, defaults)

    @property
    def entries(self) -> Mapping[str, Entry]:
        return self._entries

    @property
    def failures(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self._entries.values() if entry.reason is not None)

    def entry(self, name: str) -> Entry:
        """The artefact, loaded now unless it was before.

        Raises:
            UnknownModel: there is none of that name.
        """
        if name not in self._entries:
            raise UnknownModel(f"There is no model {name!r}; the models are {', '.join(self._entries)}.")
        if self._entries[name].waits:
            with self._loading:
                if self._entries[name].waits:
                    self._entries[name] = _load(self._models_dir, name, _EMOTIONS[self._emotions[name]])
        return self._entries[name]

    def acoustic(self, name: str | None) -> AcousticModels:
        """The models of an audio analysis; one that is named stands in for the default one of its task.

        Raises:
            UnknownModel: no emotion model has that name.
            NotReady: one of the three cannot be loaded.
        """
        if name is not None and name not in self._emotions:
            raise UnknownModel(
                f"There is no emotion model {name!r}; the emotion models are {', '.join(self._emotions)}."
            )
        chosen = {**self._defaults, **({self._emotions[name]: name} if name else {})}
        self.require(_VOICE_ACTIVITY, *chosen.values())
        return AcousticModels(
            voice_activity=cast(VoiceActivity, self._entries[_VOICE_ACTIVITY].model),
            speech_emotion=cast(EmotionModel, self._entries[chosen[Task.speech]].model),
            vocal_burst=cast(EmotionModel, self._entries[chosen[Task.vocal_burst]].model),
        )

    def text(self) -> TextModels:
        """Raises: NotReady."""
        self.require(*self._text_names)
        return cast(TextModels, self._text_models)

    def require(self, *names: str) -> None:
        """Raises: NotReady, which names each artefact among ``names`` that cannot be loaded, and why."""
        failed = [entry for entry in map(self.entry, names) if entry.model is None]
        if failed:
            reasons = "; ".join(f"{entry.name}: {entry.reason}" for entry in failed)
            raise NotReady(
                f"Put the artefact right and start the service again: {reasons}.",
                errors=[{"field": entry.name, "detail": entry.reason} for entry in failed],
            )


def _load(models_dir: Path, name: str, kind: _Kind) -> Entry:
    entry = Entry(name, kind.task, kind.labels)
    if name in (".", "..") or Path(name).name != name:
        return _failed(entry, f"settings name models by their folders in V2V_MODELS_DIR, and {name!r} is no such name")
    try:
        artefact = Artefact.load(models_dir / name)
        if artefact.name != name:
            raise ArtefactError(f"{models_dir / name} holds the artefact {artefact.name!r}")
        entry = replace(entry, version=artefact.version, sha256=artefact.sha256, card=artefact.card)
        model = kind.build(artefact)
        if isinstance(model, EmotionModel) and model.task != kind.task:
            raise ArtefactError(f"{name} has the labels of {model.task} where those of {kind.task} are needed")
    except Exception as error:  # beside ArtefactError, a foreign file can make the libraries raise anything
        # Callers read the reason too: where the folder lies is none of their business.
        reason = str(error).replace(f"{models_dir}/", "")
        return _failed(entry, reason, exc_info=not isinstance(error, ArtefactError))
    logger.info("%s %s is loaded", name, entry.version)
    return replace(entry, model=model, labels=model.heads if isinstance(model, TextModel) else kind.labels)


def _find(models_dir: Path, *, beside: Container[str]) -> list[Entry]:
    """The emotion models in the folders under ``models_dir`` but those ``beside`` them, as their cards say."""
    try:
        folders = sorted(models_dir.iterdir())
    except OSError as error:
        logger.error("No models are found: %s", error)
        return []
    entries = []
    for folder in folders:
        task = None if folder.name in beside else _card_task(folder)
        if task is not None and _NAME.fullmatch(folder.name):
            entries.append(Entry(folder.name, task, _EMOTIONS[task].labels))
        elif task is not None:
            logger.warning("%r is passed over: nobody could ask for a model of that name", folder.name)
    return entries


def _card_task(folder: Path) -> Task | None:
    try:
        task = json.loads((folder / CARD_FILE).read_bytes())["task"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%r is passed over: its %s names no task: %r", folder.name, CARD_FILE, error)
        return None
    return next((known for known in Task if known == task), None)


def _load_text(models_dir: Path, name: str, acoustic: Container[str]) -> Entry:
    if name in acoustic:
        entry = Entry(name, _TEXT.task, _TEXT.labels)
        return _failed(entry, f"V2V_TEXT_MODELS names {name}, which does not read texts")
    return _load(models_dir, name, _TEXT)


def _failed(entry: Entry, reason: str, *, exc_info: bool = False) -> Entry:
    logger.error("%s is not loaded: %s", entry.name, reason, exc_info=exc_info)
    return replace(entry, model=None, reason=reason)
