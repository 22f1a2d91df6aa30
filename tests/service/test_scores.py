"""Distributions over labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.schemas import Prediction
from service.scores import mean, round_scores


def predicted(**scores):
    label = max(scores, key=scores.__getitem__)
    return Prediction(label=label, confidence=scores[label], scores=scores)


def test_a_mean_weighs_and_has_a_mode_of_its_own():
    found = mean([predicted(happy=0.6, sad=0.4), predicted(happy=0.1, sad=0.9)], [1, 3])
    assert found.scores == pytest.approx({"happy": 0.225, "sad": 0.775})
    assert (found.label, found.confidence) == ("sad", 0.775)


def test_it_still_sums_to_one():
    thirds = [predicted(**{label: 1.0 * (label == name) for label in "abc"}) for name in "abc"]
    assert sum(mean(thirds, [1, 1, 1]).scores.values()) == 1


def test_nothing_has_no_mean():
    assert mean([], []) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=13).filter(lambda weights: sum(weights) > 0.01))
def test_rounded_scores_keep_their_sum_and_their_order(weights):
    total = sum(weights)
    scores = {str(index): weight / total for index, weight in enumerate(weights)}
    rounded = round_scores(scores)
    assert list(rounded) == list(scores)
    assert sum(round(score * 10_000) for score in rounded.values()) == 10_000
    assert rounded == {label: round(score, 4) for label, score in rounded.items()}
    for label, score in rounded.items():
        assert score == pytest.approx(scores[label], abs=1e-4)
    assert rounded[max(scores, key=scores.__getitem__)] == max(rounded.values())


def test_what_rounding_loses_goes_to_the_largest_remainder():
    assert round_scores({"a": 0.33336, "b": 0.33332, "c": 0.33332}) == {"a": 0.3334, "b": 0.3333, "c": 0.3333}


def test_a_sum_that_single_precision_leaves_beside_one_is_corrected():
    assert round_scores({"a": 0.50004, "b": 0.5001}) == {"a": 0.5, "b": 0.5}
