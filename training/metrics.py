"""What a card reports: accuracy, unweighted average recall, their intervals, recall, confusion, calibration."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2000
_BINS = 15


@dataclass(frozen=True)
class Predictions:
    """Calibrated probabilities (n, classes), true class indices (n,), and whose clips they are (n,)."""

    probabilities: NDArray[np.float64]
    truth: NDArray[np.int64]
    speakers: NDArray[np.str_]

    @property
    def predicted(self) -> NDArray[np.int64]:
        indices: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return indices


def report(predictions: Predictions, labels: tuple[str, ...], *, seed: int) -> dict[str, Any]:
    """The figures of one protocol and band, as they stand in the card."""
    confusion = confusion_matrix(predictions.truth, predictions.predicted, len(labels))
    intervals = bootstrap(predictions, len(labels), seed=seed)
    return {
        "clips": len(predictions.truth),
        "speakers": len(set(predictions.speakers)),
        "accuracy": _rounded(accuracy(confusion)),
        "accuracy_interval": [_rounded(value) for value in intervals["accuracy"]],
        "uar": _rounded(unweighted_average_recall(confusion)),
        "uar_interval": [_rounded(value) for value in intervals["uar"]],
        "recall": {label: _rounded(value) for label, value in zip(labels, recalls(confusion), strict=True)},
        "calibration_error": _rounded(expected_calibration_error(predictions)),
        "confusion": confusion.tolist(),
    }


def _rounded(value: float) -> float:
    return round(float(value), 4)


def confusion_matrix(truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Counts, a row for each true class: (classes, classes)."""
    cells: NDArray[np.int64] = np.bincount(truth * classes + predicted, minlength=classes**2)
    return cells.reshape(classes, classes)


def accuracy(confusion: NDArray[np.int64]) -> float:
    return float(np.trace(confusion) / confusion.sum())


def recalls(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Recall of each class that occurs, NaN for one that does not."""
    support = confusion.sum(axis=1)
    return np.where(support > 0, np.diag(confusion) / np.maximum(support, 1), np.nan)


def unweighted_average_recall(confusion: NDArray[np.int64]) -> float:
    """Mean of the class recalls, every class counting the same (Schuller et al. 2009)."""
    return float(np.nanmean(recalls(confusion)))


def bootstrap(predictions: Predictions, classes: int, *, seed: int) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of accuracy and UAR, drawing whole speakers (cluster bootstrap, Field & Welsh 2007).

    Clips of one speaker are alike, so drawing clips would give intervals that are too narrow.
    """
    rng = np.random.default_rng(seed)
    each = np.stack(
        [
            confusion_matrix(predictions.truth[own], predictions.predicted[own], classes)
            for own in (predictions.speakers == speaker for speaker in sorted(set(predictions.speakers)))
        ]
    )
    drawn = rng.multinomial(len(each), np.full(len(each), 1 / len(each)), size=_RESAMPLES)
    confusions = np.tensordot(drawn, each, axes=1)
    draws = {
        "accuracy": [accuracy(confusion) for confusion in confusions],
        "uar": [unweighted_average_recall(confusion) for confusion in confusions],
    }
    return {
        name: (float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5))) for name, values in draws.items()
    }


def expected_calibration_error(predictions: Predictions) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of confidence (Guo et al. 2017)."""
    confidence = predictions.probabilities.max(axis=1)
    right = predictions.predicted == predictions.truth
    bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    size = np.bincount(bins, minlength=_BINS)
    gap = np.abs(np.bincount(bins, right, _BINS) - np.bincount(bins, confidence, _BINS))
    return float(gap[size > 0].sum() / len(right))
