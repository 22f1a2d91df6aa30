"""What a classifier scores, with confidence intervals, and the temperature that calibrates it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_CALIBRATION_BINS = 15
_RESAMPLES = 1000


def confusion_matrix(labels: Ints, predicted: Ints, classes: int) -> NDArray[np.int64]:
    """Counts (true class, predicted class)."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def recalls(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of each true class that was found (classes,); 0 for a class without examples."""
    shares: NDArray[np.float64] = np.diag(confusion) / np.maximum(confusion.sum(1), 1)
    return shares


def f1_scores(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each class (classes,)."""
    f1: NDArray[np.float64] = 2 * np.diag(confusion) / np.maximum(confusion.sum(0) + confusion.sum(1), 1)
    return f1


def macro_f1(labels: Ints, scores: Floats) -> float:
    """Mean over the classes of F1, of the highest of ``scores`` (N, classes)."""
    return float(f1_scores(confusion_matrix(labels, scores.argmax(1), scores.shape[1])).mean())


def expected_calibration_error(labels: Ints, probabilities: Floats) -> float:
    """Mean gap between confidence and accuracy over 15 bins of equal width (Guo et al. 2017)."""
    confidence = probabilities.max(1).astype(np.float64)
    gap = confidence - (probabilities.argmax(1) == labels)
    bins = np.minimum((confidence * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    return float(np.abs(np.bincount(bins, weights=gap, minlength=_CALIBRATION_BINS)).sum() / len(labels))


def fit_temperature(labels: Ints, logits: Floats) -> float:
    """The temperature in [0.05, 20] that gives ``logits / temperature`` the least negative log likelihood."""

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(labels)), labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=np.log([0.05, 20]), method="bounded").x))


def evaluate(labels: Ints, probabilities: Floats, classes: tuple[str, ...], seed: int) -> dict[str, Any]:
    """Figures of a classifier for a card, each with its 95 % percentile bootstrap interval over texts."""
    random = np.random.default_rng(seed)
    samples = [_figures(labels, probabilities, classes)]
    for _ in range(_RESAMPLES):
        rows = random.integers(len(labels), size=len(labels))
        samples.append(_figures(labels[rows], probabilities[rows], classes))
    figures: dict[str, Any] = {}
    for name, value in samples[0].items():
        low, high = np.percentile([sample[name] for sample in samples[1:]], [2.5, 97.5])
        figures[name] = {
            "value": round(value, 4),
            "interval_95": [round(float(low), 4), round(float(high), 4)],
        }
    confusion = confusion_matrix(labels, probabilities.argmax(1), len(classes))
    return {"texts": len(labels), **figures, "confusion_matrix": confusion.tolist()}


def _figures(labels: Ints, probabilities: Floats, classes: tuple[str, ...]) -> dict[str, float]:
    confusion = confusion_matrix(labels, probabilities.argmax(1), len(classes))
    f1 = f1_scores(confusion)
    return {
        "accuracy": float(np.trace(confusion) / len(labels)),
        "macro_f1": float(f1.mean()),
        "weighted_f1": float(f1 @ confusion.sum(1) / len(labels)),
        **{f"recall_{name}": float(value) for name, value in zip(classes, recalls(confusion), strict=True)},
        "expected_calibration_error": expected_calibration_error(labels, probabilities),
    }
