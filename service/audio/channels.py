"""Two channels that hold one signal: a mono call saved as stereo."""

from typing import Final

import numpy as np

from service.audio.features import Floats

# MP3 at 8 kHz makes a copy at half the level differ by 4 % of its energy; two people differ by far more.
_DIFFERENCE: Final = 0.05


def is_dual_mono(samples: Floats) -> bool:
    """Whether every channel of ``samples`` (channels, n) is the first one at another level, but for codec noise.

    The part of a channel that no scaling of the first explains holds at most 5 % of its energy (-13 dB). A silent
    channel is no copy.
    """
    first, *others = samples
    energy = float(np.dot(first, first))
    return bool(others) and energy > 0 and all(_is_copy(first, energy, other) for other in others)


def _is_copy(first: Floats, energy: float, other: Floats) -> bool:
    own = float(np.dot(other, other))
    common = float(np.dot(first, other)) ** 2 / energy
    return own > 0 and own - common <= _DIFFERENCE * own
