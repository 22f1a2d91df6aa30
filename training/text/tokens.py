"""Texts as token ids, with the same ``tokenizers`` code that the service runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.text.datasets import Example

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of N texts, the id that pads them, and their classes (N,)."""

    ids: Sequence[Sequence[int]]
    labels: Ints
    pad_id: int

    def batch(self, rows: Sequence[int]) -> tuple[Ints, Ints]:
        """Ids and attention mask of ``rows``, each (len(rows), longest of them)."""
        longest = max(len(self.ids[row]) for row in rows)
        ids = np.full((len(rows), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for position, row in enumerate(rows):
            ids[position, : len(self.ids[row])] = self.ids[row]
            mask[position, : len(self.ids[row])] = 1
        return ids, mask


def load_tokenizer(encoder: Path, max_tokens: int) -> Tokenizer:
    """The tokenizer of a Hugging Face model folder, cutting at ``max_tokens``, its padding id set."""
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    pad_token = next(token for token in ("[PAD]", "<pad>") if tokenizer.token_to_id(token) is not None)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id(pad_token), pad_token=pad_token)
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def encode(tokenizer: Tokenizer, examples: Sequence[Example]) -> Encoded:
    """Token ids of ``examples``, without padding."""
    encodings = tokenizer.encode_batch([example.text for example in examples])
    return Encoded(
        [encoding.ids[: sum(encoding.attention_mask)] for encoding in encodings],
        np.array([example.label for example in examples], dtype=np.int64),
        (tokenizer.padding or {})["pad_id"],
    )


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
