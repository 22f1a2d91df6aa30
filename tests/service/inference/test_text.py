import json
import shutil
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import BertTokenizer

from service.emotions import SENTIMENTS
from service.inference.artefacts import CARD_FILE, MODEL_FILE, Artefact, ArtefactError, write_sums
from service.inference.text import TOKENIZER_FILE, SentimentModel
from training.text.card import readme
from training.text.datasets import read_meld
from training.text.export import metadata

FOLDER = Path(__file__).resolve().parents[3] / "onnx_models" / "text_sentiment"


@pytest.fixture(scope="module")
def model() -> SentimentModel:
    return SentimentModel(Artefact.load(FOLDER))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped artefact in a folder of the test's own."""
    return shutil.copytree(FOLDER, tmp_path / FOLDER.name)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this, thank you", "positive"),
        ("I want my money back, this is a disgrace", "negative"),
        ("The meeting is on Tuesday", "neutral"),
    ],
)
def test_plain_cases(model, text, label):
    (result,) = model.analyze([text])
    assert result.overall.label == label
    assert result.overall.confidence == max(result.overall.scores.values())


def test_each_sentence_has_its_own_sentiment(model):
    text = "  The meeting is on Tuesday. I hate this terrible product!\nBut thank you, your agent was wonderful.  "
    (result,) = model.analyze([text])
    assert [text[sentence.start : sentence.end] for sentence in result.sentences] == [
        "The meeting is on Tuesday.",
        "I hate this terrible product!",
        "But thank you, your agent was wonderful.",
    ]
    assert [sentence.label for sentence in result.sentences] == ["neutral", "negative", "positive"]
    assert (result.overall.start, result.overall.end) == (2, len(text) - 2)


def test_the_overall_of_one_sentence_is_that_sentence(model):
    (result,) = model.analyze([" We waited for an hour. "])
    assert result.sentences == (result.overall,)


def test_a_long_text_is_truncated_and_says_so(model):
    long = "The first bill was wrong and nobody called back. " * 60
    (result,) = model.analyze([long])
    assert result.overall.truncated
    assert not any(sentence.truncated for sentence in result.sentences)
    (cut,) = model.analyze([long[: len(long) // 2].rsplit(".", 1)[0] + "."])
    assert cut.overall.scores == result.overall.scores


def test_an_empty_text_has_no_sentences(model):
    for result in model.analyze(["", " \n "]):
        assert result.sentences == ()
        assert (result.overall.start, result.overall.end) == (0, 0)
        assert sum(result.overall.scores.values()) == pytest.approx(1, abs=1e-5)


TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(), max_size=30),
        st.text(st.characters(categories=["Cs", "So", "Mn", "Cc", "Lo"]), max_size=10),
        st.sampled_from(["I love it. I hate it.", "ok", "Why? 😍", "é́", "word " * 300]),
    ),
    max_size=5,
)


@given(TEXTS)
@settings(derandomize=True, deadline=None, max_examples=50)
def test_a_batch_gives_what_single_texts_give(model, texts):
    results = model.analyze(texts)
    assert results == [model.analyze([text])[0] for text in texts]
    for result in results:
        for span in (result.overall, *result.sentences):
            assert set(span.scores) == set(SENTIMENTS)
            assert sum(span.scores.values()) == pytest.approx(1, abs=1e-5)


def test_tokens_are_those_of_transformers(shared):
    tokenizer = Tokenizer.from_file(str(FOLDER / TOKENIZER_FILE))
    limit = tokenizer.truncation["max_length"]
    reference = BertTokenizer(vocab=tokenizer.get_vocab(), do_lower_case=True)
    texts = [example.text for example in read_meld(shared / "data" / "meld").test]
    texts += [
        "",
        "  ",
        "Ça va? ÀÉÎÕÜ ñ",
        "😍👍🏽 👩‍👩‍👧 ok",
        "日本語です",
        "word " * 1000,
        "x" * 500,
        "a\u200bb\x00c\tz",
        "e\u0301",
    ]
    expected = reference(texts, truncation=True, max_length=limit)["input_ids"]
    assert [encoding.ids for encoding in tokenizer.encode_batch(texts)] == expected


def test_the_shipped_readme_is_made_from_the_card():
    card = json.loads((FOLDER / CARD_FILE).read_text(encoding="utf-8"))
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == readme(card)


def test_other_labels_are_refused(folder):
    network = onnx.load(folder / MODEL_FILE)
    onnx.helper.set_model_props(network, metadata("text_sentiment", "1.0.0", ("bad", "good")))
    onnx.save(network, folder / MODEL_FILE)
    write_sums(folder)
    with pytest.raises(ArtefactError, match="'bad', 'good'"):
        SentimentModel(Artefact.load(folder))


def test_a_missing_tokenizer_is_refused(folder):
    (folder / TOKENIZER_FILE).unlink()
    write_sums(folder)
    with pytest.raises(ArtefactError, match=r"no tokenizer\.json"):
        SentimentModel(Artefact.load(folder))


def test_a_tokenizer_that_cannot_be_read_is_refused(folder):
    (folder / TOKENIZER_FILE).write_text("{}", encoding="utf-8")
    write_sums(folder)
    with pytest.raises(ArtefactError, match=r"tokenizer\.json of text_sentiment cannot be read"):
        SentimentModel(Artefact.load(folder))
