"""Distributions over labels: rounding that leaves their sum at 1, and their mean."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from service.schemas import Prediction

_STEPS: Final = 10_000


def round_scores(scores: Mapping[str, float]) -> dict[str, float]:
    """``scores`` as shares of their sum in steps of 0.0001, by largest remainder, so that they sum to 1."""
    total = sum(scores.values())
    exact = {label: score / total * _STEPS for label, score in scores.items()}
    steps = {label: math.floor(count) for label, count in exact.items()}
    missing = _STEPS - sum(steps.values())
    for label in sorted(exact, key=lambda label: steps[label] - exact[label])[:missing]:
        steps[label] += 1
    return {label: count / _STEPS for label, count in steps.items()}


def mean(predictions: Sequence[Prediction], weights: Sequence[float]) -> Prediction | None:
    """The mean distribution, weighted; None of nothing. Each prediction has the labels of the first."""
    if not predictions:
        return None
    labels = list(predictions[0].scores)
    means = np.average([[p.scores[label] for label in labels] for p in predictions], axis=0, weights=weights)
    scores = round_scores(dict(zip(labels, means.tolist(), strict=True)))
    label = max(scores, key=scores.__getitem__)
    return Prediction(label=label, confidence=scores[label], scores=scores)
