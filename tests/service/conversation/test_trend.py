"""How voice and words change over a call."""

import pytest

from service.conversation.participants import sides
from service.conversation.trend import trend
from tests.service.conversation.kit import call, says, sounds, words


def followed(timeline=(), said=None, duration_ms=60_000):
    (side, _) = sides(call([(1_000, 59_000)], [], timeline=timeline, duration_ms=duration_ms), said)
    return trend(side, duration_ms)


def test_quarters_are_those_of_the_recording():
    quarters = followed(duration_ms=59_999).quarters
    assert [(each.start_ms, each.end_ms) for each in quarters] == [
        (0, 14_999),
        (14_999, 29_999),
        (29_999, 44_999),
        (44_999, 59_999),
    ]


def test_a_voice_is_the_mean_of_what_is_heard_in_each_by_its_time():
    timeline = [
        sounds(3_000, 6_000, 0.8),
        sounds(6_000, 7_000, 0.4),
        sounds(14_000, 17_000, -0.6),  # a second of it in the first
        sounds(50_000, 52_000, -0.9),
    ]
    found = followed(timeline)
    assert [each.voice_valence for each in found.quarters] == [
        pytest.approx((3 * 0.8 + 0.4 - 0.6) / 5, abs=1e-4),
        -0.6,
        None,
        -0.9,
    ]
    assert found.quarters[0].voice.scores == pytest.approx({"happy": 0.56, "neutral": 0.32, "sad": 0.12}, abs=1e-4)
    assert found.quarters[2].voice is None
    assert found.change.voice_valence == pytest.approx(-0.9 - 0.44, abs=1e-4)


def test_words_are_the_mean_of_the_utterances_in_each_by_their_length():
    said = words(
        says(0, 5_000, "x" * 30, reads=0.6),
        says(12_000, 17_000, "x" * 10, reads=-0.2),
        says(14_000, 17_000, reads=-0.5),
        says(20_000, 21_000, reads=None),
        says(60_000, 66_000, reads=0.1),  # beyond the end, as providers have it
    )
    found = followed(said=said)
    assert [each.text_valence for each in found.quarters] == [0.4, -0.5, None, 0.1]
    assert found.quarters[0].sentiment.scores == {"negative": 0.05, "neutral": 0.5, "positive": 0.45}
    assert found.change.text_valence == -0.3


def test_one_quarter_is_no_change():
    found = followed([sounds(1_000, 4_000, 0.5)])
    assert (found.change.voice_valence, found.change.text_valence) == (None, None)
