"""Words and voice side by side."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from service.analyses.abstention import Abstention
from service.analyses.acoustic import Layout, Role, Source
from service.analyses.combine import Meaning, Read, combine, read
from service.emotions import GOEMOTIONS
from service.schemas import Prediction, TextEmotion, TextModelVersion, Words
from service.transcription import Transcript, Utterance, Word
from tests.service.analyses.kit import TRANSCRIPT, acoustics, segment

MODELS = [TextModelVersion(name="text_minilm", version="1.0.0", sha256="0" * 64, heads=["sentiment", "emotion"])]
JOY = TextEmotion(label="joy", confidence=1, scores={"joy": 1.0}, fine_label="gratitude")
ANGRY = {"anger": 0.75, "neutral": 0.25}
CALM = {"anger": 0.25, "neutral": 0.75}


def said(start_ms=0, end_ms=2_000, *, channel=1, text="This is not acceptable.", speaker=None, words=()):
    return Utterance(start_ms, end_ms, channel, speaker, text, 0.9, words)


def transcript(*utterances, language="en_us"):
    return Transcript(" ".join(each.text for each in utterances), language, "universal-2", utterances)


def predicted(**scores):
    label = max(scores, key=scores.__getitem__)
    return Prediction(label=label, confidence=scores[label], scores=scores)


def combined(*utterances, sentiments=None, heard=None):
    meanings = [each and Meaning(sentiment=each, emotion=JOY) for each in sentiments or []]
    found = None if sentiments is None else Read(models=MODELS, utterances=meanings)
    return combine(transcript(*utterances), found, heard or acoustics())


class TestReading:
    @pytest.fixture
    def models(self, registry):
        return registry.text()

    def test_each_utterance_is_read(self, models):
        found = read(TRANSCRIPT, models)
        complaint, answer = found.utterances
        assert complaint.sentiment.label == "negative"
        assert answer.sentiment.label != "negative"
        for meaning in (complaint, answer):
            assert GOEMOTIONS[meaning.emotion.fine_label] == meaning.emotion.label
            assert sum(meaning.emotion.scores.values()) == pytest.approx(1)
        (model,) = found.models
        assert (model.name, model.heads) == ("text_minilm", ["sentiment", "emotion"])

    @pytest.mark.parametrize("language", ["en", "en_us", "EN-GB", None])
    def test_english_is_read_and_so_is_what_nobody_knows_the_language_of(self, models, language):
        assert read(transcript(said(), language=language), models) is not None

    @pytest.mark.parametrize("language", ["de", "fr", "es_mx"])
    def test_other_languages_are_not(self, models, language):
        assert read(transcript(said(), language=language), models) is None

    @pytest.mark.parametrize("text", ["", " ", "\n"])
    def test_what_has_no_words_has_no_meaning(self, models, text):
        assert read(transcript(said(text=text), said()), models).utterances[0] is None

    def test_silence_has_none_either(self, models):
        assert read(transcript(), models).utterances == []


class TestRoles:
    def test_an_utterance_has_the_role_of_its_channel(self):
        words = combined(said(channel=1), said(channel=2), said(channel=3))
        assert [each.role for each in words.utterances] == [Role.customer, Role.agent, Role.unknown]

    def test_on_the_one_channel_of_a_recording_it_has_the_role_of_that(self):
        heard = acoustics(roles=[Role.customer], layout=Layout.mixed)
        words = combined(said(channel=None, speaker="A"), said(channel=1), heard=heard)
        assert [each.role for each in words.utterances] == [Role.customer, Role.customer]
        assert words.utterances[0].speaker == "A"

    @pytest.mark.parametrize("layout", [Layout.mixed, Layout.dual_mono])
    def test_voices_that_are_mixed_on_several_channels_have_none(self, layout):
        words = combined(said(channel=None), heard=acoustics(layout=layout))
        assert words.utterances[0].role is Role.unknown

    def test_what_the_provider_puts_on_no_channel_has_none(self):
        assert combined(said(channel=None)).utterances[0].role is Role.unknown


class TestVoice:
    def test_it_is_what_was_heard_on_the_channel_meanwhile_by_its_share(self):
        timeline = [
            segment(0, 1_500, 1, **ANGRY),  # half a second of it
            segment(1_500, 3_000, 1, **CALM),  # all of it
            segment(1_000, 3_000, 2, anger=1.0, neutral=0.0),  # somebody else
            segment(3_000, 9_000, 1, anger=1.0, neutral=0.0),  # later
        ]
        voice = combined(said(1_000, 3_000), heard=acoustics(timeline)).utterances[0].voice
        assert voice.scores == {"anger": 0.375, "neutral": 0.625}
        assert (voice.label, voice.confidence) == ("neutral", 0.625)

    def test_what_only_touches_it_does_not_count(self):
        timeline = [segment(0, 1_000, 1, **ANGRY), segment(2_000, 3_000, 1, **ANGRY)]
        assert combined(said(1_000, 2_000), heard=acoustics(timeline)).utterances[0].voice is None

    def test_a_sigh_is_no_voice(self):
        sigh = segment(0, 1_000, 1, **ANGRY).model_copy(update={"source": Source.vocal_burst})
        assert combined(said(), heard=acoustics([sigh])).utterances[0].voice is None

    def test_a_voice_that_the_model_abstains_from_does_not_count(self):
        noise = segment(0, 1_000, 1, **ANGRY).model_copy(update={"abstained": Abstention.low_snr})
        assert combined(said(), heard=acoustics([noise])).utterances[0].voice is None
        with_speech = acoustics([noise, segment(1_000, 2_000, 1, **CALM)])
        assert combined(said(), heard=with_speech).utterances[0].voice.scores == CALM

    def test_where_the_voices_are_mixed_it_is_whatever_was_heard(self):
        heard = acoustics([segment(0, 2_000, 1, **ANGRY)], [Role.unknown], Layout.mixed)
        assert combined(said(channel=None), heard=heard).utterances[0].voice.label == "anger"

    def test_of_speakers_on_one_channel_it_is_the_ones_who_speaks_most_in_a_segment(self):
        timeline = [segment(0, 3_000, 1, **ANGRY), segment(3_000, 6_000, 1, **CALM)]
        heard = acoustics(timeline, [Role.unknown], Layout.mixed)
        spoken = [
            said(0, 2_000, channel=None, speaker="A"),
            said(2_000, 3_500, channel=None, speaker="B"),  # most of it in a segment of A's
            said(3_500, 6_000, channel=None, speaker="B"),
            said(6_000, 6_500, channel=None, speaker="A"),
        ]
        voices = [each.voice for each in combined(*spoken, heard=heard).utterances]
        assert [voice and voice.scores for voice in voices] == [ANGRY, CALM, CALM, None]

    def test_what_takes_no_time_has_none(self):
        heard = acoustics([segment(0, 2_000, 1, **ANGRY)])
        assert combined(said(1_000, 1_000), heard=heard).utterances[0].voice is None


class TestComparison:
    def test_voice_and_words_of_an_utterance_are_compared(self):
        timeline = [segment(0, 2_000, 1, angry=0.75, neutral=0.25), segment(3_000, 4_000, 1, happy=0.5, neutral=0.5)]
        spoken = said(0, 2_000), said(3_000, 4_000), said(6_000, 7_000), said(8_000, 9_000)
        polite = predicted(negative=0.1, neutral=0.8, positive=0.1)
        words = combined(*spoken, sentiments=[polite, None, polite, None], heard=acoustics(timeline))
        masked, heard, read, unknown = (each.comparison for each in words.utterances)
        assert (masked.agreement, masked.voice_valence, masked.text_valence) == ("masked_negative", -0.75, 0)
        assert (heard.agreement, heard.valence) == ("voice_only", 0.5)
        assert (read.agreement, read.valence) == ("text_only", 0)
        assert unknown is None


class TestWords:
    def test_everything_the_provider_said_is_there(self):
        word = Word(100, 200, "This", 0.7)
        words = combined(said(words=(word,)))
        (utterance,) = words.utterances
        assert (utterance.start_ms, utterance.end_ms, utterance.channel, utterance.confidence) == (0, 2_000, 1, 0.9)
        assert [(each.start_ms, each.end_ms, each.text, each.confidence) for each in utterance.words] == [
            (100, 200, "This", 0.7)
        ]
        assert (words.model, words.language, words.text) == ("universal-2", "en_us", "This is not acceptable.")

    def test_the_whole_is_the_mean_by_length_of_what_was_read(self):
        first, second = said(text="a" * 10), said(text="b" * 30)
        sentiments = [predicted(**ANGRY), None, predicted(anger=0.15, neutral=0.85)]
        words = combined(first, said(text=" "), second, sentiments=sentiments)
        assert words.sentiment.scores == {"anger": 0.3, "neutral": 0.7}
        assert words.text_models == MODELS
        assert [(each.sentiment, each.emotion) for each in words.utterances] == [
            (sentiment, sentiment and JOY) for sentiment in sentiments
        ]

    def test_what_was_not_read_has_no_sentiment_and_no_model(self):
        words = combined(said())
        (utterance,) = words.utterances
        assert (words.sentiment, words.text_models, utterance.sentiment, utterance.emotion) == (None, [], None, None)

    def test_silence_has_no_words(self):
        words = combined(sentiments=[])
        assert (words.utterances, words.text, words.sentiment, words.text_models) == ([], "", None, MODELS)


class TestVersion10:
    """What was stored when words had a sentiment and no emotion."""

    def test_what_was_read_is_still_combined(self):
        stored = [predicted(**ANGRY).model_dump(), None]
        found = TypeAdapter(Read | None).validate_json(json.dumps(stored))
        words = combine(transcript(said(), said(text=" ")), found, acoustics())
        assert words.sentiment.scores == ANGRY
        assert [(each.sentiment and each.sentiment.label, each.emotion) for each in words.utterances] == [
            ("anger", None),
            (None, None),
        ]

    @pytest.mark.parametrize("model", [{"name": "text_sentiment", "version": "1.0.0", "sha256": "0" * 64}, None])
    def test_words_are_still_answered(self, model):
        now = combined(said(), sentiments=[predicted(**ANGRY)] if model else None).model_dump()
        stored = {**now, "sentiment_model": model}
        del stored["text_models"], stored["utterances"][0]["emotion"]
        words = Words.model_validate_json(json.dumps(stored))
        assert [(each.name, each.heads) for each in words.text_models] == (
            [("text_sentiment", ["sentiment"])] if model else []
        )
        (utterance,) = words.utterances
        assert (utterance.sentiment is not None, utterance.emotion) == (model is not None, None)


class TestBeforeComparisons:
    """What was stored when voice and words were not compared."""

    def test_words_are_still_answered(self):
        stored = combined(said(), sentiments=[predicted(**ANGRY)]).model_dump()
        del stored["utterances"][0]["comparison"]
        assert Words.model_validate_json(json.dumps(stored)).utterances[0].comparison is None


SCORES = (
    st.lists(st.integers(0, 10_000), min_size=3, max_size=3)
    .filter(any)
    .map(lambda counts: {label: count / sum(counts) for label, count in zip(("a", "b", "c"), counts, strict=True)})
)
STRETCH = st.tuples(st.integers(0, 10_000), st.integers(1, 10_000)).map(lambda pair: (pair[0], sum(pair)))


@given(
    st.lists(st.tuples(STRETCH, st.sampled_from([1, 2]), SCORES), max_size=8),
    st.lists(st.tuples(STRETCH, st.sampled_from([1, 2, None]), st.text(min_size=1, max_size=9), SCORES), max_size=6),
)
def test_scores_always_sum_to_one(heard, spoken):
    timeline = [segment(*stretch, channel, **scores) for stretch, channel, scores in heard]
    words = combined(
        *(said(*stretch, channel=channel, text=text) for stretch, channel, text, _ in spoken),
        sentiments=[predicted(**scores) if text.strip() else None for _, _, text, scores in spoken],
        heard=acoustics(timeline),
    )
    predictions = [words.sentiment, *(utterance.voice for utterance in words.utterances)]
    for prediction in filter(None, predictions):
        assert math.isclose(sum(prediction.scores.values()), 1, abs_tol=1e-9)
        assert prediction.confidence == prediction.scores[prediction.label] == max(prediction.scores.values())
    for utterance in words.utterances:
        overlaps = [
            each
            for each in timeline
            if each.start_ms < utterance.end_ms
            and utterance.start_ms < each.end_ms
            and utterance.channel in (None, each.channel)
        ]
        assert (utterance.voice is None) == (not overlaps)
