"""The acoustic front end: log-mel, MFCC, chroma and zero-crossing rate in numpy and scipy.

One code for training and serving. The definitions are librosa's (McFee et al. 2015) with its defaults: a periodic
Hann window, centred frames padded with zeros, Slaney's mel scale and area-normalised filters, an orthonormal DCT-II.
Every function works along the last axis of an array of any batch shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import get_window

Floats = NDArray[np.float32]

_LOWEST_POWER = 1e-10
_ACTIVE_DB = 40.0
_CHUNK_FRAMES = 4096


FEATURES: Final = ("mfcc", "mel", "chroma", "zcr")
CHROMA: Final = 12
# Of each column over the active frames, those less than 40 dB below the peak; a step is from frame to frame.
STATISTICS: Final = (
    *("mean", "deviation", "least", "10 %", "25 %", "median", "75 %", "90 %", "most"),
    *("mean step", "deviation of the steps"),
)
_QUANTILES: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """What a model's input is made of. Its fields travel in the ONNX metadata.

    ``features`` are some of :data:`FEATURES`, side by side in that order. ``statistics`` makes one vector of a window,
    for models that take no sequences.

    Raises:
        ValueError: there is no such feature, the order is another one, or there are more MFCC than mel bands.
    """

    sample_rate: int = 16_000
    window_samples: int = 48_000
    n_fft: int = 1024
    hop_length: int = 512
    n_mels: int = 64
    dynamic_range_db: float = 80.0
    features: tuple[str, ...] = ("mel",)
    n_mfcc: int = 40
    statistics: bool = False

    def __post_init__(self) -> None:
        if not self.features or self.features != tuple(name for name in FEATURES if name in self.features):
            raise ValueError(f"features are {self.features}; name some of {FEATURES}, in this order")
        if "mfcc" in self.features and self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc is {self.n_mfcc}, more than the {self.n_mels} of n_mels")

    @property
    def frames(self) -> int:
        return 1 + self.window_samples // self.hop_length

    @property
    def columns(self) -> int:
        """Values a frame."""
        size = {"mfcc": self.n_mfcc, "mel": self.n_mels, "chroma": CHROMA, "zcr": 1}
        return sum(size[name] for name in self.features)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the input for one window: (frames, columns), or (columns * statistics,)."""
        return (self.columns * len(STATISTICS),) if self.statistics else (self.frames, self.columns)

    def __call__(self, windows: Floats) -> Floats:
        """The input of a model for ``windows`` (N, window_samples), as (N, *shape)."""
        return self.compose(self.measure(windows))

    def measure(self, samples: Floats) -> dict[str, Floats]:
        """What :meth:`compose` needs of ``samples`` (..., n): ``mel`` in dB re 1.0, ``chroma`` and ``zcr``, each
        (..., frames, columns)."""
        measured = {}
        if self.statistics or {"mel", "mfcc", "chroma"} & set(self.features):
            power = power_spectrogram(samples, n_fft=self.n_fft, hop_length=self.hop_length)
            measured["mel"] = power_to_db(power @ mel_filters(self.sample_rate, self.n_fft, self.n_mels))
            if "chroma" in self.features:
                measured["chroma"] = pitch_classes(power, self.sample_rate)
        if "zcr" in self.features:
            rate = zero_crossing_rate(samples, frame_length=self.n_fft, hop_length=self.hop_length)
            measured["zcr"] = rate[..., None]
        return measured

    def compose(self, measured: Mapping[str, Floats]) -> Floats:
        """The features of windows from what :meth:`measure` gives of them: (N, *shape).

        Mel bands are in dB below the window's peak, and MFCC are made of them: being relative to the peak makes the
        input independent of the level of the recording, which says more about the telephone line than about the
        speaker.
        """
        parts: dict[str, Floats] = {name: measured[name] for name in ("chroma", "zcr") if name in self.features}
        if "mel" in measured:
            parts["mel"] = below_peak(measured["mel"], self.dynamic_range_db)
        if "mfcc" in self.features:
            parts["mfcc"] = cepstrum(parts["mel"], self.n_mfcc)
        frames: Floats = np.concatenate([parts[name] for name in self.features], axis=-1)
        if not self.statistics:
            return frames
        active = parts["mel"].max(axis=-1) > -_ACTIVE_DB
        return statistics_of(frames, active)


