"""Texts in passages: what the text models are given of a text, and what comes of their readings.

A text is read as a whole and sentence by sentence. The way is the same wherever the reading is done: :func:`plan` says
which pieces are to be read, :class:`TextModels` reads pieces, and :meth:`Plan.results` puts the readings in place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.emotions import GOEMOTIONS, TEXT_EMOTIONS
from service.inference.artefacts import ArtefactError
from service.inference.sentences import Span, sentence_spans
from service.inference.text import EMOTION, HEADS, SENTIMENT, Readings, TextModel
from service.observability.inference import observer, stage


@dataclass(frozen=True, slots=True)
class Distribution:
    """Calibrated probabilities by label, and the likeliest."""

    label: str
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Emotion(Distribution):
    """A distribution over TEXT_EMOTIONS; ``fine_label`` is the likeliest of the model's own labels under ``label``."""

    fine_label: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the models make of a piece, and in how many windows the one that takes least at a time read it."""

    sentiment: Distribution
    emotion: Emotion
    windows: int


class Sentence(NamedTuple):
    span: Span
    reading: Reading


@dataclass(frozen=True, slots=True)
class TextResult:
    """A text, read as one piece without the white space around it, and each of its sentences."""

    whole: Reading
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the sentences of each text are, and the pieces to be read, each of which comes once."""

    texts: Sequence[str]
    spans: Sequence[Sequence[Span]]
    pieces: tuple[str, ...]

    def results(self, readings: Sequence[Reading]) -> list[TextResult]:
        """The results of the texts, given the ``readings`` of the pieces."""
        by_piece = dict(zip(self.pieces, readings, strict=True))
        return [
            TextResult(
                by_piece[_whole(text, spans)],
                tuple(Sentence(span, by_piece[text[span.start : span.end]]) for span in spans),
            )
            for text, spans in zip(self.texts, self.spans, strict=True)
        ]


def plan(texts: Sequence[str]) -> Plan:
    """What is to be read of ``texts``."""
    spans = [sentence_spans(text) for text in texts]
    pieces = chain.from_iterable(map(_pieces, texts, spans))
    return Plan(texts, spans, tuple(dict.fromkeys(pieces)))


def _pieces(text: str, spans: Sequence[Span]) -> Iterator[str]:
    yield _whole(text, spans)
    for span in spans:
        yield text[span.start : span.end]


def _whole(text: str, spans: Sequence[Span]) -> str:
    return text[spans[0].start : spans[-1].end] if spans else ""


class TextModels:
    """Models that have every head between them; threads may read at once."""

    def __init__(self, models: Sequence[TextModel]) -> None:
        """Raises ArtefactError where a head is missing, or more than one model has it."""
        self.models = tuple(models)
        for head in HEADS:
            names = [model.name for model in models if head in model.heads]
            if len(names) != 1:
                found = f"{' and '.join(names)} have" if names else "no model has"
                raise ArtefactError(f"{found} the head {head!r}; V2V_TEXT_MODELS must name one model for each head")
        self._sentiments, self._emotions = (
            next(model.heads[head] for model in models if head in model.heads) for head in (SENTIMENT, EMOTION)
        )
        groups = [GOEMOTIONS[label] for label in self._emotions]
        self._groups = np.array([[group == emotion for emotion in TEXT_EMOTIONS] for group in groups])

    def read(self, pieces: Sequence[str]) -> list[Reading]:
        """What the models make of each of ``pieces``."""
        readings = [self._read(model, pieces) for model in self.models]
        probabilities = {head: found for reading in readings for head, found in reading.probabilities.items()}
        windows = np.max([reading.windows for reading in readings], axis=0)
        sentiments = _distributions(self._sentiments, probabilities[SENTIMENT])
        emotions = self._emotions_of(probabilities[EMOTION])
        self._tell(SENTIMENT, sentiments)
        self._tell(EMOTION, emotions)
        return [Reading(*parts) for parts in zip(sentiments, emotions, windows.tolist(), strict=True)]

    def _read(self, model: TextModel, pieces: Sequence[str]) -> Readings:
        with stage("text", model.name):
            return model.read(pieces)

    def _tell(self, head: str, found: Sequence[Distribution]) -> None:
        model = next(model.name for model in self.models if head in model.heads)
        for each in found:
            observer().predicted(model, head, each.label, each.scores[each.label])

    def _emotions_of(self, probabilities: NDArray[np.float32]) -> list[Emotion]:
        """The labels of the model, (N, labels), as those of GoEmotions are grouped."""
        grouped = probabilities @ self._groups.astype(np.float32)
        # Of each row only what lies under its likeliest group.
        fine = np.where(self._groups.T[grouped.argmax(axis=1)], probabilities, -1).argmax(axis=1)
        return [
            Emotion(found.label, found.scores, self._emotions[label])
            for found, label in zip(_distributions(TEXT_EMOTIONS, grouped), fine.tolist(), strict=True)
        ]


def _distributions(labels: Sequence[str], probabilities: NDArray[np.float32]) -> list[Distribution]:
    likeliest = probabilities.argmax(axis=1).tolist()
    return [
        Distribution(labels[label], dict(zip(labels, scores, strict=True)))
        for label, scores in zip(likeliest, probabilities.tolist(), strict=True)
    ]
