"""Sentiment of texts and of their sentences, on ONNX Runtime and ``tokenizers`` alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from service.emotions import SENTIMENTS
from service.inference.artefacts import Artefact, ArtefactError
from service.inference.sentences import Span, sentence_spans

TOKENIZER_FILE: Final = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class TextSpan:
    """The sentiment of characters ``start`` to ``end`` (exclusive) of a text.

    ``scores`` are calibrated probabilities by label and ``confidence`` is that of ``label``, the highest.
    ``truncated`` says that the span has more tokens than the model reads, and that the rest was left out.
    """

    start: int
    end: int
    label: str
    confidence: float
    scores: Mapping[str, float]
    truncated: bool


@dataclass(frozen=True, slots=True)
class TextResult:
    """The sentiment of a text, read by the model as one input, and of each of its sentences."""

    overall: TextSpan
    sentences: tuple[TextSpan, ...]


@dataclass(frozen=True, slots=True)
class _Score:
    scores: Mapping[str, float]
    truncated: bool


class SentimentModel:
    """A verified sentiment artefact, ready to run on ``threads`` CPU threads.

    Raises:
        ArtefactError: the artefact has no tokenizer or was made for other labels.
    """

    def __init__(self, artefact: Artefact, threads: int = 1) -> None:
        self.name = artefact.name
        self.version = artefact.version
        self.sha256 = artefact.sha256
        self.labels = SENTIMENTS
        self._session = artefact.session(threads=threads)
        _check_labels(artefact.name, self._session.get_modelmeta().custom_metadata_map.get("labels"))
        self._tokenizer = _load_tokenizer(artefact)

    def analyze(self, texts: Sequence[str]) -> list[TextResult]:
        """The sentiment of each of ``texts`` and of its sentences, in order.

        White space around a text is no part of it. A text longer than the model's limit is scored by its
        beginning; its sentences are all scored.
        """
        spans = [sentence_spans(text) for text in texts]
        wholes = [Span(found[0].start, found[-1].end) if found else Span(0, 0) for found in spans]
        # A text of one sentence, or one that comes twice, is computed once.
        pieces = {
            text[span.start : span.end]
            for text, whole, found in zip(texts, wholes, spans, strict=True)
            for span in (whole, *found)
        }
        scores = {piece: self._score(piece) for piece in pieces}

        def result(text: str, span: Span) -> TextSpan:
            score = scores[text[span.start : span.end]]
            label = max(score.scores, key=score.scores.__getitem__)
            return TextSpan(span.start, span.end, label, score.scores[label], score.scores, score.truncated)

        return [
            TextResult(result(text, whole), tuple(result(text, span) for span in found))
            for text, whole, found in zip(texts, wholes, spans, strict=True)
        ]

    def _score(self, piece: str) -> _Score:
        # Pieces run one by one: the int8 activations of an inference share their scale, so that in a batch the
        # scores of a text depend on its neighbours, and on a CPU a batch is hardly faster.
        # A lone surrogate is no character that UTF-8, and so the tokenizer, knows.
        encoding = self._tokenizer.encode(piece.encode("utf-8", "replace").decode())
        ids = np.array([encoding.ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        (probabilities,) = self._session.run(None, inputs)
        return _Score(dict(zip(self.labels, probabilities[0].tolist(), strict=True)), bool(encoding.overflowing))


def _check_labels(name: str, metadata: str | None) -> None:
    try:
        labels = json.loads(metadata or "null")
    except ValueError:
        labels = metadata
    if labels != list(SENTIMENTS):
        raise ArtefactError(f"{name} has the labels {labels}, the service {list(SENTIMENTS)}; export it again")


def _load_tokenizer(artefact: Artefact) -> Tokenizer:
    """The tokenizer, which cuts at the model's limit."""
    content = artefact.files.get(TOKENIZER_FILE)
    if content is None:
        raise ArtefactError(f"{artefact.name} has no {TOKENIZER_FILE}; export the model again")
    try:
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # tokenizers raises bare Exception
        raise ArtefactError(f"{TOKENIZER_FILE} of {artefact.name} cannot be read: {error}") from error
    if tokenizer.truncation is None or tokenizer.padding is not None:
        raise ArtefactError(f"{TOKENIZER_FILE} of {artefact.name} must cut and not pad; export the model again")
    return tokenizer
