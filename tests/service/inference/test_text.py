"""Text models, on doubles that are told by each label's own name; the bundled one where real words are needed."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from service.inference.artefacts import Artefact, ArtefactError, write_sums
from service.inference.text import TOKENIZER_FILE, TextModel
from tests.doubles import write_text_model

HEADS = {"sentiment": SENTIMENTS, "emotion": tuple(GOEMOTIONS)}
WINDOW, STRIDE = 12, 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TextModel:
    folder = tmp_path_factory.mktemp("models") / "double"
    write_text_model(folder, HEADS, window=WINDOW, stride=STRIDE)
    return TextModel(Artefact.load(folder))


@pytest.fixture(scope="module")
def bundled(models_dir: Path) -> TextModel:
    return TextModel(Artefact.load(models_dir / "text_minilm"))


def refused(folder: Path, labels=HEADS, **metadata: str) -> str:
    """Why a model with this metadata is not taken."""
    write_text_model(folder, labels, metadata=metadata)
    return refusal(folder)


def refusal(folder: Path) -> str:
    with pytest.raises(ArtefactError) as error:
        TextModel(Artefact.load(folder))
    return str(error.value)


def told(model: TextModel, head: str, pieces: list[str]) -> list[str]:
    return [model.heads[head][row.argmax()] for row in model.read(pieces).probabilities[head]]


class TestReading:
    def test_each_head_tells_of_each_piece(self, model):
        pieces = ["so negative", "positive!", "gratitude and neutral words"]
        assert told(model, "sentiment", pieces) == ["negative", "positive", "neutral"]
        assert told(model, "emotion", ["pride", "Fear", "no love lost"]) == ["pride", "fear", "love"]

    def test_what_is_read_with_it_changes_nothing(self, model):
        pieces = ["joy", "", "anger at a long and winding piece", "word " * 9, "negative, and fear"]
        together = model.read(pieces)
        for row, piece in enumerate(pieces):
            alone = model.read([piece])
            for head, probabilities in together.probabilities.items():
                np.testing.assert_allclose(probabilities[row], alone.probabilities[head][0], atol=1e-6)

    def test_order_is_kept_though_the_network_takes_them_by_length(self, model):
        pieces = ["positive " * count for count in (9, 1, 5)] + ["negative " * count for count in (2, 8, 1)]
        assert told(model, "sentiment", pieces) == ["positive"] * 3 + ["negative"] * 3

    def test_nothing_is_read_of_nothing(self, model):
        readings = model.read([])
        assert {head: found.shape for head, found in readings.probabilities.items()} == {
            "sentiment": (0, 3),
            "emotion": (0, 28),
        }
        assert readings.windows.tolist() == []

    def test_half_a_surrogate_pair_is_read_as_a_question_mark(self, model):
        torn, asked = (model.read([piece]).probabilities["emotion"] for piece in ("joy \ud800", "joy ?"))
        np.testing.assert_array_equal(torn, asked)

    def test_threads_may_read_at_once(self, model):
        pieces = [["joy", "anger " * count] for count in range(40)]
        expected = [model.read(each).probabilities["emotion"] for each in pieces]
        with ThreadPoolExecutor(4) as threads:
            found = [readings.probabilities["emotion"] for readings in threads.map(model.read, pieces)]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


class TestWindows:
    def test_a_piece_that_just_fits_is_read_in_one(self, model):
        room = WINDOW - 2  # beside the tokens that begin and end it
        assert model.read(["joy " * room, "joy " * (room + 1)]).windows.tolist() == [1, 2]

    def test_nothing_of_a_long_piece_is_left_out(self, model):
        assert told(model, "sentiment", ["neutral " * 10 + "negative " * 20]) == ["negative"]

    def test_windows_are_weighted_by_their_tokens(self, model):
        words = ["negative"] * 8 + ["neutral"] * 2 + ["positive"] * 4
        # The windows overlap by STRIDE words.
        first, second = model.read([" ".join(words[:10]), " ".join(words[10 - STRIDE :])]).probabilities["sentiment"]
        readings = model.read([" ".join(words)])
        assert readings.windows.tolist() == [2]
        tokens = np.array([12, 8])
        np.testing.assert_allclose(
            readings.probabilities["sentiment"][0], tokens @ np.stack([first, second]) / tokens.sum(), atol=1e-6
        )

    def test_a_long_piece_among_short_ones_is_combined_on_its_own(self, model):
        pieces = ["joy", "anger " * 50, "", "joy"]
        readings = model.read(pieces)
        assert readings.windows.tolist() == [1, 6, 1, 1]
        assert told(model, "emotion", pieces[:2]) == ["joy", "anger"]
        np.testing.assert_array_equal(
            readings.probabilities["emotion"][0],
            readings.probabilities["emotion"][3],
        )


WORDS = st.sampled_from([*SENTIMENTS, *GOEMOTIONS, "word", ".", "\U0001f642", "\ud800"])


@given(st.lists(st.lists(WORDS, max_size=40).map(" ".join) | st.text(st.characters(), max_size=30), max_size=8))
@settings(max_examples=60)
def test_any_batch_gives_what_single_pieces_give_and_sums_to_one(model, pieces):
    together = model.read(pieces)
    assert together.windows.min(initial=1) == 1 or min(map(len, pieces)) > WINDOW
    for head, probabilities in together.probabilities.items():
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        for row, piece in enumerate(pieces):
            alone = model.read([piece])
            np.testing.assert_allclose(probabilities[row], alone.probabilities[head][0], atol=1e-6)
            assert together.windows[row] == alone.windows[0]


class TestTheBundledModel:
    @pytest.mark.parametrize(
        ("text", "sentiment", "emotion"),
        [
            ("Thank you so much, you have been a great help!", "positive", "gratitude"),
            ("I am furious, this is the third time that you lied to me.", "negative", "anger"),
            ("The meeting is on Tuesday.", "neutral", "neutral"),
        ],
    )
    def test_plain_cases(self, bundled, text, sentiment, emotion):
        assert told(bundled, "sentiment", [text]) == [sentiment]
        assert told(bundled, "emotion", [text]) == [emotion]

    def test_a_batch_gives_what_single_texts_give(self, bundled):
        texts = [
            "I love it.",
            "The first bill was wrong and nobody called back. " * 40,
            "ok",
            "",
            "😍 é 👩‍👩‍👧",
            "x" * 3_000,
        ]
        together = bundled.read(texts)
        assert together.windows[1] > 1
        for row, text in enumerate(texts):
            alone = bundled.read([text])
            for head, probabilities in together.probabilities.items():
                np.testing.assert_allclose(probabilities[row], alone.probabilities[head][0], atol=1e-5)


class TestRefusal:
    @pytest.mark.parametrize("heads", ["", "no JSON", "[]", '{"sentiment": 3}', "{}", '{"topic": ["bill"]}'])
    def test_heads_that_are_not_known(self, tmp_path, heads):
        assert "heads is" in refused(tmp_path / "double", heads=heads)

    @pytest.mark.parametrize("labels", [("bad", "good"), ("positive", "neutral", "negative")])
    def test_other_sentiments(self, tmp_path, labels):
        assert "labels of sentiment" in refused(tmp_path / "double", {"sentiment": labels})

    @pytest.mark.parametrize(
        "labels",
        [
            tuple(label for label in GOEMOTIONS if GOEMOTIONS[label] != "joy"),
            (*TEXT_EMOTIONS, "boredom"),
            TEXT_EMOTIONS[1:],
        ],
    )
    def test_emotions_that_do_not_make_the_seven(self, tmp_path, labels):
        assert "labels of emotion" in refused(tmp_path / "double", {"emotion": labels})

    def test_an_emotion_that_comes_twice(self, tmp_path):
        labels = json.dumps({"emotion": [*TEXT_EMOTIONS, "joy"]})
        assert "labels of emotion" in refused(tmp_path / "double", {"emotion": TEXT_EMOTIONS}, heads=labels)

    @pytest.mark.parametrize("pad_id", ["", "[PAD]", "-1"])
    def test_a_padding_that_is_no_token(self, tmp_path, pad_id):
        assert "pad_id" in refused(tmp_path / "double", pad_id=pad_id)

    def test_outputs_that_are_not_the_heads(self, tmp_path):
        heads = json.dumps({"sentiment": SENTIMENTS})
        assert "outputs" in refused(tmp_path / "double", heads=heads)

    def test_another_version_than_the_cards(self, tmp_path):
        folder = tmp_path / "double"
        write_text_model(folder, HEADS)
        card = folder / "card.json"
        card.write_text(card.read_text().replace("0.0.0", "0.0.1"))
        write_sums(folder)
        assert "version is '0.0.0'" in refusal(folder)

    def test_no_tokenizer(self, tmp_path):
        folder = tmp_path / "double"
        write_text_model(folder, HEADS)
        (folder / TOKENIZER_FILE).unlink()
        write_sums(folder)
        assert "no tokenizer.json" in refusal(folder)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("{}", "cannot be read"),
            (None, "must cut and not pad"),
        ],
    )
    def test_a_tokenizer_that_does_not_fit(self, tmp_path, content, reason):
        folder = tmp_path / "double"
        write_text_model(folder, HEADS)
        file = folder / TOKENIZER_FILE
        file.write_text(content or json.dumps({**json.loads(file.read_text()), "truncation": None}))
        write_sums(folder)
        assert reason in refusal(folder)
