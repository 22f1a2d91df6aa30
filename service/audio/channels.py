"""Two channels that hold one signal: a mono call saved as stereo."""

from typing import Final

import numpy as np

from service.audio.features import Floats

# A joint-stereo codec leaves a difference some 25 dB below the signal; two people on two channels differ by far more.
_DIFFERENCE: Final = 0.01


def is_dual_mono(samples: Floats) -> bool:
    """Whether every channel of ``samples`` (channels, n) is the first one at another level, but for codec noise.

    The part of a channel that no scaling of the first explains holds at most 1 % of its energy (-20 dB). A silent
    channel is no copy.
    """
    first, *others = samples
    energy = float(np.dot(first, first))
    return bool(others) and energy > 0 and all(_is_copy(first, energy, other) for other in others)


def _is_copy(first: Floats, energy: float, other: Floats) -> bool:
    own = float(np.dot(other, other))
    common = float(np.dot(first, other)) ** 2 / energy
    return own > 0 and own - common <= _DIFFERENCE * own
