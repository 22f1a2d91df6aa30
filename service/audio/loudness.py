"""How loud somebody speaks."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from service.audio.decode import SAMPLE_RATE
from service.audio.features import Floats
from service.audio.vad import Region

LOWEST_POWER: Final = 1e-10


def dbfs(power: float) -> float:
    """A mean square as a level in dB re full scale, at least -100; a square wave at full scale has 0, a sine -3."""
    return 10 * math.log10(max(power, LOWEST_POWER))


def loudness(samples: Floats, speech: Sequence[Region]) -> list[float | None]:
    """The level of the speech in each second of ``samples`` (n,) at 16 kHz, as :func:`dbfs` of what lies in ``speech``.

    The last second may be a part of one; a second without speech has None. ``speech`` is sorted and disjoint.
    """
    count = -(-len(samples) // SAMPLE_RATE)
    energy, length = [0.0] * count, [0] * count
    for start, end in speech:
        for second in range(start // SAMPLE_RATE, -(-end // SAMPLE_RATE)):
            part = samples[max(start, second * SAMPLE_RATE) : min(end, (second + 1) * SAMPLE_RATE)]
            energy[second] += float(np.dot(part, part))
            length[second] += len(part)
    return [dbfs(each / size) if size else None for each, size in zip(energy, length, strict=True)]
