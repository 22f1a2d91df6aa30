"""Distributions over labels."""

import pytest

from service.schemas import Prediction
from service.scores import mean


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
