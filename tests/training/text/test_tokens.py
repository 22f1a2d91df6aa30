import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from training.text.datasets import Example
from training.text.tokens import Encoded, encode, evaluation_batches, load_tokenizer, training_batches


@pytest.fixture
def encoded() -> Encoded:
    random = np.random.default_rng(3)
    return Encoded([[7] * length for length in random.integers(2, 40, size=500)], np.zeros(500, dtype=np.int64), 0)


def test_every_text_is_trained_on_once_an_epoch(encoded):
    batches = training_batches(encoded, 32, (1, 0))
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    assert max(map(len, batches)) == 32


def test_epochs_differ_and_the_same_epoch_does_not(encoded):
    assert training_batches(encoded, 32, (1, 0)) == training_batches(encoded, 32, (1, 0))
    assert training_batches(encoded, 32, (1, 0)) != training_batches(encoded, 32, (1, 1))


def test_batches_hold_texts_of_similar_length(encoded):
    for batches in (training_batches(encoded, 32, (1, 0)), list(evaluation_batches(encoded, 32))):
        padded = sum(len(batch) * max(len(encoded.ids[row]) for row in batch) for batch in batches)
        assert padded < 1.15 * sum(map(len, encoded.ids))


def test_a_batch_is_padded_to_its_longest_text():
    ids, mask = Encoded([[5, 6, 7], [8]], np.zeros(2, dtype=np.int64), pad_id=9).batch([1, 0])
    assert ids.tolist() == [[8, 9, 9], [5, 6, 7]]
    assert mask.tolist() == [[1, 0, 0], [1, 1, 1]]


def test_tokens_are_those_of_transformers(encoder_folder):
    texts = [
        "we love this",
        "",
        "  ",
        "Écoutez, the MEETING!",
        "great 😍😍 thanks",
        "it " * 500,
        "\x00\u200b is",
        "日本 is",
    ]
    reference = PreTrainedTokenizerFast(tokenizer_file=str(encoder_folder / "tokenizer.json"))
    tokenizer = load_tokenizer(encoder_folder, 16)
    found = encode(tokenizer, [Example(text, 0) for text in texts])
    assert found.ids == reference(texts, truncation=True, max_length=16)["input_ids"]
    assert found.pad_id == reference.convert_tokens_to_ids("[PAD]")
