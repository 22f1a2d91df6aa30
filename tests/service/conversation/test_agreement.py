"""Voice and words of one utterance."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.conversation.agreement import compare
from service.schemas.conversation import Agreement
from tests.service.conversation.kit import sentiment, voice

VALENCES = st.integers(-100, 100).map(lambda hundredths: hundredths / 100)


@pytest.mark.parametrize(
    ("heard", "read", "agreement"),
    [
        (-0.8, 0.9, "possible_sarcasm"),  # "Oh, wonderful."
        (0.7, -0.6, "possible_sarcasm"),
        (-0.5, 0.5, "possible_sarcasm"),
        (-0.9, 0.1, "masked_negative"),  # "It is fine."
        (-0.5, 0.49, "masked_negative"),
        (-0.9, -0.24, "masked_negative"),
        (-0.9, -0.25, "aligned"),
        (-0.9, -0.9, "aligned"),
        (-0.49, 0.9, "aligned"),
        (0.0, -0.9, "aligned"),
        (0.9, 0.0, "aligned"),
        (0.9, -0.49, "aligned"),
        (0.0, 0.0, "aligned"),
    ],
)
def test_it_is_told_by_both_valences(heard, read, agreement):
    compared = compare(sentiment(read), voice(heard))
    assert compared.agreement == agreement
    assert (compared.voice_valence, compared.text_valence) == (heard, read)
    assert compared.distance == pytest.approx(abs(heard - read))


def test_one_alone_says_so():
    heard = compare(None, voice(-0.6))
    assert (heard.agreement, heard.voice_valence, heard.text_valence) == (Agreement.voice_only, -0.6, None)
    read = compare(sentiment(0.4), None)
    assert (read.agreement, read.voice_valence, read.text_valence) == (Agreement.text_only, None, 0.4)
    assert (heard.valence, heard.distance) == (-0.6, None)
    assert (read.valence, read.distance) == (0.4, None)


def test_nothing_is_not_compared():
    assert compare(None, None) is None


@given(VALENCES, VALENCES, VALENCES)
@settings(max_examples=60)
def test_the_more_pleasant_the_words_the_less_an_unpleasant_voice_agrees(heard, one, other):
    kinds = [Agreement.aligned, Agreement.masked_negative, Agreement.possible_sarcasm]
    less, more = (compare(sentiment(each), voice(-abs(heard))).agreement for each in sorted((one, other)))
    assert kinds.index(less) <= kinds.index(more)
