"""A clip's loss is that of the classes which its corpus knows."""

import keras
import numpy as np
import pytest

from training.augment import UNKNOWN
from training.known import crossentropy_of_known

LOGITS = np.array([[2.0, -1.0, 0.5, 3.0]], np.float32)


def loss(targets: list[float], logits: np.ndarray = LOGITS) -> float:
    return float(np.asarray(crossentropy_of_known(np.array([targets], np.float32), logits))[0])


@pytest.mark.parametrize("targets", [[0, 1, 0, 0], [0.3, 0.7, 0, 0]])
def test_clip_of_all_classes_has_the_usual_crossentropy(targets: list[float]) -> None:
    usual = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert loss(targets) == pytest.approx(float(usual(np.array([targets], np.float32), LOGITS)), abs=1e-6)


def test_unknown_class_is_as_if_it_were_not_there() -> None:
    without = -np.log(np.exp(-1.0) / (np.exp(2.0) + np.exp(-1.0) + np.exp(0.5)))
    assert loss([0, 1, 0, UNKNOWN]) == pytest.approx(without, abs=1e-6)
    louder = LOGITS + np.array([0, 0, 0, 50], np.float32)
    assert loss([0, 1, 0, UNKNOWN], louder) == pytest.approx(without, abs=1e-6)
