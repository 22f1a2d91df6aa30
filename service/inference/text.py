"""The text models on ONNX Runtime: pieces of text in, calibrated probabilities of each head out.

Tokens come from ``tokenizers`` alone. A piece with more tokens than the model takes is read in windows that overlap,
and its probabilities are the mean of theirs, weighted by their tokens.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from service.inference.artefacts import Artefact, ArtefactError
from service.inference.emoji import spell_out

TOKENIZER_FILE: Final = "tokenizer.json"
SENTIMENT: Final = "sentiment"
EMOTION: Final = "emotion"
HEADS: Final = (SENTIMENT, EMOTION)
EMOJI_NAMES: Final = "names"
"""In the metadata ``emoji`` of an artefact: it was trained on texts whose emoji are spelled out."""
_INPUTS: Final = ("input_ids", "attention_mask")

# A run of the network costs as much as five more tokens in it: that much padding is worth one run less. Beyond some
# hundred tokens a larger batch only spills out of the processor's cache.
_PADDING_PER_RUN: Final = 5
_TOKENS_PER_RUN: Final = 512

Window = list[int]


@dataclass(frozen=True, slots=True)
class Readings:
    """What a model makes of N pieces.

    Attributes:
        probabilities: of each head, (N, labels); rows sum to 1.
        windows: in how many windows each piece was read, (N,).
    """

    probabilities: Mapping[str, NDArray[np.float32]]
    windows: NDArray[np.int64]


class TextModel:
    """A verified text artefact, ready to run on ``threads`` CPU threads; threads of the caller may read at once.

    Attributes:
        heads: what it tells of a piece, ``sentiment`` or ``emotion`` or both, and the labels of each.
    """

    def __init__(self, artefact: Artefact, threads: int = 1) -> None:
        """Raises ArtefactError where the tokenizer, the metadata or the network do not fit this code."""
        self.name = artefact.name
        self.version = artefact.version
        self.sha256 = artefact.sha256
        self._session = artefact.session(threads=threads)
        metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self._check("name", metadata.get("name"), self.name)
        self._check("version", metadata.get("version"), self.version)
        self.heads: Mapping[str, tuple[str, ...]] = self._heads(metadata.get("heads", ""))
        self._pad_id = self._number("pad_id", metadata.get("pad_id", ""))
        self._emoji_names = metadata.get("emoji") == EMOJI_NAMES
        self._tokenizer = _load_tokenizer(artefact)
        self._check("inputs", {node.name for node in self._session.get_inputs()}, set(_INPUTS))
        outputs = {node.name: node.shape[1:] for node in self._session.get_outputs()}
        self._check("outputs", outputs, {head: [len(labels)] for head, labels in self.heads.items()})

    def read(self, pieces: Sequence[str]) -> Readings:
        """Probabilities of the labels of each head for each of ``pieces``, in their order.

        A piece gets the same numbers whatever is read with it, but for rounding errors. Half a surrogate pair, which no
        tokenizer knows, is read as a question mark.
        """
        texts = [piece.encode("utf-8", "replace").decode() for piece in pieces]
        if self._emoji_names:
            texts = [spell_out(text) for text in texts]
        encodings = self._tokenizer.encode_batch_fast(texts)
        windows: list[Window] = [part.ids for encoding in encodings for part in (encoding, *encoding.overflowing)]
        found = {head: np.empty((len(windows), len(labels)), np.float32) for head, labels in self.heads.items()}
        for rows in _batches(windows):
            outputs = self._session.run(list(found), self._padded([windows[row] for row in rows]))
            for probabilities, output in zip(found.values(), outputs, strict=True):
                probabilities[rows] = output
        counts = np.array([1 + len(encoding.overflowing) for encoding in encodings], np.int64)
        first = np.cumsum(counts) - counts
        tokens = np.array([len(window) for window in windows], np.float32)
        shares = tokens / np.repeat(np.add.reduceat(tokens, first), counts)
        means = {head: np.add.reduceat(each * shares[:, None], first) for head, each in found.items()}
        return Readings(means, counts)

    def _padded(self, windows: Sequence[Window]) -> dict[str, NDArray[np.int64]]:
        """``windows`` as the network takes them: ids (N, longest) and the mask of what is no padding."""
        longest = max(map(len, windows))
        ids = np.full((len(windows), longest), self._pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = window
            mask[row, : len(window)] = 1
        return dict(zip(_INPUTS, (ids, mask), strict=True))

    def _heads(self, metadata: str) -> dict[str, tuple[str, ...]]:
        try:
            heads = {head: tuple(labels) for head, labels in json.loads(metadata).items()}
        except (ValueError, AttributeError, TypeError):
            heads = {}
        if not heads or heads.keys() - set(HEADS):
            raise self._misfit("heads", metadata, f"one or both of {', '.join(HEADS)}")
        if SENTIMENT in heads:
            self._check("labels of sentiment", heads[SENTIMENT], SENTIMENTS)
        if EMOTION in heads:
            labels = heads[EMOTION]
            if not (set(TEXT_EMOTIONS) <= set(labels) <= set(GOEMOTIONS) and len(set(labels)) == len(labels)):
                expected = f"{', '.join(TEXT_EMOTIONS)} and any other labels of GoEmotions, each once,"
                raise self._misfit("labels of emotion", labels, expected)
        return heads

    def _number(self, what: str, found: str) -> int:
        if not found.isdecimal():
            raise self._misfit(what, found, "a number")
        return int(found)

    def _check(self, what: str, found: Any, expected: Any) -> None:
        if found != expected:
            raise self._misfit(what, found, expected)

    def _misfit(self, what: str, found: Any, expected: Any) -> ArtefactError:
        return ArtefactError(
            f"{self.name}: {what} is {found!r} where this version of the service needs {expected}; export the model "
            "again or install the version that it was made for"
        )


def _batches(windows: Sequence[Window]) -> Iterator[list[int]]:
    """Indices of ``windows``, each once, in batches of similar length that are cheaper read together than apart."""
    batch: list[int] = []
    padding = 0
    for row in sorted(range(len(windows)), key=lambda row: len(windows[row])):
        length = len(windows[row])
        if batch:
            padding += len(batch) * (length - len(windows[batch[-1]]))
            if padding > _PADDING_PER_RUN or (len(batch) + 1) * length > _TOKENS_PER_RUN:
                yield batch
                batch, padding = [], 0
        batch.append(row)
    if batch:
        yield batch


def _load_tokenizer(artefact: Artefact) -> Tokenizer:
    """The tokenizer, which cuts what is longer than the model takes into windows."""
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