def statistics_of(frames: Floats, active: NDArray[np.bool_]) -> Floats:
    """:data:`STATISTICS` of ``frames`` (N, frames, columns) where ``active`` (N, frames): (N, statistics * columns)."""
    pooled = np.empty((len(frames), len(STATISTICS), frames.shape[-1]), dtype=np.float32)
    for row, window, heard in zip(pooled, frames, active, strict=True):
        chosen = window[heard]
        steps = np.diff(chosen, axis=0, prepend=chosen[:1])
        row[0], row[1] = chosen.mean(axis=0), chosen.std(axis=0)
        row[2:9] = np.quantile(chosen, _QUANTILES, axis=0)
        row[9], row[10] = np.abs(steps).mean(axis=0), steps.std(axis=0)
    return pooled.reshape(len(frames), len(STATISTICS) * frames.shape[-1])


def below_peak(decibels: Floats, dynamic_range_db: float) -> Floats:
    """``decibels`` (..., frames, bins) relative to each matrix's own peak, cut off ``dynamic_range_db`` below it."""
    peak = decibels.max(axis=(-2, -1), keepdims=True)
    below: Floats = np.maximum(decibels - peak, np.float32(-dynamic_range_db))
    return below


def log_mel(
    samples: Floats, sample_rate: int, *, n_fft: int = 2048, hop_length: int = 512, n_mels: int = 128
) -> Floats:
    """Mel power spectrogram in dB re 1.0, limited to 80 dB below its peak: (..., frames, n_mels)."""
    power = mel_power(samples, sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)
    decibels = power_to_db(power)
    limited: Floats = np.maximum(decibels, decibels.max(axis=(-2, -1), keepdims=True) - np.float32(80.0))
    return limited


def mfcc(
    samples: Floats,
    sample_rate: int,
    *,
    n_mfcc: int = 20,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
) -> Floats:
    """Mel-frequency cepstral coefficients (Davis & Mermelstein 1980): (..., frames, n_mfcc)."""
    return cepstrum(log_mel(samples, sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels), n_mfcc)


def cepstrum(decibels: Floats, n_mfcc: int) -> Floats:
    """The first ``n_mfcc`` coefficients of an orthonormal DCT-II over mel bands (..., n_mels)."""
    coefficients: Floats = fft.dct(decibels, type=2, norm="ortho", axis=-1)
    return coefficients[..., :n_mfcc]


def chroma(samples: Floats, sample_rate: int, *, n_fft: int = 2048, hop_length: int = 512) -> Floats:
    """Energy of the 12 pitch classes from C, each frame scaled to a peak of 1 (Ellis 2007): (..., frames, 12)."""
    return pitch_classes(power_spectrogram(samples, n_fft=n_fft, hop_length=hop_length), sample_rate)


def pitch_classes(power: Floats, sample_rate: int) -> Floats:
    """:func:`chroma` of a power spectrogram (..., frames, n_fft // 2 + 1)."""
    energy: Floats = power @ chroma_filters(sample_rate, 2 * (power.shape[-1] - 1))
    peak = energy.max(axis=-1, keepdims=True)
    energy /= np.where(peak < np.finfo(np.float32).tiny, np.float32(1), peak)
    return energy


