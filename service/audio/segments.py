"""Cut speech into the pieces that a model is asked about.

The emotion models are trained on single utterances of one to three seconds and see a window of three. A longer
stretch is cut into equal pieces, so that no piece is a leftover; a shorter one keeps its length and silence is put
behind it. What is shorter than half a second, padding included, says too little to be classified: a near neighbour
has already been joined to it by :func:`service.audio.vad.speech_regions`, so it stands alone.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from service.audio.decode import SAMPLE_RATE
from service.audio.features import Floats
from service.audio.vad import Region

WINDOW: Final = 3 * SAMPLE_RATE
SHORTEST: Final = SAMPLE_RATE // 2


def cut(regions: Sequence[Region]) -> list[Region]:
    """The equal pieces of each region of at least ``SHORTEST`` samples."""
    return [piece for region in regions if region.end - region.start >= SHORTEST for piece in equal_pieces(region)]


def equal_pieces(region: Region) -> list[Region]:
    """``region`` as the fewest equal pieces of at most ``WINDOW`` samples, at least one."""
    start, length = region.start, region.end - region.start
    count = max(1, -(-length // WINDOW))
    edges = [start - (-length * piece // count) for piece in range(count + 1)]
    return [Region(*edge) for edge in pairwise(edges)]


def windows(samples: Floats, pieces: Sequence[Region]) -> Floats:
    """``pieces`` of ``samples`` (n,) at 16 kHz, each of at most ``WINDOW`` samples, zeros behind: (N, WINDOW)."""
    filled = np.zeros((len(pieces), WINDOW), dtype=np.float32)
    for row, (start, end) in zip(filled, pieces, strict=True):
        row[: end - start] = samples[start:end]
    return filled
