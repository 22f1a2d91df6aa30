"""Temperature scaling finds the temperature that made the logits too sure."""

import numpy as np
import pytest
from scipy.special import softmax

from training.calibrate import clip_probabilities, fit_temperature


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
