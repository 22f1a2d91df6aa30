"""What a recording goes through before a CRM gets it: telephone band, codecs, noise, another pace or pitch.

All functions take and return mono float32 at 16 kHz.
"""

import io
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray
from scipy import signal

from service.audio.decode import Limits, decode
from service.audio.features import Floats

SAMPLE_RATE = 16_000
# 32 ms: librosa's own 2048 samples are meant for music at 22 kHz, and blur a syllable into the next.
_VOCODER_WINDOW = 512
_LIMITS = Limits(max_seconds=600, max_channels=1)


def telephone(samples: Floats) -> Floats:
    """An 8 kHz line: 300-3400 Hz (ITU-T G.712) and µ-law companding (ITU-T G.711)."""
    narrow = signal.sosfilt(_telephone_band(), signal.resample_poly(samples, 1, 2))
    return _to_length(signal.resample_poly(mu_law(narrow), 2, 1), len(samples))


@lru_cache(maxsize=1)
def _telephone_band() -> NDArray[np.float64]:
    sections: NDArray[np.float64] = signal.butter(4, (300, 3400), "bandpass", fs=8000, output="sos")
    return sections


def mu_law(samples: NDArray[np.floating]) -> Floats:
    """``samples`` after 8-bit µ-law companding and expansion (µ = 255), the line driven to a peak of 0.5."""
    peak = max(float(np.abs(samples).max(initial=0)), 1e-6)
    companded = np.sign(samples) * np.log1p(255 * np.abs(samples) * 0.5 / peak) / np.log(256)
    quantised = np.round(companded * 127) / 127
    expanded = np.sign(quantised) * np.expm1(np.abs(quantised) * np.log(256)) / 255
    heard: Floats = (expanded * peak / 0.5).astype(np.float32)
    return heard


def through_codec(samples: Floats, codec: str) -> Floats:
    """``samples`` encoded and decoded again: ``amr`` (AMR-NB 12.2), ``mp3`` (32 kbit/s) or ``opus`` (12 kbit/s)."""
    container, encoder, rate, bit_rate = {
        "amr": ("amr", "libopencore_amrnb", 8000, 12_200),
        "mp3": ("mp3", "libmp3lame", 16_000, 32_000),
        "opus": ("ogg", "libopus", 16_000, 12_000),
    }[codec]
    at_rate = signal.resample_poly(samples, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else samples
    pcm = (np.clip(at_rate, -1, 1) * 32767).astype(np.int16)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(encoder, rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.format.name, "mono", rate, frame_size=stream.frame_size)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    buffer.seek(0)
    return _to_length(decode(buffer, _LIMITS).samples[0], len(samples))


def noisy(samples: Floats, snr_db: float, rng: np.random.Generator) -> Floats:
    """``samples`` with noise of a random colour, between white and brown, ``snr_db`` below them."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, len(samples))
    power = np.mean(np.square(samples)) / max(float(np.mean(np.square(noise))), 1e-12)
    mixed: Floats = (samples + noise * np.sqrt(power / 10 ** (snr_db / 10))).astype(np.float32)
    return mixed


def at_speed(samples: Floats, factor: float) -> Floats:
    """``samples`` played ``factor`` times as fast, pitch and pace together (Ko et al. 2015)."""
    ratio = Fraction(factor).limit_denominator(50)
    faster: Floats = signal.resample_poly(samples, ratio.denominator, ratio.numerator).astype(np.float32)
    return faster


def at_tempo(samples: Floats, factor: float) -> Floats:
    """``samples`` spoken ``factor`` times as fast at the same pitch, by a phase vocoder (Flanagan & Golden 1966)."""
    # Imported late: the first call into librosa costs seconds.
    from librosa.effects import time_stretch

    stretched: Floats = time_stretch(samples, rate=factor, n_fft=_VOCODER_WINDOW)
    return stretched


def at_pitch(samples: Floats, semitones: float) -> Floats:
    """``samples`` with the pitch moved by ``semitones`` (twelve an octave), as long as before."""
    from librosa.effects import pitch_shift

    shifted: Floats = pitch_shift(samples, sr=SAMPLE_RATE, n_steps=semitones, n_fft=_VOCODER_WINDOW)
    return shifted


def at_volume(samples: Floats, factor: float) -> Floats:
    """``samples`` ``factor`` times as loud, cut off at full scale."""
    louder: Floats = np.clip(samples * np.float32(factor), -1, 1)
    return louder


def _to_length(samples: NDArray[np.floating], length: int) -> Floats:
    return np.pad(samples[:length], (0, max(0, length - len(samples)))).astype(np.float32)
