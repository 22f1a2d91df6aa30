"""Windows for training, cut from cached frames with a different pace, place, tilt and mask every time."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.audio.features import Floats, FrontEnd
from training.balance import balanced
from training.features import BANDS, VARIANTS, Features

UNKNOWN = -1.0
"""The target of a class that a clip's corpus does not have."""

_SILENCE_DB = -100.0


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far training windows stray from their clips. Ranges are uniform and symmetric.

    ``variants`` are those of the sound (:data:`training.features.VARIANTS`) that windows are cut from. ``tempo`` is a
    share of the pace, ``lead`` how much of the silence beside a short clip may come before it, ``warp`` a share of the
    mel axis (vocal tract length perturbation, Jaitly & Hinton 2013),
    ``tilt_db`` the gain at the band edges, ``floor_db`` how close to the peak a noise floor may come; masks are
    SpecAugment's (Park et al. 2019); ``mixup`` is the Beta parameter (Zhang et al. 2018), 0 for none.

    Raises:
        ValueError: there is no such variant, or none is named.
    """

    variants: tuple[str, ...] = VARIANTS
    tempo: float = 0.2
    lead: float = 0.3
    warp: float = 0.08
    tilt_db: float = 4.0
    floor_db: float = 50.0
    frequency_mask: int = 6
    time_mask: int = 10
    mixup: float = 0.0

    def __post_init__(self) -> None:
        if not self.variants or set(self.variants) - set(VARIANTS):
            raise ValueError(f"variants are {self.variants}; name some of {VARIANTS}")


@dataclass(frozen=True)
class Sampler:
    """Draws an epoch: every clip of ``clips`` ``copies`` times, each time in a random variant.

    ``targets`` (clips of the corpus, classes) are soft ones, too. ``smote`` evens out the classes of the epoch
    (:func:`training.balance.balanced`). From ``beside`` as many clips are drawn for each epoch and mixed in.
    """

    features: Features
    front_end: FrontEnd
    augmentation: Augmentation
    clips: NDArray[np.int64]
    targets: Floats
    copies: int
    smote: bool
    seed: int
    beside: "Sampler | None" = None

    def epoch(self, number: int) -> tuple[Floats, Floats]:
        """Inputs (n, *front_end.shape) and soft targets (n, classes) of epoch ``number``, the same at every call."""
        rng = np.random.default_rng([self.seed, number])
        inputs, targets = self._own_epoch(rng)
        if self.beside is None:
            return inputs, targets
        clips = self.beside.clips
        drawn = rng.choice(clips, min(len(inputs), len(clips)), replace=False)
        more, of_more = replace(self.beside, clips=drawn, copies=1).epoch(number)
        order = rng.permutation(len(inputs) + len(more))
        return np.concatenate([inputs, more])[order], np.concatenate([targets, of_more])[order]

    def _own_epoch(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        clips = rng.permutation(np.repeat(self.clips, self.copies))
        measured = self._cut_all(clips, rng)
        if "mel" in measured:
            measured["mel"] = self._colour(self._warp(measured["mel"], rng), rng)
        self._mask(measured, rng)
        inputs, targets = self.front_end.compose(measured), self.targets[clips]
        if self.smote:
            inputs, targets = balanced(inputs, targets, seed=int(rng.integers(2**31)))
        return self._mix(inputs, targets, rng)

    def plain(self) -> tuple[Floats, NDArray[np.int64]]:
        """The windows of ``clips`` as the service cuts them, in both bands, and the clip of each."""
        chosen = np.flatnonzero(np.isin(self.features.owner, self.clips))
        inputs = np.concatenate([self.features.inputs(band, chosen, self.front_end) for band in BANDS])
        return inputs, np.tile(self.features.owner[chosen], len(BANDS))

    def _cut_all(self, clips: NDArray[np.int64], rng: np.random.Generator) -> dict[str, Floats]:
        """One window a clip of what the front end needs, each clip in a variant of its own."""
        needed = self._needed()
        columns = slice(min(at.start for at in needed.values()), max(at.stop for at in needed.values()))
        variants = self._variants(clips, rng)
        windows = np.empty((len(clips), self.front_end.frames, columns.stop - columns.start), dtype=np.float32)
        silence = np.zeros(columns.stop - columns.start, dtype=np.float32)
        if "mel" in needed:
            silence[needed["mel"]] = _SILENCE_DB
        for variant in np.unique(variants):
            frames = self.features.frames[variant]
            chosen = np.flatnonzero(variants == variant)
            starts = self.features.starts[variant]
            first, end = starts[clips[chosen]], starts[clips[chosen] + 1]
            windows[chosen] = self._cut(frames[:, columns], first, end, silence, rng)
        return {name: windows[..., at.start - columns.start : at.stop - columns.start] for name, at in needed.items()}

    def _variants(self, clips: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """The variant of each of ``clips``; the copies of one clip take different ones, as far as there are any."""
        allowed = np.array([VARIANTS.index(name) for name in self.augmentation.variants])
        first = rng.integers(len(allowed), size=clips.max() + 1)
        order = np.argsort(clips, kind="stable")
        copy = np.empty_like(clips)
        copy[order] = np.arange(len(clips)) % self.copies
        chosen: NDArray[np.int64] = allowed[(first[clips] + copy) % len(allowed)]
        return chosen

    def _needed(self) -> dict[str, slice]:
        names = set(self.front_end.features)
        if "mfcc" in names or self.front_end.statistics:
            names.add("mel")
        return {name: at for name, at in self.features.columns.items() if name in names}

    def _cut(
        self,
        frames: NDArray[np.float16],
        first: NDArray[np.int64],
        end: NDArray[np.int64],
        silence: Floats,
        rng: np.random.Generator,
    ) -> Floats:
        """One window a clip: read at a random pace from a random place, the rest of a short clip left silent."""
        count, length = len(first), self.front_end.frames
        pace = rng.uniform(1 - self.augmentation.tempo, 1 + self.augmentation.tempo, (count, 1))
        available = (end - first)[:, None] - 1
        room = available - (length - 1) * pace
        lead = np.where(
            room > 0, rng.uniform(size=(count, 1)) * room, -rng.uniform(0, self.augmentation.lead, (count, 1)) * -room
        )
        # Whole frames: at the clip's own pace the frames are then those of the clip.
        position = np.round(lead) + np.arange(length) * pace
        silent = (position < 0) | (position > available)
        position = np.clip(position, 0, available)
        below = position.astype(np.int64)
        above = np.minimum(below + 1, available)
        share = (position - below)[..., None].astype(np.float32)
        low = frames[first[:, None] + below].astype(np.float32)
        high = frames[first[:, None] + above].astype(np.float32)
        windows: Floats = low + share * (high - low)
        windows[silent] = silence
        return windows

    def _warp(self, mel: Floats, rng: np.random.Generator) -> Floats:
        """The mel axis stretched, as another vocal tract would."""
        bins = mel.shape[2]
        warp = rng.uniform(1 - self.augmentation.warp, 1 + self.augmentation.warp, (len(mel), 1, 1))
        place = np.clip(np.arange(bins) * warp, 0, bins - 1)
        left = place.astype(np.int64)
        right = np.minimum(left + 1, bins - 1)
        weight = (place - left).astype(np.float32)
        warped: Floats = np.take_along_axis(mel, left, 2) * (1 - weight) + np.take_along_axis(mel, right, 2) * weight
        return warped

    def _colour(self, mel: Floats, rng: np.random.Generator) -> Floats:
        """A tilt of the spectrum, as another microphone has, and a noise floor."""
        slope = np.linspace(-1, 1, mel.shape[2], dtype=np.float32)
        tilt = rng.uniform(-self.augmentation.tilt_db, self.augmentation.tilt_db, (len(mel), 1, 1)).astype(np.float32)
        tilted = mel + tilt * slope
        floor = rng.uniform(self.augmentation.floor_db, self.front_end.dynamic_range_db, (len(mel), 1, 1))
        peak = tilted.max(axis=(1, 2), keepdims=True)
        floored: Floats = np.maximum(tilted, peak - floor.astype(np.float32))
        return floored

    def _mask(self, measured: dict[str, Floats], rng: np.random.Generator) -> None:
        """Hides a stretch of frames of all features and a stretch of mel bands."""
        count = len(next(iter(measured.values())))
        frames = _stretches(count, self.front_end.frames, self.augmentation.time_mask, rng)
        for name in measured.keys() - {"mel"}:
            measured[name] = np.where(frames[:, :, None], np.float32(0), measured[name])
        if "mel" in measured:
            mel = measured["mel"]
            bands = _stretches(count, mel.shape[2], self.augmentation.frequency_mask, rng)
            middle = mel.max(axis=(1, 2), keepdims=True) - np.float32(self.front_end.dynamic_range_db / 2)
            measured["mel"] = np.where(frames[:, :, None] | bands[:, None, :], middle, mel)

    def _mix(self, windows: Floats, targets: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        if not self.augmentation.mixup:
            return windows, targets
        share = rng.beta(self.augmentation.mixup, self.augmentation.mixup, len(windows)).astype(np.float32)
        share = np.maximum(share, 1 - share)
        other = rng.permutation(len(windows))
        of_window = share.reshape(-1, *[1] * (windows.ndim - 1))
        return (
            of_window * windows + (1 - of_window) * windows[other],
            share[:, None] * targets + (1 - share[:, None]) * targets[other],
        )


def _stretches(count: int, length: int, widest: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """For each of ``count`` rows a random stretch of at most ``widest`` of ``length`` places: (count, length)."""
    width = rng.integers(min(widest, length) + 1, size=count)
    start = rng.integers(length - width + 1)
    steps = np.arange(length)
    hidden: NDArray[np.bool_] = (steps >= start[:, None]) & (steps < (start + width)[:, None])
    return hidden
