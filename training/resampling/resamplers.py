"""Four ways to 16 kHz. All take mono float32 at some higher rate in Hz."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import av
import numpy as np
import soxr

from service.audio.decode import SAMPLE_RATE
from service.audio.features import Floats

Resampler = Callable[[Floats, int], Floats]


def by_soxr(samples: Floats, rate: int, *, quality: str) -> Floats:
    resampled: Floats = soxr.resample(samples, rate, SAMPLE_RATE, quality)
    return resampled


def by_line(samples: Floats, rate: int) -> Floats:
    """Linear interpolation: nothing keeps out what the new rate cannot hold."""
    places = np.arange(0, len(samples), rate / SAMPLE_RATE)
    between: Floats = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
    return between


def by_service(samples: Floats, rate: int) -> Floats:
    """FFmpeg's, set as :func:`service.audio.decode.decode` sets it."""
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    frame = av.AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
    frame.sample_rate = rate
    blocks = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([block.to_ndarray()[0] for block in blocks])


BEST: Final = "soxr HQ"
"""What the others are measured by."""

RESAMPLERS: Final[Mapping[str, Resampler]] = {
    BEST: partial(by_soxr, quality="HQ"),
    "soxr LQ": partial(by_soxr, quality="LQ"),
    "linear interpolation": by_line,
    "FFmpeg, as the service": by_service,
}
