"""What is read of texts, and what comes of the readings, on doubles that are told by each label's own name."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emotions import GOEMOTIONS, SENTIMENTS, TEXT_EMOTIONS
from service.inference.artefacts import Artefact, ArtefactError
from service.inference.passages import TextModels, TextResult, plan
from service.inference.text import Readings, TextModel
from tests.doubles import write_text_model

SENTIMENT = {"sentiment": SENTIMENTS}
EMOTION = {"emotion": tuple(GOEMOTIONS)}
SEVEN = {"emotion": TEXT_EMOTIONS}

Load = Callable[..., TextModel]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    def written(heads, *, name="double", window=12) -> TextModel:
        folder = tmp_path_factory.mktemp("models") / name
        write_text_model(folder, heads, window=window)
        return TextModel(Artefact.load(folder))

    return written


@pytest.fixture(scope="module")
def models(load: Load) -> TextModels:
    return TextModels([load({**SENTIMENT, **EMOTION})])


def analyzed(models: TextModels, texts: Sequence[str]) -> list[TextResult]:
    planned = plan(texts)
    return planned.results(models.read(planned.pieces))


class TestPlan:
    def test_a_text_is_read_as_a_whole_and_by_sentence_without_the_white_space_around_it(self):
        assert plan(["  We waited. \n Nobody came! "]).pieces == (
            "We waited. \n Nobody came!",
            "We waited.",
            "Nobody came!",
        )

    def test_a_piece_that_comes_twice_is_read_once(self):
        assert plan(["Thanks.", "Thanks. Bye.", " Thanks. "]).pieces == ("Thanks.", "Thanks. Bye.", "Bye.")

    def test_where_there_is_nothing_but_white_space_there_is_no_sentence(self, models):
        (result,) = analyzed(models, [" \n "])
        assert result.sentences == ()
        assert sum(result.whole.sentiment.scores.values()) == pytest.approx(1)


class TestResults:
    def test_each_sentence_has_a_reading_of_its_own(self, models):
        text = "A negative anger. That is positive joy! A neutral gratitude."
        (result,) = analyzed(models, [text])
        assert [text[span.start : span.end] for span, _ in result.sentences] == [
            "A negative anger.",
            "That is positive joy!",
            "A neutral gratitude.",
        ]
        readings = [reading for _, reading in result.sentences]
        assert [reading.sentiment.label for reading in readings] == ["negative", "positive", "neutral"]
        assert [reading.emotion.fine_label for reading in readings] == ["anger", "joy", "gratitude"]

    def test_the_whole_of_one_sentence_is_that_sentence(self, models):
        (result,) = analyzed(models, [" We waited for an hour. "])
        ((_, reading),) = result.sentences
        assert result.whole is reading

    def test_texts_are_answered_in_their_order(self, models):
        results = analyzed(models, ["negative", "positive", "negative"])
        assert [result.whole.sentiment.label for result in results] == ["negative", "positive", "negative"]

    def test_a_long_text_says_in_how_many_windows_it_was_read(self, models):
        (result,) = analyzed(models, ["It was all joy to me. " * 10])
        assert result.whole.windows > 1
        assert {reading.windows for _, reading in result.sentences} == {1}


class TestEmotions:
    @pytest.mark.parametrize(("fine", "label"), GOEMOTIONS.items())
    def test_fine_labels_are_grouped(self, models, fine, label):
        (reading,) = models.read([fine])
        assert (reading.emotion.label, reading.emotion.fine_label) == (label, fine)

    def test_the_fine_label_is_the_likeliest_under_the_label_and_not_of_all(self):
        class Torn(TextModel):
            """Two joys outweigh a fear that is likelier than either."""

            def __init__(self) -> None:
                self.name, self.heads = "torn", {**SENTIMENT, **EMOTION}

            def read(self, pieces: Sequence[str]) -> Readings:
                fine = {"fear": 0.4, "love": 0.35, "pride": 0.25}
                emotions = np.array([[fine.get(label, 0) for label in GOEMOTIONS]], np.float32)
                return Readings({"sentiment": np.array([[1, 0, 0]], np.float32), "emotion": emotions}, np.array([1]))

        (reading,) = TextModels([Torn()]).read(["torn"])
        assert (reading.emotion.label, reading.emotion.fine_label) == ("joy", "love")
        assert reading.emotion.scores["joy"] == pytest.approx(0.6)

    def test_a_model_of_the_seven_alone_has_no_finer_ones(self, load):
        models = TextModels([load({**SENTIMENT, **SEVEN})])
        (reading,) = models.read(["surprise"])
        assert (reading.emotion.label, reading.emotion.fine_label) == ("surprise", "surprise")
        assert tuple(reading.emotion.scores) == TEXT_EMOTIONS

    def test_what_is_under_a_label_adds_up(self, load):
        model = load({**SENTIMENT, **EMOTION})
        pieces = ["love and pride and fear", "grief"]
        for reading, probabilities in zip(
            TextModels([model]).read(pieces), model.read(pieces).probabilities["emotion"], strict=True
        ):
            for label, score in reading.emotion.scores.items():
                fine = [p for p, name in zip(probabilities, GOEMOTIONS, strict=True) if GOEMOTIONS[name] == label]
                assert score == pytest.approx(sum(fine), abs=1e-6)


class TestSeveralModels:
    def test_two_give_what_one_of_both_heads_gives(self, load):
        models = TextModels([load(SENTIMENT, name="one"), load(EMOTION, name="two")])
        (reading,) = models.read(["positive pride"])
        assert (reading.sentiment.label, reading.emotion.fine_label) == ("positive", "pride")

    def test_windows_are_those_of_the_one_that_needs_most(self, load):
        models = TextModels([load(EMOTION, name="one", window=100), load(SENTIMENT, name="two", window=8)])
        assert [reading.windows for reading in models.read(["joy", "joy " * 10])] == [1, 2]

    @pytest.mark.parametrize(
        ("heads", "reason"),
        [
            ([SENTIMENT], "no model has the head 'emotion'"),
            ([EMOTION], "no model has the head 'sentiment'"),
            ([SENTIMENT | EMOTION, SEVEN], "one and two have the head 'emotion'"),
            ([], "no model has the head"),
        ],
    )
    def test_each_head_must_be_there_once(self, load, heads, reason):
        models = [load(each, name=name) for each, name in zip(heads, ("one", "two"), strict=False)]
        with pytest.raises(ArtefactError, match=f"{reason}.*V2V_TEXT_MODELS"):
            TextModels(models)


TEXT = st.lists(st.sampled_from([*SENTIMENTS, *GOEMOTIONS, ".", "!\n", "Dr.", "\u3002", "\U0001f642", "\ud800"]))


@given(st.lists(TEXT.map(" ".join) | st.text(st.characters(), max_size=40), max_size=5))
def test_any_batch_gives_what_single_texts_give(models, texts):
    results = analyzed(models, texts)
    for text, result in zip(texts, results, strict=True):
        (alone,) = analyzed(models, [text])
        assert [span for span, _ in result.sentences] == [span for span, _ in alone.sentences]
        readings = [result.whole, *(reading for _, reading in result.sentences)]
        others = [alone.whole, *(reading for _, reading in alone.sentences)]
        for reading, other in zip(readings, others, strict=True):
            for found, expected in ((reading.sentiment, other.sentiment), (reading.emotion, other.emotion)):
                assert found.scores == pytest.approx(expected.scores, abs=1e-6)
                assert sum(found.scores.values()) == pytest.approx(1, abs=1e-5)
                assert found.scores[found.label] == max(found.scores.values())
            assert GOEMOTIONS[reading.emotion.fine_label] == reading.emotion.label


@given(TEXT.map(" ".join) | st.text(st.characters()))
def test_only_white_space_lies_between_sentences(text):
    ends = 0
    for start, end in plan([text]).spans[0]:
        assert not text[ends:start].strip()
        assert text[start:end].strip() == text[start:end] != ""
        ends = end
    assert not text[ends:].strip()
