import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from service.emotions import GOEMOTIONS, TEXT_EMOTIONS
from training.text.datasets import Example
from training.text.tokens import (
    Encoded,
    encode,
    evaluation_batches,
    join,
    knows_emoji,
    load_tokenizer,
    training_batches,
)


@pytest.fixture
def encoded() -> Encoded:
    random = np.random.default_rng(3)
    return _encoded([[7] * length for length in random.integers(2, 40, size=500)])


def _encoded(ids: list[list[int]]) -> Encoded:
    return Encoded(ids, 9, *(np.zeros((len(ids), labels), dtype=np.float32) for labels in (3, 7, 28)))


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
    ids, mask = _encoded([[5, 6, 7], [8]]).batch([1, 0])
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
    found = encode(tokenizer, [Example(text) for text in texts])
    assert found.ids == reference(texts, truncation=True, max_length=16)["input_ids"]
    assert found.pad_id == reference.convert_tokens_to_ids("[PAD]")


def test_targets_share_what_is_known_evenly(encoder_folder):
    examples = [
        Example("it", "positive", ("joy",), ("joy", "love")),
        Example("is", None, ("anger", "joy"), ("anger", "pride")),
        Example("a", "negative"),
    ]
    found = encode(load_tokenizer(encoder_folder, 16), examples)
    assert found.sentiments.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    assert found.emotions[:, [TEXT_EMOTIONS.index("anger"), TEXT_EMOTIONS.index("joy")]].tolist() == [
        [0, 1],
        [0.5, 0.5],
        [0, 0],
    ]
    assert found.fine_emotions.sum(1).tolist() == [1, 1, 0]
    assert found.fine_emotions[0, tuple(GOEMOTIONS).index("love")] == 0.5


def test_every_corpus_weighs_the_same_in_a_head_that_it_knows(encoder_folder):
    tokenizer = load_tokenizer(encoder_folder, 16)
    large = encode(tokenizer, [Example("it", "positive", ("joy",), ("love",))] * 6)
    small = encode(tokenizer, [Example("is", "negative", ("anger",))] * 2 + [Example("a", None, ("fear",))])
    without_emotions = encode(tokenizer, [Example("we", "neutral")] * 4)
    joined = join([large, small, without_emotions])
    assert joined.ids == [*large.ids, *small.ids, *without_emotions.ids]
    for targets, parts in ((joined.sentiments, 3), (joined.emotions, 2)):
        sums = [targets[rows].sum() for rows in (slice(6), slice(6, 9), slice(9, 13))]
        known = [total for total in sums if total]
        assert len(known) == parts
        np.testing.assert_allclose(known, np.mean(known), rtol=1e-6)
    np.testing.assert_array_equal(joined.fine_emotions[:6].sum(1), joined.emotions[:6].sum(1))


def test_what_does_not_fit_a_window_follows_in_others(encoder_folder):
    tokenizer = load_tokenizer(encoder_folder, 8, stride=2)
    words = ["it", "is", "a", "we", "was", "this", "the", "table"]
    encoding = tokenizer.encode(" ".join(words))
    windows = [[token for token in found.tokens if token in words] for found in (encoding, *encoding.overflowing)]
    assert windows == [words[:6], words[4:]]


def test_a_vocabulary_of_letters_knows_no_emoji(encoder_folder):
    tokenizer = load_tokenizer(encoder_folder, 16)
    assert not knows_emoji(tokenizer)
    tokenizer.add_tokens(["😀"])
    assert knows_emoji(tokenizer)
