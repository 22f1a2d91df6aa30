import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.presentation import round_scores


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
