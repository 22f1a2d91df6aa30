"""The axis of valence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.conversation.valence import FUSION, Fusion, text_valence, voice_valence
from service.emotions import SENTIMENT_VALENCE, SENTIMENTS, SPEECH_EMOTIONS, SPEECH_VALENCE
from service.schemas import Prediction
from tests.service.conversation.kit import sentiment, voice


def test_every_label_has_a_place():
    assert set(SPEECH_VALENCE) == set(SPEECH_EMOTIONS)
    assert set(SENTIMENT_VALENCE) == set(SENTIMENTS)


@pytest.mark.parametrize(
    ("scores", "valence"),
    [
        ({"happy": 1.0}, 1),
        ({"sad": 0.1, "angry": 0.2, "fearful": 0.3, "disgust": 0.4}, -1),
        ({"neutral": 0.5, "calm": 0.25, "surprised": 0.25}, 0),
        ({"happy": 0.25, "angry": 0.5, "calm": 0.25}, -0.25),
    ],
)
def test_a_voice_is_as_pleasant_as_happiness_exceeds_what_is_unpleasant(scores, valence):
    label = max(scores, key=scores.__getitem__)
    assert voice_valence(Prediction(label=label, confidence=scores[label], scores=scores)) == valence


@pytest.mark.parametrize("valence", [-1, -0.3, 0, 0.6])
def test_words_are_as_pleasant_as_positive_exceeds_negative(valence):
    assert text_valence(sentiment(valence)) == valence


def test_the_words_weigh_twice_as_much():
    assert FUSION.fuse(-1, 0.5) == 0
    assert FUSION.fuse(0.9, 0) == 0.3


def test_what_is_known_stands_alone():
    assert (FUSION.fuse(-0.4, None), FUSION.fuse(None, 0.2), FUSION.fuse(None, None)) == (-0.4, 0.2, None)


@given(st.floats(0, 1), st.floats(-1, 1), st.floats(-1, 1))
@settings(max_examples=40)
def test_together_they_lie_between_the_two(weight, heard, read):
    one, other = voice_valence(voice(round(heard, 4))), text_valence(sentiment(round(read, 4)))
    assert min(one, other) - 1e-4 <= Fusion(weight).fuse(one, other) <= max(one, other) + 1e-4
