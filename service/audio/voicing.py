"""Voiced stretches that are not speech: a sigh, a groan, a laugh; what the vocal-burst model listens to.

A frame is voiced when it stands out from the noise floor and repeats itself at a rate that a voice can have. Ringback,
dial tones, DTMF and beeps do so too, but they hold their energy in one to three spectral lines that do not move,
which no voice can.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import get_window

from service.audio.decode import SAMPLE_RATE
from service.audio.features import Floats
from service.audio.vad import PADDING, Region, close, runs

# Frames of 40 ms hold nearly three periods of the lowest voice.
_FRAME: Final = 640
_HOP: Final = 256
_PITCH_HZ: Final = (70, 500)
_LAGS: Final = slice(SAMPLE_RATE // _PITCH_HZ[1], SAMPLE_RATE // _PITCH_HZ[0] + 1)
# Share of a frame's energy that repeats after one period. Praat's threshold is 0.45; breath reaches that too.
_PERIODICITY: Final = 0.6
# Frames at a time: an hour of held music, which is all candidates, needs no more memory than a minute of it.
_CHUNK_FRAMES: Final = 2048

# Level: above the noise floor, and not so far below the loudest frame that it is another room's voice.
_ABOVE_FLOOR_DB: Final = 12.0
_BELOW_PEAK_DB: Final = 35.0
_SILENCE_DB: Final = -60.0

# Distance kept from speech, in which its own breath and echo lie.
_MARGIN: Final = SAMPLE_RATE // 5
# A laugh is broken every 200 ms (stretches further apart than this do not meet when they are padded); half of what
# counts as one burst must be voiced. Longer than a breath is held music or a machine.
_GAP_HOPS: Final = 14
_VOICED_SHARE: Final = 0.5
_SHORTEST: Final = 3 * SAMPLE_RATE // 10
_LONGEST: Final = 6 * SAMPLE_RATE

_LINES: Final = 3
_LINE_SHARE: Final = 0.85


def voiced_stretches(samples: Floats, speech: Sequence[Region]) -> list[Region]:
    """The stretches of ``samples`` (n,) at 16 kHz that are voiced and lie outside ``speech``.

    Sorted, disjoint, inside the signal; 0.3 to 6 s long and padded as speech is.
    """
    count = (len(samples) - _FRAME) // _HOP + 1
    if count < 1:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    candidates = np.flatnonzero(_outside(speech, count) & _stands_out(samples, count))
    voiced = np.zeros(count, dtype=np.bool_)
    for start in range(0, len(candidates), _CHUNK_FRAMES):
        chunk = candidates[start : start + _CHUNK_FRAMES]
        voiced[chunk] = _periodicity(frames[chunk]) >= _PERIODICITY
    # Tones are told apart run by run: the keys of a telephone, pressed one after the other, are many lines together.
    sounds = [run for run in runs(voiced) if not is_tone(samples[_samples(*run)])]
    stretches = []
    for start, end in close(sounds, _GAP_HOPS):
        within = _samples(start, end)
        if _SHORTEST <= within.stop - within.start <= _LONGEST and voiced[start:end].mean() >= _VOICED_SHARE:
            stretches.append(Region(max(0, within.start - PADDING), min(len(samples), within.stop + PADDING)))
    return stretches


def _samples(start: int, end: int) -> slice:
    """The samples under frames ``start`` to ``end`` (exclusive)."""
    return slice(start * _HOP, (end - 1) * _HOP + _FRAME)


def is_tone(samples: Floats) -> bool:
    """Whether ``samples`` (n,) hold 85 % of their energy in three spectral lines over their whole length."""
    window = get_window("hann", len(samples))
    power = np.square(np.abs(fft.rfft(samples * window)))
    total = power.sum()
    lines = 0.0
    for _ in range(_LINES):
        peak = int(power.argmax())
        line = slice(max(0, peak - 2), peak + 3)  # the main lobe of a Hann window
        lines += power[line].sum()
        power[line] = 0
    return bool(lines >= _LINE_SHARE * total)


def _outside(speech: Sequence[Region], count: int) -> NDArray[np.bool_]:
    """Which frames keep their distance from ``speech``."""
    outside = np.ones(count, dtype=np.bool_)
    for start, end in speech:
        first = max(0, (start - _MARGIN - _FRAME) // _HOP + 1)
        outside[first : max(0, -(-(end + _MARGIN) // _HOP))] = False
    return outside


def _stands_out(samples: Floats, count: int) -> NDArray[np.bool_]:
    """Which frames are loud enough to be somebody at this telephone."""
    hops = np.square(samples[: (count - 1) * _HOP + _FRAME // _HOP * _HOP]).reshape(-1, _HOP).mean(axis=1)
    power = np.lib.stride_tricks.sliding_window_view(hops, _FRAME // _HOP).mean(axis=1)
    level = 10 * np.log10(np.maximum(power, 1e-10))
    floor, peak = np.percentile(level, (10, 99))
    # In a recording that is one long burst the tenth percentile is no floor.
    threshold = max(_SILENCE_DB, peak - _BELOW_PEAK_DB, min(floor + _ABOVE_FLOOR_DB, peak - _ABOVE_FLOOR_DB))
    return np.asarray(level > threshold)


def _periodicity(frames: Floats) -> Floats:
    """Height of the highest autocorrelation peak at a voice's pitch period, corrected for the window: (n,).

    Boersma, P. (1993). Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
    sampled sound. IFA Proceedings 17.
    """
    window, window_correlation = _window()
    centred = (frames - frames.mean(axis=1, keepdims=True)) * window
    correlation = _autocorrelation(centred)[:, : _LAGS.stop + 1]
    energy = np.maximum(correlation[:, :1], 1e-12)
    correlation /= energy * window_correlation[: _LAGS.stop + 1]
    before, lags, after = (correlation[:, _LAGS.start + shift : _LAGS.stop + shift] for shift in (-1, 0, 1))
    peaks: Floats = np.where((lags > before) & (lags >= after), lags, 0)
    highest: Floats = peaks.max(axis=1)
    return highest


def _autocorrelation(frames: Floats) -> Floats:
    spectrum = fft.rfft(frames, fft.next_fast_len(_FRAME + _LAGS.stop, real=True), axis=1)
    correlation: Floats = fft.irfft(np.square(np.abs(spectrum)), axis=1)
    return correlation


@lru_cache(maxsize=1)
def _window() -> tuple[Floats, Floats]:
    window = get_window("hann", _FRAME).astype(np.float32)
    correlation = _autocorrelation(window[None])[0]
    return window, correlation / correlation[0]
