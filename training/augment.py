"""Windows for training, cut from cached log-mel frames with a different pace, place, tilt and mask every time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.audio.features import Floats, FrontEnd, below_peak
from training.features import Features


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far training windows stray from their clips. Ranges are uniform and symmetric.

    ``tempo`` is a share of the pace, ``warp`` a share of the mel axis (vocal tract length perturbation, Jaitly & Hinton
    2013), ``tilt_db`` the gain at the band edges, ``floor_db`` how close to the peak a noise floor may come; masks
    are SpecAugment's (Park et al. 2019); ``mixup`` is the Beta parameter (Zhang et al. 2018), 0 for none.
    """

    tempo: float = 0.15
    warp: float = 0.08
    tilt_db: float = 4.0
    floor_db: float = 50.0
    frequency_mask: int = 6
    time_mask: int = 10
    mixup: float = 0.2


@dataclass(frozen=True)
class Sampler:
    """Draws an epoch: every clip of ``clips`` ``copies`` times, each time in a random variant."""

    features: Features
    front_end: FrontEnd
    augmentation: Augmentation
    clips: NDArray[np.int64]
    targets: Floats
    copies: int
    seed: int

    def epoch(self, number: int) -> tuple[Floats, Floats]:
        """Inputs (n, frames, n_mels) and soft targets (n, classes) of epoch ``number``, the same at every call."""
        rng = np.random.default_rng([self.seed, number])
        clips = rng.permutation(np.repeat(self.clips, self.copies))
        variants = rng.integers(len(self.features.frames), size=len(clips))
        windows = np.empty((len(clips), self.front_end.frames, self.front_end.n_mels), dtype=np.float32)
        for variant, frames in enumerate(self.features.frames):
            chosen = np.flatnonzero(variants == variant)
            starts = self.features.starts[variant]
            windows[chosen] = self._cut(frames, starts[clips[chosen]], starts[clips[chosen] + 1], rng)
        windows = self._colour(windows, rng)
        windows = below_peak(windows, self.front_end.dynamic_range_db)
        self._mask(windows, rng)
        return self._mix(windows, self.targets[clips], rng)

    def _cut(
        self,
        frames: NDArray[np.float16],
        first: NDArray[np.int64],
        end: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Floats:
        """One window a clip: read at a random pace from a random place, the rest of a short clip left silent."""
        count, length, bins = len(first), self.front_end.frames, self.front_end.n_mels
        pace = rng.uniform(1 - self.augmentation.tempo, 1 + self.augmentation.tempo, (count, 1))
        available = (end - first)[:, None] - 1
        room = available - (length - 1) * pace
        lead = np.where(room > 0, rng.uniform(size=(count, 1)) * room, -rng.uniform(0, 0.3, (count, 1)) * -room)
        position = lead + np.arange(length) * pace
        silent = (position < 0) | (position > available)
        position = np.clip(position, 0, available)
        below = position.astype(np.int64)
        above = np.minimum(below + 1, available)
        share = (position - below)[..., None].astype(np.float32)
        low = frames[first[:, None] + below].astype(np.float32)
        high = frames[first[:, None] + above].astype(np.float32)
        windows: Floats = low + share * (high - low)
        windows[silent] = -100.0
        warp = rng.uniform(1 - self.augmentation.warp, 1 + self.augmentation.warp, (count, 1, 1))
        place = np.clip(np.arange(bins) * warp, 0, bins - 1)
        left = place.astype(np.int64)
        right = np.minimum(left + 1, bins - 1)
        weight = (place - left).astype(np.float32)
        warped: Floats = (
            np.take_along_axis(windows, left, 2) * (1 - weight) + np.take_along_axis(windows, right, 2) * weight
        )
        return warped

    def _colour(self, windows: Floats, rng: np.random.Generator) -> Floats:
        """A tilt of the spectrum, as another microphone has, and a noise floor."""
        slope = np.linspace(-1, 1, windows.shape[2], dtype=np.float32)
        tilt = rng.uniform(-self.augmentation.tilt_db, self.augmentation.tilt_db, (len(windows), 1, 1)).astype(
            np.float32
        )
        tilted = windows + tilt * slope
        floor = rng.uniform(self.augmentation.floor_db, self.front_end.dynamic_range_db, (len(windows), 1, 1))
        peak = tilted.max(axis=(1, 2), keepdims=True)
        floored: Floats = np.maximum(tilted, peak - floor.astype(np.float32))
        return floored

    def _mask(self, windows: Floats, rng: np.random.Generator) -> None:
        quietest = -np.float32(self.front_end.dynamic_range_db) / 2
        for axis, widest in ((1, self.augmentation.time_mask), (2, self.augmentation.frequency_mask)):
            width = rng.integers(widest + 1, size=len(windows))
            start = rng.integers(windows.shape[axis] - width + 1)
            steps = np.arange(windows.shape[axis])
            hidden = (steps >= start[:, None]) & (steps < (start + width)[:, None])
            windows[np.broadcast_to(np.expand_dims(hidden, 3 - axis), windows.shape)] = quietest

    def _mix(self, windows: Floats, targets: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        if not self.augmentation.mixup:
            return windows, targets
        share = rng.beta(self.augmentation.mixup, self.augmentation.mixup, len(windows)).astype(np.float32)
        share = np.maximum(share, 1 - share)
        other = rng.permutation(len(windows))
        return (
            share[:, None, None] * windows + (1 - share[:, None, None]) * windows[other],
            share[:, None] * targets + (1 - share[:, None]) * targets[other],
        )
