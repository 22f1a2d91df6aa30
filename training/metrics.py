"""What a card reports: accuracy, unweighted average recall, intervals, recall, precision, confusion, calibration."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

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


@dataclass(frozen=True)
class Tally:
    """All that the figures need of some predictions.

    ``confusion`` holds counts for each speaker, a row for each true class (classes, classes); ``reliability`` for each
    of 15 equal bins of confidence the predictions, the right ones and the sum of the confidences (15, 3).
    """

    confusion: Mapping[str, Counts]
    reliability: NDArray[np.float64]

    @classmethod
    def of(cls, predictions: Predictions) -> "Tally":
        classes = predictions.probabilities.shape[1]
        confusion = {}
        for speaker in sorted(set(predictions.speakers)):
            own = predictions.speakers == speaker
            confusion[str(speaker)] = confusion_matrix(predictions.truth[own], predictions.predicted[own], classes)
        confidence = predictions.probabilities.max(axis=1)
        right = predictions.predicted == predictions.truth
        bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
        columns = [np.bincount(bins, weights, _BINS) for weights in (None, right, confidence)]
        return cls(confusion, np.stack(columns, axis=1))

    @classmethod
    def sum(cls, tallies: Iterable["Tally"]) -> "Tally":
        confusion: dict[str, Counts] = {}
        reliability = np.zeros((_BINS, 3))
        for tally in tallies:
            for speaker, counts in tally.confusion.items():
                confusion[speaker] = confusion.get(speaker, 0) + counts
            reliability = reliability + tally.reliability
        return cls(confusion, reliability)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Tally":
        confusion = {speaker: np.asarray(counts) for speaker, counts in stored["confusion"].items()}
        return cls(confusion, np.asarray(stored["reliability"]))

    def to_json(self) -> dict[str, Any]:
        return {
            "confusion": {speaker: counts.tolist() for speaker, counts in self.confusion.items()},
            "reliability": [[int(count), int(right), round(sure, 3)] for count, right, sure in self.reliability],
        }

    @property
    def total(self) -> Counts:
        """The confusion matrix of all speakers."""
        total: Counts = np.sum(list(self.confusion.values()), axis=0)
        return total


def report(tally: Tally, labels: tuple[str, ...], *, seed: int) -> dict[str, Any]:
    """The figures of one protocol and band, as they stand in a card."""
    total = tally.total
    intervals = bootstrap(tally, seed=seed)
    return {
        "clips": int(total.sum()),
        "speakers": len(tally.confusion),
        "accuracy": _rounded(accuracy(total)),
        "accuracy_interval": [_rounded(value) for value in intervals["accuracy"]],
        "uar": _rounded(unweighted_average_recall(total)),
        "uar_interval": [_rounded(value) for value in intervals["uar"]],
        "recall": _by_label(labels, recalls(total)),
        "precision": _by_label(labels, precisions(total)),
        "f1": _by_label(labels, f1_scores(total)),
        "calibration_error": _rounded(expected_calibration_error(tally.reliability)),
        "confusion": total.tolist(),
    }


def _by_label(labels: tuple[str, ...], values: NDArray[np.float64]) -> dict[str, float | None]:
    """None for what cannot be said, as JSON has no NaN."""
    return {label: None if np.isnan(value) else _rounded(value) for label, value in zip(labels, values, strict=True)}


def _rounded(value: float) -> float:
    return round(float(value), 4)


def confusion_matrix(truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> Counts:
    """Counts, a row for each true class: (classes, classes)."""
    cells: Counts = np.bincount(truth * classes + predicted, minlength=classes**2)
    return cells.reshape(classes, classes)


def accuracy(confusion: Counts) -> float:
    return float(np.trace(confusion) / confusion.sum())


def recalls(confusion: Counts) -> NDArray[np.float64]:
    """Recall of each class that occurs, NaN for one that does not."""
    support = confusion.sum(axis=1)
    return np.where(support > 0, np.diag(confusion) / np.maximum(support, 1), np.nan)


def precisions(confusion: Counts) -> NDArray[np.float64]:
    """Precision of each class, 0 for one that is never answered."""
    values: NDArray[np.float64] = np.diag(confusion) / np.maximum(confusion.sum(axis=0), 1)
    return values


def f1_scores(confusion: Counts) -> NDArray[np.float64]:
    """Harmonic mean of each class's precision and recall, 0 for one that is never right."""
    either = confusion.sum(axis=0) + confusion.sum(axis=1)
    scores: NDArray[np.float64] = 2 * np.diag(confusion) / np.maximum(either, 1)
    return scores


def unweighted_average_recall(confusion: Counts) -> float:
    """Mean of the class recalls, every class counting the same (Schuller et al. 2009)."""
    return float(np.nanmean(recalls(confusion)))


def bootstrap(tally: Tally, *, seed: int) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of accuracy and UAR, drawing whole speakers (cluster bootstrap, Field & Welsh 2007).

    Clips of one speaker are alike, so drawing clips would give intervals that are too narrow.
    """
    confusions = _resampled(tally, seed)
    return {
        "accuracy": _interval([accuracy(confusion) for confusion in confusions]),
        "uar": _interval([unweighted_average_recall(confusion) for confusion in confusions]),
    }


def accuracy_gain(before: Tally, after: Tally, *, seed: int) -> dict[str, Any]:
    """By how much the accuracy on the same clips rises, with the interval of :func:`bootstrap`.

    Each draw has the same speakers on both sides, so that what is hard about a speaker cancels out.
    """
    both = zip(_resampled(before, seed), _resampled(after, seed), strict=True)
    interval = _interval([accuracy(later) - accuracy(earlier) for earlier, later in both])
    return {
        "gain": _rounded(accuracy(after.total) - accuracy(before.total)),
        "gain_interval": [_rounded(value) for value in interval],
    }


def _resampled(tally: Tally, seed: int) -> Counts:
    """Confusion matrices of as many speakers as there are, drawn with replacement: (draws, classes, classes)."""
    each = np.stack([tally.confusion[speaker] for speaker in sorted(tally.confusion)])
    shares = np.full(len(each), 1 / len(each))
    drawn = np.random.default_rng(seed).multinomial(len(each), shares, size=_RESAMPLES)
    confusions: Counts = np.tensordot(drawn, each, axes=1)
    return confusions


def _interval(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def expected_calibration_error(reliability: NDArray[np.float64]) -> float:
    """Mean gap between confidence and accuracy over bins of confidence as in :class:`Tally` (Guo et al. 2017)."""
    count, right, confidence = reliability.T
    return float(np.abs(right - confidence).sum() / count.sum())
