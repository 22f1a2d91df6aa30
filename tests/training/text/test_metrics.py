import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from training.metrics import Predictions, Tally, expected_calibration_error
from training.text import metrics


@pytest.fixture(params=[3, 28])
def one_label(request):
    """True and given labels of 400 texts, of as many classes, some of which may not occur; confidences."""
    random = np.random.default_rng(request.param)
    true = random.integers(request.param, size=400)
    given_labels = np.where(random.random(400) < 0.6, true, random.integers(request.param, size=400))
    return true, given_labels, random.uniform(0.2, 1, size=400)


@pytest.fixture
def several_labels():
    """Which of 7 labels 300 texts have, and a model's probabilities of them."""
    random = np.random.default_rng(8)
    true = random.random((300, 7)) < (0.4, 0.3, 0.2, 0.1, 0.1, 0.05, 0.02)
    return true, np.clip(0.3 * true + random.uniform(0, 0.7, size=true.shape), 0, 1)


def test_figures_of_one_label_are_those_of_scikit_learn(one_label):
    true, given_labels, _ = one_label
    classes = int(true.max()) + 1
    cells, given_cells = metrics.one_hot(true, classes), metrics.one_hot(given_labels, classes)
    found = metrics.headline(cells, given_cells, np.ones((1, len(true))))
    assert found["accuracy"] == pytest.approx(accuracy_score(true, given_labels))
    for average in ("macro", "weighted"):
        assert found[f"{average}_f1"] == pytest.approx(f1_score(true, given_labels, average=average))
    assert metrics.macro_f1(true, given_cells.astype(np.float32)) == pytest.approx(found["macro_f1"][0])


def test_figures_of_several_labels_are_those_of_scikit_learn(several_labels):
    true, probabilities = several_labels
    given_cells = probabilities >= 0.6
    found = metrics.headline(true, given_cells, np.ones((1, len(true))))
    assert found["accuracy"] == pytest.approx(accuracy_score(true, given_cells))
    for average in ("macro", "weighted"):
        expected = f1_score(true, given_cells, average=average, zero_division=0)
        assert found[f"{average}_f1"] == pytest.approx(expected)


def test_figures_of_a_resample_are_those_of_scikit_learn_with_weights(several_labels):
    true, probabilities = several_labels
    given_cells = probabilities >= 0.6
    weights = metrics.resamples(len(true), seed=1)
    found = metrics.class_scores(true, given_cells, weights)
    for draw in (0, 1, metrics.RESAMPLES):
        expected = precision_recall_fscore_support(true, given_cells, sample_weight=weights[draw], zero_division=0)
        for scores, reference in zip((found.precision, found.recall, found.f1, found.support), expected, strict=True):
            np.testing.assert_allclose(scores[draw], reference)


def test_a_resample_draws_as_many_texts_as_there_are():
    weights = metrics.resamples(50, seed=3)
    assert weights.shape == (1 + metrics.RESAMPLES, 50)
    assert (weights[0] == 1).all()
    assert (weights.sum(1) == 50).all()
    assert (weights[1:] != 1).any(1).all()
    np.testing.assert_array_equal(weights, metrics.resamples(50, seed=3))


def test_calibration_error_is_that_of_the_texts_as_often_as_they_count(one_label):
    true, given_labels, confidence = one_label
    right = true == given_labels
    weights = metrics.resamples(len(true), seed=2)[:3]
    found = metrics.calibration_error(confidence, right, weights)
    for error, counts in zip(found, weights.astype(np.int64), strict=True):
        rows = np.repeat(np.arange(len(true)), counts)
        # Two classes: the given one with its confidence, or the other.
        columns = np.stack([confidence[rows], np.zeros(len(rows))], axis=1)
        predictions = Predictions(columns, np.where(right[rows], 0, 1), np.full(len(rows), "nobody"))
        assert error == pytest.approx(expected_calibration_error(Tally.of(predictions).reliability))


def test_the_reliability_table_adds_up_to_the_calibration_error(one_label):
    true, given_labels, confidence = one_label
    right = true == given_labels
    bins = metrics.reliability(confidence, right)
    assert sum(found["texts"] for found in bins) == len(true)
    for found in bins:
        low, high = found["bounds"]
        assert low - 1e-3 <= found["confidence"] <= high + 1e-3
    gaps = sum(found["texts"] * abs(found["confidence"] - found["accuracy"]) for found in bins)
    (error,) = metrics.calibration_error(confidence, right, np.ones((1, len(true))))
    assert gaps / len(true) == pytest.approx(error, abs=1e-3)


def test_a_confidence_of_one_is_in_the_last_bin():
    (found,) = metrics.reliability(np.array([1.0, 0.95]), np.array([True, False]))
    assert found == {"bounds": [0.933, 1.0], "texts": 2, "confidence": 0.975, "accuracy": 0.5}


def test_the_threshold_is_the_best_hundredth(several_labels):
    true, probabilities = several_labels
    scores = {
        number: f1_score(true, probabilities >= number / 100, average="macro", zero_division=0)
        for number in range(1, 100)
    }
    assert round(100 * metrics.best_threshold(true, probabilities)) == max(scores, key=scores.__getitem__)


@given(texts=st.integers(1, 60), classes=st.integers(2, 9), mistakes=st.floats(0, 1), seed=st.integers(0, 1000))
def test_intervals_hold_the_figure(texts, classes, mistakes, seed):
    random = np.random.default_rng(seed)
    true, others = random.integers(classes, size=(2, texts))
    given_labels = np.where(random.random(texts) < mistakes, others, true)
    confidence = random.random(texts)
    weights = metrics.resamples(texts, seed)
    draws = metrics.headline(metrics.one_hot(true, classes), metrics.one_hot(given_labels, classes), weights)
    draws["calibration_error"] = metrics.calibration_error(confidence, true == given_labels, weights)
    for found in metrics.figures(draws).values():
        low, high = found["interval_95"]
        assert 0 <= low <= found["value"] <= high <= 1


def test_an_interval_is_as_wide_as_that_of_a_share(one_label):
    true, given_labels, _ = one_label
    classes = int(true.max()) + 1
    weights = metrics.resamples(len(true), seed=1)
    draws = metrics.headline(metrics.one_hot(true, classes), metrics.one_hot(given_labels, classes), weights)
    found = metrics.figure(draws["accuracy"])
    low, high = found["interval_95"]
    # The normal approximation of a share of 400.
    share = found["value"]
    assert high - low == pytest.approx(2 * 1.96 * (share * (1 - share) / 400) ** 0.5, rel=0.15)


def test_differences_are_paired(several_labels):
    true, probabilities = several_labels
    weights = metrics.resamples(len(true), seed=1)
    strict, loose = (metrics.headline(true, probabilities >= threshold, weights) for threshold in (0.6, 0.61))
    assert metrics.differences(strict, strict)["macro_f1"] == {"value": 0.0, "interval_95": [0.0, 0.0]}
    found, reverse = metrics.differences(strict, loose), metrics.differences(loose, strict)
    for name in found:
        assert found[name]["value"] == -reverse[name]["value"]
        low, high = metrics.figure(strict[name])["interval_95"]
        narrow_low, narrow_high = found[name]["interval_95"]
        assert narrow_high - narrow_low < (high - low) / 2
