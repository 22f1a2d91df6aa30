"""What is right about the labels given to texts, each figure with its 95 % bootstrap interval over the texts.

Texts count by weights (draws, N), so that one computation gives a figure and its resamples: the first row of
:func:`resamples` counts every text once, each other one as often as it was drawn with replacement. Readers of the same
texts share the rows, which makes the interval of their difference a paired one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RESAMPLES: Final = 1000
BINS: Final = 15

_THRESHOLDS: Final = np.arange(1, 100) / 100


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Of each draw and class: (draws, classes). A ratio whose denominator is 0 is 0."""

    support: Doubles
    precision: Doubles
    recall: Doubles
    f1: Doubles


def macro_f1(labels: Ints, scores: Floats) -> float:
    """Mean over the classes of F1, of the highest of ``scores`` (N, classes)."""
    classes = scores.shape[1]
    return _macro_f1(one_hot(labels, classes), one_hot(scores.argmax(1), classes))


def one_hot(labels: Ints, classes: int) -> Bools:
    """(N, classes), one of each row true."""
    found: Bools = labels[:, None] == np.arange(classes)
    return found


def best_threshold(true: Bools, probabilities: Doubles) -> float:
    """The hundredth that gives the best macro F1 where a text is given every label that is at least so probable."""
    return float(max(_THRESHOLDS, key=lambda threshold: _macro_f1(true, probabilities >= threshold)))


def resamples(texts: int, seed: int) -> Doubles:
    """Weights (1 + RESAMPLES, texts): of the sample itself, then of its resamples."""
    drawn = np.random.default_rng(seed).multinomial(texts, np.full(texts, 1 / texts), size=RESAMPLES)
    return np.concatenate([np.ones((1, texts)), drawn])


def class_scores(true: Bools, given: Bools, weights: Doubles) -> ClassScores:
    """Of the labels that texts have and that they are given, both (N, classes)."""
    support, named, both = (weights @ cells for cells in (true, given, true & given))
    return ClassScores(
        support,
        both / np.maximum(named, 1),
        both / np.maximum(support, 1),
        2 * both / np.maximum(support + named, 1),
    )


def headline(true: Bools, given: Bools, weights: Doubles) -> dict[str, Doubles]:
    """Figures of each draw. ``accuracy`` is the share of texts that are given just the labels that they have."""
    scores = class_scores(true, given, weights)
    right = (true == given).all(1)
    return {
        "accuracy": weights @ right / len(true),
        "macro_f1": scores.f1.mean(1),
        "weighted_f1": (scores.f1 * scores.support).sum(1) / scores.support.sum(1),
    }


def calibration_error(confidence: Doubles, right: Bools, weights: Doubles) -> Doubles:
    """Mean gap between confidence and accuracy over equal-width bins of confidence (Guo et al. 2017), of each draw."""
    gaps = (right - confidence)[:, None] * one_hot(_bin(confidence), BINS)
    found: Doubles = np.abs(weights @ gaps).sum(1) / len(right)
    return found


def reliability(confidence: Doubles, right: Bools) -> list[dict[str, Any]]:
    """What that error is made of: for each bin that holds any text, its bounds, texts, mean confidence and accuracy."""
    bins = _bin(confidence)
    return [
        {
            "bounds": [round(number / BINS, 3), round((number + 1) / BINS, 3)],
            "texts": int((bins == number).sum()),
            "confidence": rounded(confidence[bins == number].mean()),
            "accuracy": rounded(right[bins == number].mean()),
        }
        for number in np.unique(bins)
    ]


def figure(draws: Doubles, lowest: float = 0.0) -> dict[str, Any]:
    """The first of ``draws`` and its interval, as a card has them.

    The interval holds the middle 95 % of the resamples, moved so that their median is the figure: resampling adds
    noise, which a sum of absolute gaps takes for error, and leaves out rare classes, which the mean over classes takes
    for failure.
    """
    value = draws[0]
    low, median, high = np.percentile(draws[1:], [2.5, 50, 97.5])
    ends = np.clip([value + low - median, value + high - median], lowest, 1)
    return {"value": rounded(value), "interval_95": [rounded(end) for end in ends]}


def figures(draws: Mapping[str, Doubles]) -> dict[str, Any]:
    return {name: figure(drawn) for name, drawn in draws.items()}


def differences(draws: Mapping[str, Doubles], others: Mapping[str, Doubles]) -> dict[str, Any]:
    """What ``draws`` have more than ``others`` of the same texts and resamples."""
    return {name: figure(drawn - others[name], lowest=-1) for name, drawn in draws.items()}


def rounded(value: float) -> float:
    return round(float(value), 4)


def _macro_f1(true: Bools, given: Bools) -> float:
    return float(class_scores(true, given, np.ones((1, len(true)))).f1.mean())


def _bin(confidence: Doubles) -> Ints:
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
