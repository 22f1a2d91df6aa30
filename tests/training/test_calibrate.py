"""Temperature scaling finds the temperature that made the logits too sure."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss as reference_log_loss

from training.calibrate import clip_probabilities, fit_temperature, log_loss


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_recovered(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=(20_000, 5))
    truth = np.array([rng.choice(5, p=row) for row in softmax(logits, axis=1)])
    found = fit_temperature(logits * temperature, truth, np.arange(len(truth)))
    assert found == pytest.approx(temperature, rel=0.05)


def test_clip_probabilities_are_the_mean_of_its_windows() -> None:
    logits = np.log(np.array([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]]))
    probabilities = clip_probabilities(logits, 1.0, np.array([0, 0, 1]), 2)
    assert np.allclose(probabilities, [[0.6, 0.4], [0.5, 0.5]])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_log_loss_is_scikit_learns(temperature: float) -> None:
    rng = np.random.default_rng(1)
    logits, truth = rng.normal(size=(60, 4)), rng.integers(4, size=60)
    expected = reference_log_loss(truth, softmax(logits / temperature, axis=1), labels=range(4))
    assert log_loss(logits, truth, np.arange(60), temperature) == pytest.approx(expected)


def test_log_loss_is_least_at_the_temperature_that_was_fitted() -> None:
    rng = np.random.default_rng(2)
    logits, truth = rng.normal(size=(300, 4)), rng.integers(4, size=100)
    logits[np.arange(0, 300, 3), truth] += 3
    owner = np.repeat(np.arange(100), 3)
    fitted = fit_temperature(logits, truth, owner)
    least = log_loss(logits, truth, owner, fitted)
    assert all(log_loss(logits, truth, owner, fitted * factor) > least for factor in (0.9, 1.1))


def test_loss_of_a_model_that_is_sure_and_wrong_is_finite() -> None:
    assert np.isfinite(log_loss(np.array([[1000.0, 0.0]]), np.array([1]), np.array([0]), 0.1))
