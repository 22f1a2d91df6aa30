"""Figures of a card, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.metrics import confusion_matrix as reference_confusion

from training.metrics import (
    Predictions,
    accuracy,
    bootstrap,
    confusion_matrix,
    expected_calibration_error,
    report,
    unweighted_average_recall,
)


@pytest.fixture
def predictions() -> Predictions:
    rng = np.random.default_rng(5)
    truth = rng.choice(4, 400, p=[0.1, 0.2, 0.3, 0.4])
    probabilities = rng.dirichlet(np.ones(4), 400)
    probabilities[np.arange(400), truth] += 0.3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Predictions(probabilities, truth, np.array([f"speaker-{number % 20}" for number in range(400)]))


def test_accuracy_and_uar_are_scikit_learns(predictions: Predictions) -> None:
    confusion = confusion_matrix(predictions.truth, predictions.predicted, 4)
    assert np.array_equal(confusion, reference_confusion(predictions.truth, predictions.predicted))
    assert accuracy(confusion) == pytest.approx(accuracy_score(predictions.truth, predictions.predicted))
    expected = balanced_accuracy_score(predictions.truth, predictions.predicted)
    assert unweighted_average_recall(confusion) == pytest.approx(expected)


def test_uar_leaves_out_classes_that_do_not_occur() -> None:
    confusion = confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), 3)
    assert unweighted_average_recall(confusion) == 0.75


def test_interval_holds_the_figure_and_is_wider_for_fewer_speakers(predictions: Predictions) -> None:
    confusion = confusion_matrix(predictions.truth, predictions.predicted, 4)
    low, high = bootstrap(predictions, 4, seed=0)["accuracy"]
    assert low < accuracy(confusion) < high
    # The same right and wrong answers, but each speaker all right or all wrong.
    order = np.argsort(predictions.predicted == predictions.truth, kind="stable")
    clustered = Predictions(
        predictions.probabilities[order], predictions.truth[order], np.repeat(np.unique(predictions.speakers), 20)
    )
    wide_low, wide_high = bootstrap(clustered, 4, seed=0)["accuracy"]
    assert wide_high - wide_low > 2 * (high - low)


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.4, 0.6]] * 10)
    truth = np.array([0] * 9 + [1] + [1] * 4 + [0] * 6)
    error = expected_calibration_error(Predictions(probabilities, truth, np.array(["a"] * 20)))
    assert error == pytest.approx(0.5 * 0.0 + 0.5 * 0.2)


def test_report_is_complete_and_repeatable(predictions: Predictions) -> None:
    labels = ("a", "b", "c", "d")
    first, second = (report(predictions, labels, seed=3) for _ in range(2))
    assert first == second
    assert first["clips"] == 400
    assert first["speakers"] == 20
    assert set(first["recall"]) == set(labels)
    assert sum(map(sum, first["confusion"])) == 400
    assert first["uar_interval"][0] < first["uar"] < first["uar_interval"][1]
