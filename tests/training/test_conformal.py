"""Prediction sets cover what they promise on speakers who had no part in choosing the threshold."""

import numpy as np
import pytest

from training.conformal import COVERAGE, THRESHOLDS, count, held_out, threshold


def clips(number: int, *, sure: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of four classes, and truths drawn from them: calibrated."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(4, sure), size=number)
    truth = np.array([rng.choice(4, p=row) for row in probabilities])
    return probabilities, truth


def test_counts_are_those_of_the_sets() -> None:
    counts = count(np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]]), np.array([1, 1]))
    at = {value: counts[np.flatnonzero(value == THRESHOLDS)[0]].tolist() for value in (0.05, 0.15, 0.25, 0.4)}
    assert at == {0.05: [2, 6], 0.15: [2, 4], 0.25: [2, 3], 0.4: [1, 2]}
    assert counts[-1].tolist() == [2, 2]


def test_likeliest_class_is_in_however_unlikely() -> None:
    counts = count(np.full((1, 8), 0.125), np.array([0]))
    assert counts[-2].tolist() == [1, 1]


def test_highest_threshold_that_covers_enough_is_chosen() -> None:
    counts = count(*clips(2000, sure=0.5, seed=0))
    chosen = threshold(counts)
    at = int(np.flatnonzero(chosen == THRESHOLDS)[0])
    assert counts[at, 0] >= COVERAGE * 2001 > counts[at + 1, 0]


def test_too_few_clips_to_promise_anything_give_the_largest_sets() -> None:
    assert threshold(count(*clips(3, sure=0.5, seed=0))) == THRESHOLDS[0]


@pytest.mark.parametrize("sure", [0.2, 1.0])
def test_coverage_on_other_folds_is_the_promised_one(sure: float) -> None:
    folds = [
        {band: count(*clips(600, sure=sure, seed=10 * fold + index)) for index, band in enumerate(("wide", "narrow"))}
        for fold in range(5)
    ]
    found = held_out(folds)
    for band in ("wide", "narrow"):
        assert found[band]["coverage"] == pytest.approx(COVERAGE, abs=0.02)
        assert 1 <= found[band]["size"] <= 4


def test_fold_is_tested_at_the_threshold_of_the_others() -> None:
    """One fold is unlike them: were it let in, its own threshold would be lower."""
    alike = [{"wide": count(*clips(600, sure=0.2, seed=seed))} for seed in range(4)]
    wrong = np.tile([0.97, 0.01, 0.01, 0.01], (600, 1))
    unlike = {"wide": count(wrong, np.full(600, 1))}
    others = threshold(sum(fold["wide"] for fold in alike))
    (at,) = np.flatnonzero(others == THRESHOLDS)
    assert unlike["wide"][at, 0] == 0
    assert held_out([*alike, unlike])["wide"]["coverage"] < COVERAGE - 0.05
