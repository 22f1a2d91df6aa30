"""Figures of a card, against scikit-learn and by hand."""

import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_recall_fscore_support
from sklearn.metrics import confusion_matrix as reference_confusion

from training.card import recall
from training.metrics import (
    Predictions,
    Tally,
    accuracy,
    accuracy_gain,
    bootstrap,
    confusion_matrix,
    expected_calibration_error,
    f1_scores,
    precisions,
    recalls,
    report,
    unweighted_average_recall,
)

LABELS = ("a", "b", "c", "d")


@pytest.fixture
def predictions() -> Predictions:
    return some(400)


def some(clips: int, seed: int = 5) -> Predictions:
    """By 20 speakers of four classes, more often right than not."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, clips, p=[0.1, 0.2, 0.3, 0.4])
    probabilities = rng.dirichlet(np.ones(4), clips)
    probabilities[np.arange(clips), truth] += 0.3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Predictions(probabilities, truth, np.array([f"speaker-{number % 20:02}" for number in range(clips)]))


def part(predictions: Predictions, chosen: slice) -> Predictions:
    return Predictions(predictions.probabilities[chosen], predictions.truth[chosen], predictions.speakers[chosen])


def test_accuracy_and_uar_are_scikit_learns(predictions: Predictions) -> None:
    confusion = confusion_matrix(predictions.truth, predictions.predicted, 4)
    assert np.array_equal(confusion, reference_confusion(predictions.truth, predictions.predicted))
    assert accuracy(confusion) == pytest.approx(accuracy_score(predictions.truth, predictions.predicted))
    expected = balanced_accuracy_score(predictions.truth, predictions.predicted)
    assert unweighted_average_recall(confusion) == pytest.approx(expected)


classes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(classes)
def test_precision_recall_and_f1_are_scikit_learns(answers: Sequence[tuple[int, int]]) -> None:
    truth, predicted = np.array(answers).T
    confusion = confusion_matrix(truth, predicted, 4)
    expected = precision_recall_fscore_support(truth, predicted, labels=range(4), zero_division=0)
    assert precisions(confusion) == pytest.approx(expected[0])
    assert np.nan_to_num(recalls(confusion)) == pytest.approx(expected[1])
    assert f1_scores(confusion) == pytest.approx(expected[2])


def test_uar_leaves_out_classes_that_do_not_occur() -> None:
    confusion = confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), 3)
    assert unweighted_average_recall(confusion) == 0.75


def test_tally_has_a_confusion_matrix_a_speaker(predictions: Predictions) -> None:
    tally = Tally.of(predictions)
    assert sorted(tally.confusion) == sorted(set(predictions.speakers))
    own = predictions.speakers == "speaker-07"
    expected = confusion_matrix(predictions.truth[own], predictions.predicted[own], 4)
    assert np.array_equal(tally.confusion["speaker-07"], expected)
    assert np.array_equal(tally.total, confusion_matrix(predictions.truth, predictions.predicted, 4))


def test_reliability_counts_the_answers_by_how_sure_they_are() -> None:
    probabilities = np.array([[0.5, 0.5], [0.51, 0.49], [0.1, 0.9], [1.0, 0.0], [0.0, 1.0]])
    tally = Tally.of(Predictions(probabilities, np.array([0, 1, 1, 0, 0]), np.array(["ann"] * 5)))
    # Bins are a fifteenth wide: the eighth ends at 0.533, the fourteenth at 0.933.
    assert np.allclose(tally.reliability[7], [2, 1, 1.01])
    assert np.allclose(tally.reliability[13], [1, 1, 0.9])
    assert np.allclose(tally.reliability[14], [2, 1, 2.0])
    assert tally.reliability[:, 0].sum() == 5


@hypothesis_settings(max_examples=20)
@given(st.lists(st.integers(1, 399), min_size=1, max_size=4, unique=True))
def test_tallies_of_parts_add_up_to_that_of_the_whole(cuts: list[int]) -> None:
    whole = some(400)
    edges = [0, *sorted(cuts), 400]
    tallies = [Tally.of(part(whole, slice(*edge))) for edge in pairwise(edges)]
    together, expected = Tally.sum(tallies), Tally.of(whole)
    assert together.confusion.keys() == expected.confusion.keys()
    assert all(np.array_equal(together.confusion[name], counts) for name, counts in expected.confusion.items())
    assert np.allclose(together.reliability, expected.reliability)


def test_tally_survives_being_stored(predictions: Predictions) -> None:
    tally = Tally.of(predictions)
    stored = json.dumps(tally.to_json(), allow_nan=False)
    again = Tally.from_json(json.loads(stored))
    assert np.array_equal(again.total, tally.total)
    assert np.allclose(again.reliability, tally.reliability, atol=6e-4)
    assert report(again, LABELS, seed=0) == report(tally, LABELS, seed=0)


def test_interval_holds_the_figure_and_is_wider_for_fewer_speakers(predictions: Predictions) -> None:
    tally = Tally.of(predictions)
    low, high = bootstrap(tally, seed=0)["accuracy"]
    assert low < accuracy(tally.total) < high
    # The same right and wrong answers, but each speaker all right or all wrong.
    order = np.argsort(predictions.predicted == predictions.truth, kind="stable")
    clustered = Predictions(
        predictions.probabilities[order], predictions.truth[order], np.repeat(np.unique(predictions.speakers), 20)
    )
    wide_low, wide_high = bootstrap(Tally.of(clustered), seed=0)["accuracy"]
    assert wide_high - wide_low > 2 * (high - low)


def test_interval_of_speakers_who_are_all_alike_is_a_point() -> None:
    same = np.array([[3, 1], [0, 4]])
    tally = Tally({"ann": same, "bob": same, "cyd": same}, np.zeros((15, 3)))
    assert bootstrap(tally, seed=0) == {"accuracy": (0.875, 0.875), "uar": (0.875, 0.875)}


def test_gain_of_the_same_clips_is_surer_than_either_accuracy() -> None:
    # Hard and easy speakers; everyone gains one or two of ten clips.
    def tally(gain: int) -> Tally:
        right = [number % 9 + gain * (1 + number % 2) for number in range(20)]
        confusion = {f"speaker-{n:02}": np.array([[count, 10 - count], [0, 0]]) for n, count in enumerate(right)}
        return Tally(confusion, np.zeros((15, 3)))

    before, after = tally(0), tally(1)
    found = accuracy_gain(before, after, seed=0)
    assert found["gain"] == pytest.approx(accuracy(after.total) - accuracy(before.total), abs=1e-4)
    low, high = found["gain_interval"]
    assert 0.1 <= low < found["gain"] < high <= 0.2
    lowest, highest = bootstrap(before, seed=0)["accuracy"]
    assert high - low < (highest - lowest) / 3


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.4, 0.6]] * 10)
    truth = np.array([0] * 9 + [1] + [1] * 4 + [0] * 6)
    tally = Tally.of(Predictions(probabilities, truth, np.array(["a"] * 20)))
    assert expected_calibration_error(tally.reliability) == pytest.approx(0.5 * 0.0 + 0.5 * 0.2)


def test_report_is_complete_and_repeatable(predictions: Predictions) -> None:
    first, second = (report(Tally.of(predictions), LABELS, seed=3) for _ in range(2))
    assert first == second
    assert first["clips"] == 400
    assert first["speakers"] == 20
    assert [list(first[figure]) for figure in ("recall", "precision", "f1")] == [list(LABELS)] * 3
    assert sum(map(sum, first["confusion"])) == 400
    assert first["uar_interval"][0] < first["uar"] < first["uar_interval"][1]


def test_report_of_a_class_without_clips_is_json_and_leaves_it_out_of_the_mean() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1]])
    made = report(
        Tally.of(Predictions(probabilities, np.array([0, 1, 1]), np.array(["ann"] * 3))), ("a", "b", "c"), seed=0
    )
    json.dumps(made, allow_nan=False)
    assert made["recall"] == {"a": 1.0, "b": 0.5, "c": None}
    assert made["uar"] == 0.75
    assert [recall(made, label) for label in ("a", "b", "c", "d")] == ["100 %", "50 %", "–", "–"]


def test_report_of_a_model_that_never_gives_a_class_is_json() -> None:
    """Which has no NaN."""
    probabilities = np.tile([0.7, 0.2, 0.1], (6, 1))
    made = report(
        Tally.of(Predictions(probabilities, np.array([0, 1, 2] * 2), np.array(["ann", "bob"] * 3))),
        ("a", "b", "c"),
        seed=0,
    )
    json.dumps(made, allow_nan=False)
    assert made["precision"] == {"a": 0.3333, "b": 0.0, "c": 0.0}
    assert made["recall"] == {"a": 1.0, "b": 0.0, "c": 0.0}
    assert made["f1"] == {"a": 0.5, "b": 0.0, "c": 0.0}
