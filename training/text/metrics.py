"""What a text classifier scores, each figure with its confidence interval."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.metrics import Predictions, accuracy, confusion_matrix, expected_calibration_error

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_RESAMPLES = 1000


def f1_scores(confusion: Ints) -> NDArray[np.float64]:
    """F1 of each class (classes,), of counts (true class, predicted class); 0 for a class that never occurs."""
    f1: NDArray[np.float64] = 2 * np.diag(confusion) / np.maximum(confusion.sum(0) + confusion.sum(1), 1)
    return f1


def macro_f1(labels: Ints, scores: Floats) -> float:
    """Mean over the classes of F1, of the highest of ``scores`` (N, classes)."""
    return float(f1_scores(confusion_matrix(labels, scores.argmax(1), scores.shape[1])).mean())


def evaluate(labels: Ints, probabilities: Floats, classes: tuple[str, ...], seed: int) -> dict[str, Any]:
    """Figures of a classifier for a card, each with its 95 % percentile bootstrap interval over texts."""
    random = np.random.default_rng(seed)
    found = _figures(labels, probabilities, classes)
    draws = []
    for _ in range(_RESAMPLES):
        rows = random.integers(len(labels), size=len(labels))
        draws.append(_figures(labels[rows], probabilities[rows], classes))
    figures: dict[str, Any] = {"texts": len(labels)}
    for name, value in found.items():
        interval = np.percentile([draw[name] for draw in draws], [2.5, 97.5])
        figures[name] = {"value": round(value, 4), "interval_95": [round(float(end), 4) for end in interval]}
    figures["confusion"] = confusion_matrix(labels, probabilities.argmax(1), len(classes)).tolist()
    return figures


def _figures(labels: Ints, probabilities: Floats, classes: tuple[str, ...]) -> dict[str, float]:
    confusion = confusion_matrix(labels, probabilities.argmax(1), len(classes))
    f1 = f1_scores(confusion)
    recalls = np.diag(confusion) / np.maximum(confusion.sum(1), 1)
    predictions = Predictions(probabilities.astype(np.float64), labels, np.empty(0, dtype=np.str_))
    return {
        "accuracy": accuracy(confusion),
        "macro_f1": float(f1.mean()),
        "weighted_f1": float(f1 @ confusion.sum(1) / len(labels)),
        **{f"recall_{name}": float(recall) for name, recall in zip(classes, recalls, strict=True)},
        "expected_calibration_error": expected_calibration_error(predictions),
    }