def zero_crossing_rate(samples: Floats, *, frame_length: int = 2048, hop_length: int = 512) -> Floats:
    """Share of sign changes in each centred frame, edges repeated: (..., frames)."""
    padding = [(0, 0)] * (samples.ndim - 1) + [(frame_length // 2, frame_length // 2)]
    padded = np.pad(samples, padding, mode="edge")
    negative = np.signbit(np.where(np.abs(padded) <= _LOWEST_POWER, np.float32(0), padded))
    crossings = np.zeros(padded.shape, dtype=np.int64)
    crossings[..., 1:] = np.cumsum(negative[..., 1:] != negative[..., :-1], axis=-1)
    starts = np.arange(0, padded.shape[-1] - frame_length + 1, hop_length)
    within = crossings[..., starts + frame_length - 1] - crossings[..., starts]
    return (within / frame_length).astype(np.float32)


def power_to_db(power: Floats) -> Floats:
    return np.float32(10) * np.log10(np.maximum(power, np.float32(_LOWEST_POWER)))


def mel_power(samples: Floats, sample_rate: int, *, n_fft: int, hop_length: int, n_mels: int) -> Floats:
    """Mel power spectrogram: (..., frames, n_mels)."""
    return power_spectrogram(samples, n_fft=n_fft, hop_length=hop_length) @ mel_filters(sample_rate, n_fft, n_mels)


def power_spectrogram(samples: Floats, *, n_fft: int, hop_length: int) -> Floats:
    """Squared magnitude of the short-time Fourier transform: (..., frames, n_fft // 2 + 1)."""
    padding = [(0, 0)] * (samples.ndim - 1) + [(n_fft // 2, n_fft // 2)]
    padded = np.pad(samples.astype(np.float32, copy=False), padding)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[..., ::hop_length, :]
    window = hann(n_fft)
    power = np.empty((*frames.shape[:-1], n_fft // 2 + 1), dtype=np.float32)
    step = max(1, _CHUNK_FRAMES // max(1, int(np.prod(frames.shape[:-2]))))
    for start in range(0, frames.shape[-2], step):
        # A few thousand frames at a time stay in the cache and bound the memory of an hour-long call.
        spectrum = fft.rfft(frames[..., start : start + step, :] * window, axis=-1)
        np.add(np.square(spectrum.real), np.square(spectrum.imag), out=power[..., start : start + step, :])
    return power


@lru_cache(maxsize=8)
def hann(length: int) -> Floats:
    window: Floats = get_window("hann", length).astype(np.float32)
    return window


def hz_to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above."""
    linear = hertz * 3 / 200
    return np.where(hertz < 1000, linear, 15 + np.log(np.maximum(hertz, 1000) / 1000) * 27 / np.log(6.4))


def mel_to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of :func:`hz_to_mel`."""
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((np.maximum(mels, 15) - 15) * np.log(6.4) / 27))


@lru_cache(maxsize=8)
def mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> Floats:
    """Triangular filters of equal area from 0 Hz to the Nyquist frequency: (n_fft // 2 + 1, n_mels)."""
    limits = hz_to_mel(np.array([0.0, sample_rate / 2]))
    corners = mel_to_hz(np.linspace(limits[0], limits[1], n_mels + 2))
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    distance = bins[:, None] - corners[None, :]
    width = np.diff(corners)
    rising = distance[:, :-2] / width[:-1]
    falling = -distance[:, 2:] / width[1:]
    area = 2 / (corners[2:] - corners[:-2])
    filters: Floats = (np.maximum(0, np.minimum(rising, falling)) * area).astype(np.float32)
    return filters


@lru_cache(maxsize=8)
def chroma_filters(sample_rate: int, n_fft: int) -> Floats:
    """Gaussian bumps around each pitch class (A = 440 Hz), weighted towards octave 5: (n_fft // 2 + 1, 12)."""
    classes = 12
    frequencies = np.linspace(0, sample_rate, n_fft, endpoint=False)[1:]
    position = classes * np.log2(frequencies / (440 / 16))
    # The 0 Hz bin has no pitch; it is put an octave and a half below the first bin.
    position = np.concatenate([[position[0] - 1.5 * classes], position])
    width = np.concatenate([np.maximum(np.diff(position), 1), [1]])
    half = round(classes / 2)
    offset = np.remainder(position[:, None] - np.arange(classes) + half + 10 * classes, classes) - half
    bumps = np.exp(-0.5 * (2 * offset / width[:, None]) ** 2)
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
    bumps *= np.exp(-0.5 * ((position[:, None] / classes - 5) / 2) ** 2)
    from_c: Floats = np.roll(bumps, -3, axis=1).astype(np.float32)
    return from_c[: n_fft // 2 + 1]
