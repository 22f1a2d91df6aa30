"""Tones behind resamplers of which it is known what they do."""

import numpy as np
import pytest

from training.resampling.resamplers import BEST, RESAMPLERS
from training.resampling.sound import RATES, cpu_seconds, tones


def test_every_third_sample_lets_everything_through() -> None:
    found = tones(lambda samples, rate: samples[::3], 48_000)
    assert found["pass_band_db"] == pytest.approx(0, abs=0.05)
    assert found["folds_back_near_db"] == pytest.approx(0, abs=0.05)
    assert found["folds_back_far_db"] == pytest.approx(0, abs=0.05)


def test_half_as_loud_is_six_decibels_down() -> None:
    found = tones(lambda samples, rate: samples[::3] / 2, 48_000)
    assert found["pass_band_db"] == pytest.approx(6.02, abs=0.05)
    assert set(found["levels_db"].values()) == {-6.02}


def test_silence_has_a_level() -> None:
    assert tones(lambda samples, rate: np.zeros(16_000, np.float32), 48_000)["folds_back_far_db"] == -160


@pytest.mark.parametrize("rate", RATES)
def test_best_keeps_what_fits_and_nothing_else(rate: int) -> None:
    found = tones(RESAMPLERS[BEST], rate)
    assert found["pass_band_db"] < 0.1
    assert found["folds_back_near_db"] < -100
    assert found["folds_back_far_db"] < -100
    assert max(map(int, found["levels_db"])) > rate / 2 - 250


def test_every_resampler_has_its_cost() -> None:
    costs = cpu_seconds()
    assert costs.keys() == RESAMPLERS.keys()
    assert min(costs.values()) > 0
