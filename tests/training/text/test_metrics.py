import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score, recall_score

from training.text.metrics import evaluate, macro_f1

CLASSES = ("negative", "neutral", "positive")


@pytest.fixture
def predictions():
    random = np.random.default_rng(5)
    labels = random.integers(3, size=400)
    logits = random.normal(size=(400, 3)) + 1.2 * np.eye(3)[labels]
    return labels, softmax(logits, axis=1).astype(np.float32)


def test_figures_are_those_of_scikit_learn(predictions):
    labels, probabilities = predictions
    predicted = probabilities.argmax(1)
    figures = evaluate(labels, probabilities, CLASSES, seed=1)
    assert figures["accuracy"]["value"] == pytest.approx(accuracy_score(labels, predicted), abs=1e-4)
    for average in ("macro", "weighted"):
        expected = f1_score(labels, predicted, average=average)
        assert figures[f"{average}_f1"]["value"] == pytest.approx(expected, abs=1e-4)
    recalls = [figures[f"recall_{name}"]["value"] for name in CLASSES]
    assert recalls == pytest.approx(recall_score(labels, predicted, average=None), abs=1e-4)
    assert macro_f1(labels, probabilities) == pytest.approx(f1_score(labels, predicted, average="macro"))


def test_intervals_hold_the_figure_and_are_reproducible(predictions):
    figures = evaluate(*predictions, CLASSES, seed=1)
    assert figures == evaluate(*predictions, CLASSES, seed=1)
    low, high = figures["accuracy"]["interval_95"]
    assert low < figures["accuracy"]["value"] < high
    # The normal approximation of a share of 400.
    share = figures["accuracy"]["value"]
    assert high - low == pytest.approx(2 * 1.96 * (share * (1 - share) / 400) ** 0.5, rel=0.15)
