"""Prediction sets that hold the true class as often as they promise (LAC: Sadinle, Lei & Wasserman 2019).

A set is every class whose probability reaches a threshold. The threshold comes from clips of speakers that the model
had not heard: the highest at which the promised share of them is covered.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

COVERAGE: Final = 0.9
THRESHOLDS: Final = np.arange(1, 201) / 400

Counts = NDArray[np.int64]


def count(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> Counts:
    """Of some clips at each of :data:`THRESHOLDS`: how many sets hold the true class, and what all sets hold together;
    at the end the number of clips, twice: (thresholds + 1, 2).

    ``probabilities`` (clips, classes) are calibrated. Counts of several parts can be added.
    """
    inside = probabilities[None] >= THRESHOLDS[:, None, None]
    # The likeliest class is always in.
    inside[:, np.arange(len(truth)), probabilities.argmax(axis=1)] = True
    covered = inside[:, np.arange(len(truth)), truth].sum(axis=1)
    return np.vstack([np.stack([covered, inside.sum(axis=(1, 2))], axis=1), [len(truth), len(truth)]])


def threshold(counts: Counts) -> float:
    """The highest that covers :data:`COVERAGE` of the clips and one more, which counts as missed."""
    enough = counts[:-1, 0] >= COVERAGE * (counts[-1, 0] + 1)
    return float(THRESHOLDS[np.flatnonzero(enough).max(initial=0)])


def held_out(folds: Sequence[dict[str, Counts]]) -> dict[str, Any]:
    """Coverage and mean size of the sets in each band, each fold at the threshold of the others: no speaker helps to
    choose the threshold that he is tested with."""
    totals = {band: np.zeros(3, dtype=np.int64) for band in folds[0]}
    for fold in folds:
        chosen = threshold(sum(np.sum(list(other.values()), axis=0) for other in folds if other is not fold))
        at = int(np.flatnonzero(chosen == THRESHOLDS)[0])
        for band, counts in fold.items():
            totals[band] += [*counts[at], counts[-1, 0]]
    return {
        band: {"coverage": round(covered / clips, 4), "size": round(held / clips, 3)}
        for band, (covered, held, clips) in totals.items()
    }
