"""What a channel is worth to a listener: its level, its noise, its clipping and its band."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from service.audio.decode import SAMPLE_RATE
from service.audio.features import Floats, hann
from service.audio.loudness import LOWEST_POWER, dbfs
from service.audio.vad import Region

# 32 ms: short enough to lie in a pause, long enough for bins of 31 Hz.
_FRAME: Final = 512
# Half a second of frames; fewer may all be the end of a breath.
_LEAST_PAUSE_FRAMES: Final = 16
_SNR_DB: Final = (-10.0, 60.0)

# What was cut off at one value does not keep it: resampling and coding let the flat top ring. Within this of the
# peak of the channel lies all of it for PCM, most for MP3, and hardly anything of speech that was not cut off.
_EXTREME: Final = 0.95
_SHORTEST_CLIP: Final = 3

# The quantisation noise of 8-bit µ-law lies 45 dB below the peak of the long-term spectrum of speech. The sibilants
# of a wideband recording reach up to 7.5 kHz at 41 dB below it.
_BAND_DEPTH_DB: Final = 44.0
_SMOOTHED_BINS: Final = 8
_LOWEST_BIN: Final = 10
# Frames at a time, so that an hour needs no more memory than a minute.
_BLOCK_FRAMES: Final = 1024


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the speech on a channel is.

    Attributes:
        level_dbfs: of all the speech (RMS), in dB re full scale.
        peak_dbfs: of its largest sample.
        clipped: share of its samples that are cut off: three or more in a row within 0.45 dB of that largest one. What
            was cut off and then turned down before it came here at 8 kHz is not noticed: resampled, it has no flat top.
        snr_db: the speech without the noise over the noise between speech, from -10 to 60 dB; None where there is less
            than half a second of it. Digital silence, as of a line that is not connected yet, does not count.
        bandwidth_hz: up to where its long-term spectrum lies within 44 dB of its peak, in hundreds; at most half the
            rate of the file.
    """

    level_dbfs: float
    peak_dbfs: float
    clipped: float
    snr_db: float | None
    bandwidth_hz: int


class Gauge:
    """Measures a channel, ``samples`` (n,) at 16 kHz, and parts of it.

    Attributes:
        samples: of the channel.
        quality: of its speech; None where there is none.
    """

    def __init__(self, samples: Floats, speech: Sequence[Region], sample_rate: int) -> None:
        """``speech`` is sorted and disjoint; ``sample_rate`` is the file's own, in Hz."""
        self.samples = samples
        self._noise = _noise(samples, speech)
        self._clipped = np.empty(0, dtype=np.int64)
        self.quality = self._assess(speech, sample_rate) if speech else None

    def clipped(self, region: Region) -> float:
        """Share of the samples of ``region`` that are cut off."""
        first, end = np.searchsorted(self._clipped, region)
        return float(end - first) / (region.end - region.start)

    def snr_db(self, region: Region) -> float | None:
        """What lies in ``region`` over the noise of the channel."""
        part = self.samples[region.start : region.end]
        return self._over_noise(float(np.dot(part, part)) / len(part))

    def _assess(self, speech: Sequence[Region], sample_rate: int) -> Quality:
        parts = [self.samples[start:end] for start, end in speech]
        length = sum(map(len, parts))
        power = sum(float(np.dot(part, part)) for part in parts) / length
        peak = max(max(float(part.max()), -float(part.min())) for part in parts)
        self._clipped = _clipped(self.samples, speech, peak)
        return Quality(
            level_dbfs=dbfs(power),
            peak_dbfs=dbfs(peak**2),
            clipped=len(self._clipped) / length,
            snr_db=self._over_noise(power),
            bandwidth_hz=min(_bandwidth_hz(parts), sample_rate // 2),
        )

    def _over_noise(self, power: float) -> float | None:
        if self._noise is None:
            return None
        lowest, highest = _SNR_DB
        signal = max(power / self._noise - 1, 10 ** (lowest / 10))
        return min(10 * math.log10(signal), highest)


def _noise(samples: Floats, speech: Sequence[Region]) -> float | None:
    """Mean square between ``speech``: the median of the frames, which neither a click nor a sigh moves."""
    count = len(samples) // _FRAME
    frames = samples[: count * _FRAME].reshape(count, _FRAME)
    power = np.einsum("ij,ij->i", frames, frames) / _FRAME
    pause = power > LOWEST_POWER
    for start, end in speech:
        pause[start // _FRAME : -(-end // _FRAME)] = False
    return float(np.median(power[pause])) if pause.sum() >= _LEAST_PAUSE_FRAMES else None


def _clipped(samples: Floats, speech: Sequence[Region], peak: float) -> NDArray[np.int64]:
    """Where in ``speech`` a sample belongs to a run at the extreme, in their order."""
    extreme = [start + np.flatnonzero(np.abs(samples[start:end]) >= _EXTREME * peak) for start, end in speech]
    at = np.concatenate(extreme)
    first = np.flatnonzero(np.diff(at, prepend=-2) > 1)
    lengths = np.diff(first, append=len(at))
    return at[np.repeat(lengths >= _SHORTEST_CLIP, lengths)]


def _bandwidth_hz(parts: Sequence[Floats]) -> int:
    spectrum = np.zeros(_FRAME // 2 + 1)
    for frames in _frames(parts):
        spectrum += np.square(np.abs(fft.rfft(frames * hann(_FRAME), axis=1))).sum(axis=0)
    # Below lies what is no speech: hum, and what a constant offset leaves.
    smoothed = uniform_filter1d(spectrum, _SMOOTHED_BINS)[_LOWEST_BIN:]
    highest = _LOWEST_BIN + int(np.flatnonzero(smoothed >= smoothed.max() / 10 ** (_BAND_DEPTH_DB / 10))[-1])
    return round(highest * SAMPLE_RATE / _FRAME / 100) * 100


def _frames(parts: Sequence[Floats]) -> Iterator[Floats]:
    """The whole frames of ``parts``, at most a thousand at a time: (N, 512). A shorter part has zeros behind it."""
    for part in parts:
        padded = np.pad(part, (0, _FRAME - len(part))) if len(part) < _FRAME else part
        frames = padded[: len(padded) // _FRAME * _FRAME].reshape(-1, _FRAME)
        for start in range(0, len(frames), _BLOCK_FRAMES):
            yield frames[start : start + _BLOCK_FRAMES]
