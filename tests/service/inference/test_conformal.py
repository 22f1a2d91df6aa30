"""Prediction sets, and the promise that the metadata make of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.emotions import SPEECH_EMOTIONS
from service.inference.conformal import Conformal, read_conformal


@pytest.mark.parametrize(
    ("least_score", "expected"), [(0.6, ["b"]), (0.3, ["b", "c"]), (0.2, ["b", "c", "a"]), (0.01, ["b", "c", "a"])]
)
def test_a_set_holds_what_is_likely_enough_and_the_likeliest_in_any_case(least_score, expected):
    assert Conformal(0.9, least_score).prediction_set({"a": 0.2, "b": 0.5, "c": 0.3}) == expected


@given(
    st.lists(st.floats(0.001, 1), min_size=8, max_size=8),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
)
def test_sets_are_sorted_never_empty_and_larger_for_a_lower_score(weights, one, other):
    scores = dict(zip(SPEECH_EMOTIONS, (weight / sum(weights) for weight in weights), strict=True))
    small, large = (Conformal(0.9, least).prediction_set(scores) for least in (max(one, other), min(one, other)))
    assert small
    assert large[: len(small)] == small
    assert [scores[label] for label in large] == sorted((scores[label] for label in large), reverse=True)
    assert max(scores.values()) == scores[small[0]]


def test_the_promise_is_read_as_it_is_shipped():
    assert read_conformal('{"coverage": 0.9, "least_score": 0.07}') == Conformal(0.9, 0.07)


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ({"coverage": 0.9}, "least_score: Field required"),
        ({"coverage": 0.9, "least_score": 0.07, "size": 2}, "size: Unexpected keyword"),
        ({"coverage": "0.9", "least_score": 0.07}, "coverage: Input should be a valid number"),
        ({"coverage": 1.0, "least_score": 0.07}, "coverage: Input should be less than 1"),
        ({"coverage": 0.9, "least_score": 0}, "least_score: Input should be greater than 0"),
        ({"coverage": 0.9, "least_score": 1.5}, "least_score: Input should be less than or equal to 1"),
        ({"coverage": float("nan"), "least_score": 0.07}, "coverage: "),
        (None, "Input should be an object"),
    ],
)
def test_anything_else_is_refused(described, reason):
    with pytest.raises(ValueError, match=reason):
        read_conformal(json.dumps(described))
    with pytest.raises(ValueError, match="Invalid JSON"):
        read_conformal("{")
