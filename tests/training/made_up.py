"""Features of clips that were never recorded."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.audio.features import FEATURES, FrontEnd
from training.augment import Augmentation
from training.features import BANDS, VARIANTS, Features, columns_of

KINDS: Final = {
    **{name: (name,) for name in FEATURES},
    "combined": FEATURES,
}
FRONT_ENDS: Final = {
    **{kind: FrontEnd(n_mels=26, n_mfcc=13, features=names) for kind, names in KINDS.items()},
    **{
        f"statistics of {kind}": FrontEnd(n_mels=26, n_mfcc=13, features=names, statistics=True)
        for kind, names in KINDS.items()
    },
}
"""One for each kind of feature, as sequences and as statistics."""

PLAIN: Final = Augmentation(
    variants=("wideband",),
    tempo=0.0,
    warp=0.0,
    tilt_db=0.0,
    floor_db=80.0,
    frequency_mask=0,
    time_mask=0,
    mixup=0.0,
)
"""No augmentation at all."""


def features_of(variants: Sequence[Sequence[NDArray[np.floating]]], front_end: FrontEnd) -> Features:
    """``variants[v][i]`` (frames, columns) is clip ``i`` in variant ``v``: mel bands, pitch classes and crossings.

    The windows to evaluate on are the beginnings of the first variant.
    """
    frames = tuple(np.concatenate(clips).astype(np.float16) for clips in variants)
    starts = np.stack([np.cumsum([0, *map(len, clips)]) for clips in variants])
    windows = np.zeros((len(variants[0]), front_end.frames, frames[0].shape[1]), dtype=np.float16)
    for window, clip in zip(windows, variants[0], strict=True):
        length = min(front_end.frames, len(clip))
        window[:length] = clip[:length]
    return Features(
        frames,
        starts,
        dict.fromkeys(BANDS, windows),
        np.arange(len(windows)),
        tuple(f"clip-{number}" for number in range(len(windows))),
        (),
        columns_of(front_end),
    )


def noise(front_end: FrontEnd, lengths: Sequence[int], *, seed: int = 0) -> Features:
    """Clips of ``lengths`` frames, another noise in each variant, whose paces differ."""
    rng = np.random.default_rng(seed)
    return features_of(
        [[_noise(front_end, length + variant, rng) for length in lengths] for variant in range(len(VARIANTS))],
        front_end,
    )


def _noise(front_end: FrontEnd, length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    columns = columns_of(front_end)
    frames = rng.uniform(0, 1, (length, columns["zcr"].stop))
    frames[:, columns["mel"]] = -70 * frames[:, columns["mel"]]
    return frames
