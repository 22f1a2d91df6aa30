"""Texts as token ids, with the same ``tokenizers`` code that the service runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from training.text.datasets import Example

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of N texts, the id that pads them, and what is known of them.

    Each target is a distribution over labels, times a weight, and zero where nothing is known: ``sentiments`` (N, 3),
    ``emotions`` (N, 7) and ``fine_emotions`` (N, 28). Several labels of one text share it evenly.
    """

    ids: Sequence[Sequence[int]]
    pad_id: int
    sentiments: Floats
    emotions: Floats
    fine_emotions: Floats

    def targets(self, head: str) -> Floats:
        """What ``head`` is evaluated on: the three sentiments or the seven emotions."""
        return self.sentiments if head == "sentiment" else self.emotions

    def batch(self, rows: Sequence[int]) -> tuple[Ints, Ints]:
        """Ids and attention mask of ``rows``, each (len(rows), longest of them)."""
        longest = max(len(self.ids[row]) for row in rows)
        ids = np.full((len(rows), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for position, row in enumerate(rows):
            ids[position, : len(self.ids[row])] = self.ids[row]
            mask[position, : len(self.ids[row])] = 1
        return ids, mask


def load_tokenizer(checkpoint: str | Path, max_tokens: int, stride: int = 0) -> Tokenizer:
    """The tokenizer of a Hugging Face checkpoint, a folder or a name of the hub, its padding id set.

    It cuts at ``max_tokens``; what is left over follows as further windows, each repeating the last ``stride`` tokens.
    """
    published = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer: Tokenizer = published.backend_tokenizer
    tokenizer.enable_padding(pad_id=published.pad_token_id, pad_token=published.pad_token)
    tokenizer.enable_truncation(max_tokens, stride=stride)
    return tokenizer


def pad_id(tokenizer: Tokenizer) -> int:
    """The id with which ``tokenizer`` fills up a batch."""
    return int((tokenizer.padding or {})["pad_id"])


def knows_emoji(tokenizer: Tokenizer) -> bool:
    """Whether emoji are more to it than one unknown sign."""
    one, other = (tokenizer.encode(emoji, add_special_tokens=False).ids for emoji in "😀😡")
    return one != other


def encode(tokenizer: Tokenizer, examples: Sequence[Example]) -> Encoded:
    """Token ids of ``examples``, without padding, and their targets."""
    return Encoded(
        encode_texts(tokenizer, [example.text for example in examples]),
        pad_id(tokenizer),
        distributions(SENTIMENTS, [(e.sentiment,) if e.sentiment else () for e in examples]),
        distributions(TEXT_EMOTIONS, [example.emotions for example in examples]),
        distributions(tuple(GOEMOTIONS), [example.fine_emotions for example in examples]),
    )


def join(parts: Sequence[Encoded]) -> Encoded:
    """The texts of all ``parts``, the targets weighted so that every part that knows a head weighs the same in it."""

    def weights(head: str) -> list[float]:
        known = [int(part.targets(head).any(1).sum()) for part in parts]
        mean = sum(known) / max(len([count for count in known if count]), 1)
        return [mean / max(count, 1) for count in known]

    sentiment, emotion = weights("sentiment"), weights("emotion")
    return Encoded(
        [ids for part in parts for ids in part.ids],
        parts[0].pad_id,
        np.concatenate([part.sentiments * np.float32(w) for part, w in zip(parts, sentiment, strict=True)]),
        np.concatenate([part.emotions * np.float32(w) for part, w in zip(parts, emotion, strict=True)]),
        np.concatenate([part.fine_emotions * np.float32(w) for part, w in zip(parts, emotion, strict=True)]),
    )


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of the first window of each text, without padding."""
    return [encoding.ids[: sum(encoding.attention_mask)] for encoding in tokenizer.encode_batch(list(texts))]


def distributions(labels: tuple[str, ...], known: Sequence[tuple[str, ...]]) -> Floats:
    """Even distributions (N, labels) over what is ``known`` of each text, zero where that is nothing."""
    targets = np.zeros((len(known), len(labels)), dtype=np.float32)
    for row, names in enumerate(known):
        targets[row, [labels.index(name) for name in names]] = 1 / max(len(names), 1)
    return targets


def training_batches(encoded: Encoded, batch_size: int, seed: Sequence[int]) -> list[list[int]]:
    """Rows of one epoch in shuffled batches of texts of similar length, the same for the same ``seed``.

    Sorting only within stretches of fifty batches keeps the batches random while padding stays small.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(encoded.ids))
    batches = []
    for start in range(0, len(order), 50 * batch_size):
        stretch = sorted(order[start : start + 50 * batch_size].tolist(), key=lambda row: len(encoded.ids[row]))
        batches += [stretch[first : first + batch_size] for first in range(0, len(stretch), batch_size)]
    return [batches[index] for index in random.permutation(len(batches))]


def evaluation_batches(encoded: Encoded, batch_size: int) -> Iterator[list[int]]:
    """Every row once, in batches by length."""
    order = sorted(range(len(encoded.ids)), key=lambda row: len(encoded.ids[row]))
    for first in range(0, len(order), batch_size):
        yield order[first : first + batch_size]
