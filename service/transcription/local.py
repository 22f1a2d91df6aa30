"""Whisper on this machine, through faster-whisper: nothing leaves it."""

import importlib.util
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import anyio.from_thread
import anyio.to_thread
import numpy as np
from anyio import CapacityLimiter

from service.audio.contained import decode
from service.audio.decode import SAMPLE_RATE, Limits
from service.audio.features import Floats
from service.problems import Problem
from service.settings import SettingsError
from service.transcription import Order, Refused, Request, Transcript, Unavailable, Utterance, Word

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_LOG: Final = logging.getLogger(__name__)

# On telephone speech tiny.en falls into a loop with 2; this takes a fifth longer.
_BEAM: Final = 5
# What ends what a voice says at a stretch.
_PAUSE_SECONDS: Final = 1.0
_DETECTION_SECONDS: Final = 300


class Local:
    """A :class:`~service.transcription.Provider`. The model is loaded with the first recording.

    Args:
        model: a folder in CTranslate2 form, or a name that faster-whisper can download.
        limits: of the recordings.
        limiter: a place in it is taken for as long as a recording is worked on, on one core.

    Raises:
        SettingsError: faster-whisper is not installed.
    """

    name: Final = "local"
    remote: Final = False

    def __init__(self, *, model: str, limits: Limits, limiter: CapacityLimiter) -> None:
        if importlib.util.find_spec("faster_whisper") is None:
            raise SettingsError(
                f"V2V_LOCAL_ASR_MODEL={model}: faster-whisper is not installed; "
                "install it with pip install 'voice-to-value[local-asr]'"
            )
        self._name = model
        self._limits = limits
        self._limiter = limiter
        self._loading = threading.Lock()
        self._model: WhisperModel | None = None

    async def advance(self, request: Request, order: Order) -> Transcript:
        """As the port says, in one step. Cancelling it takes effect within the next 30 seconds of the recording."""
        return await anyio.to_thread.run_sync(self._transcribe, request, limiter=self._limiter)

    async def forget(self, order: Order) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        self._model = None

    def _transcribe(self, request: Request) -> Transcript:
        model = self._loaded()
        with request.open() as file:
            samples = self._decoded(file)
        mixed = samples.mean(axis=0)
        language = self._language(model, request.language, mixed)
        if request.separate:
            heard = [
                utterance
                for number, channel in enumerate(samples, start=1)
                for utterance in _utterances(model, channel, language, number)
            ]
        else:
            heard = list(_utterances(model, mixed, language, None))
        heard.sort(key=lambda utterance: utterance.start_ms)
        return Transcript(
            text=" ".join(utterance.text for utterance in heard),
            language=language if heard else None,
            model=Path(self._name).name,
            utterances=tuple(heard),
        )

    def _loaded(self) -> "WhisperModel":
        with self._loading:
            if self._model is None:
                # Imported here, for it is an extra.
                from faster_whisper import WhisperModel

                workers = int(self._limiter.total_tokens)
                try:
                    self._model = WhisperModel(
                        self._name, device="cpu", compute_type="int8", cpu_threads=1, num_workers=workers
                    )
                except Exception as error:  # of CTranslate2, Hugging Face's client, the file system
                    _LOG.exception("the model %s cannot be loaded", self._name)
                    raise Unavailable("The speech recogniser of this service cannot be loaded.") from error
            return self._model

    def _decoded(self, file: BinaryIO) -> Floats:
        try:
            return decode(file, self._limits).samples
        except Problem as problem:
            raise Refused(problem.detail) from problem

    def _language(self, model: "WhisperModel", wanted: str | None, mixed: Floats) -> str:
        """The code of the one language that the model is to hear on all channels."""
        known = model.supported_languages
        if wanted is None:
            # A channel of its own may hold too few words to tell; transcribe() tells the language before it starts.
            _, info = model.transcribe(mixed[: _DETECTION_SECONDS * SAMPLE_RATE], vad_filter=True)
            return str(info.language)
        language = wanted.lower().replace("-", "_").partition("_")[0]
        if language not in known:
            raise Refused(f"The speech recogniser of this service does not know the language {language}.")
        return language


def _utterances(model: "WhisperModel", samples: Floats, language: str, channel: int | None) -> Iterator[Utterance]:
    """What the model hears, up to each pause.

    A segment of Whisper's is a sentence or part of one, which may go on after a pause; a channel of its own may go on
    with the next segment, where a mixed one may have changed its voice.
    """
    spoken: list[Any] = []
    for segment in _segments(model, samples, language):
        if channel is None and spoken:
            yield _utterance(spoken, channel)
            spoken = []
        for word in segment.words:
            if spoken and word.start - spoken[-1].end > _PAUSE_SECONDS:
                yield _utterance(spoken, channel)
                spoken = []
            spoken.append(word)
    if spoken:
        yield _utterance(spoken, channel)


def _segments(model: "WhisperModel", samples: Floats, language: str) -> Iterator[Any]:
    segments, _ = model.transcribe(
        np.ascontiguousarray(samples),
        language=language,
        beam_size=_BEAM,
        # No second try with dice, so that the same recording gives the same words.
        temperature=0.0,
        condition_on_previous_text=False,
        word_timestamps=True,
        vad_filter=True,
    )
    for segment in segments:
        anyio.from_thread.check_cancelled()
        yield segment


def _utterance(spoken: Sequence[Any], channel: int | None) -> Utterance:
    words = tuple(_word(word) for word in spoken)
    return Utterance(
        start_ms=words[0].start_ms,
        end_ms=words[-1].end_ms,
        channel=channel,
        speaker=None,
        # Each word brings the space before it, in the languages that have one.
        text="".join(word.word for word in spoken).strip(),
        confidence=sum(word.confidence for word in words) / len(words),
        words=words,
    )


def _word(word: Any) -> Word:
    start_ms, end_ms = (max(0, round(1000 * float(seconds))) for seconds in (word.start, word.end))
    return Word(start_ms, max(start_ms, end_ms), word.word.strip(), float(word.probability))
