"""What a resampler does to tones, and what it costs."""

import statistics
import time
from typing import Any, Final

import numpy as np

from service.audio.decode import SAMPLE_RATE
from training.resampling.resamplers import RESAMPLERS, Resampler

RATES: Final = (48_000, 44_100)
"""Those of the corpora, and of much that is recorded on computers."""

PASS_BAND: Final = 7_000
FAR: Final = 9_000
# Odd multiples of 125 Hz: none folds back onto 0 Hz or half the rate, where a level says nothing.
_STEP: Final = 250
_SILENCE: Final = 1e-8
_ROUNDS: Final = 5


def tones(resample: Resampler, rate: int) -> dict[str, Any]:
    """The levels of tones up to half of ``rate`` behind the resampler, in dB of what went in, and what they come to.

    Above 8 kHz all that comes out has folded back: 9 kHz is heard as 7 kHz.
    """
    levels = {hertz: _level(resample, hertz, rate) for hertz in range(_STEP // 2, rate // 2, _STEP)}
    return {
        "pass_band_db": max(abs(level) for hertz, level in levels.items() if hertz < PASS_BAND),
        "folds_back_near_db": max(level for hertz, level in levels.items() if SAMPLE_RATE // 2 < hertz < FAR),
        "folds_back_far_db": max(level for hertz, level in levels.items() if hertz > FAR),
        "levels_db": {str(hertz): level for hertz, level in levels.items()},
    }


def _level(resample: Resampler, hertz: int, rate: int) -> float:
    tone = (0.5 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate)).astype(np.float32)
    heard = resample(tone, rate)
    # The middle: at the ends a filter hears the tone begin and stop.
    middle = heard[len(heard) // 4 : -len(heard) // 4]
    ratio = np.sqrt(np.mean(np.square(middle, dtype=np.float64)) / np.mean(np.square(tone, dtype=np.float64)))
    return round(20 * float(np.log10(max(ratio, _SILENCE))), 2)


def cpu_seconds() -> dict[str, float]:
    """For a minute of noise at 48 kHz: the medians of some rounds, in which all take their turns."""
    noise = np.random.default_rng(0).normal(0, 0.1, 60 * RATES[0]).astype(np.float32)
    taken: dict[str, list[float]] = {name: [] for name in RESAMPLERS}
    for _ in range(_ROUNDS):
        for name, resample in RESAMPLERS.items():
            started = time.process_time()
            resample(noise, RATES[0])
            taken[name].append(time.process_time() - started)
    return {name: round(statistics.median(seconds), 5) for name, seconds in taken.items()}
