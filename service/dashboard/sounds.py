"""The recording of a call as the page needs it: a picture of the whole, the features of a span, a file to play.

A call is decoded once. Its samples go into a file without a name, which is gone with the last who uses it, and of an
hour nobody draws more than a few thousand points.
"""

import hashlib
import io
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from service.audio.contained import decode
from service.audio.decode import SAMPLE_RATE, Limits
from service.audio.features import Floats, chroma, log_mel, mfcc

BUCKETS: Final = 2000
"""Points of an envelope."""

LONGEST_SPAN_MS: Final = 30_000
_SHORTEST: Final = 2048
_COLUMNS: Final = 600
_SCALE: Final = 32_767

# What browsers play as it is: the beginning of the file -> its media type.
_PLAYABLE: Final = (
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
)
_PLAYABLE_WAV: Final = {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_mulaw", "pcm_alaw"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """The least and the largest sample of each stretch of ``step_ms``: two arrays (channels, stretches)."""

    low: Floats
    high: Floats
    step_ms: float


@dataclass(frozen=True, slots=True)
class Features:
    """Of one channel of a span, a row a frame of ``step_ms``: ``mel`` in dB, ``mfcc`` without the first coefficient,
    which is the level, and ``chroma`` in 0..1."""

    mel: Floats
    mfcc: Floats
    chroma: Floats
    step_ms: float


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording that somebody has opened.

    Attributes:
        sha256: of the bytes of the file, as the service gives it.
        samples: int16 (n, channels) at 16 kHz, in a file that has no name.
        envelope: of the whole.
        media: bytes that a browser plays, and their type.
    """

    sha256: str
    samples: NDArray[np.int16]
    envelope: Envelope
    media: bytes
    media_type: str

    @property
    def channels(self) -> int:
        return int(self.samples.shape[1])

    @property
    def duration_ms(self) -> int:
        return round(1000 * len(self.samples) / SAMPLE_RATE)

    def span(self, channel: int, start_ms: int, end_ms: int) -> Floats:
        """The samples of a channel, counted from 1, in [-1, 1]; at most LONGEST_SPAN_MS of them, at least a frame."""
        end_ms = min(end_ms, start_ms + LONGEST_SPAN_MS)
        start, end = (min(max(0, round(ms * SAMPLE_RATE / 1000)), len(self.samples)) for ms in (start_ms, end_ms))
        part = self.samples[start:end, channel - 1].astype(np.float32) / _SCALE
        return np.pad(part, (0, max(0, _SHORTEST - len(part))))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def open_sound(content: bytes, limits: Limits) -> Sound:
    """Decode the file ``content``.

    Raises:
        Problem: it is no recording, or one beyond the ``limits``.
        LostDecoderError: see :func:`service.audio.contained.decode`.
    """
    recording = decode(io.BytesIO(content), limits)
    channels, length = recording.samples.shape
    with tempfile.TemporaryFile(prefix="call-") as file:
        samples = np.memmap(file, dtype=np.int16, mode="w+", shape=(length, channels))
    step = SAMPLE_RATE * 10
    for start in range(0, length, step):
        block = recording.samples[:, start : start + step].T
        samples[start : start + step] = np.round(block * _SCALE).astype(np.int16)
    whole = envelope(recording.samples)
    media, media_type = _playable(content, recording.codec, recording.container) or (_flac(samples), "audio/flac")
    return Sound(digest(content), samples, whole, media, media_type)


def envelope(samples: Floats, buckets: int = BUCKETS) -> Envelope:
    """The outline of ``samples`` (channels, n) at 16 kHz, in at most ``buckets`` stretches of the same length."""
    length = samples.shape[-1]
    size = max(1, -(-length // buckets))
    starts = np.arange(0, length, size)
    low: Floats = np.minimum.reduceat(samples, starts, axis=-1)
    high: Floats = np.maximum.reduceat(samples, starts, axis=-1)
    return Envelope(low, high, 1000 * size / SAMPLE_RATE)


def features(samples: Floats) -> Features:
    """Of ``samples`` (n,) at 16 kHz, in at most 600 frames."""
    hop = max(256, -(-len(samples) // _COLUMNS))
    return Features(
        mel=log_mel(samples, SAMPLE_RATE, n_fft=1024, hop_length=hop, n_mels=64),
        mfcc=mfcc(samples, SAMPLE_RATE, n_mfcc=20, n_fft=1024, hop_length=hop, n_mels=64)[:, 1:],
        chroma=chroma(samples, SAMPLE_RATE, n_fft=2048, hop_length=hop),
        step_ms=1000 * hop / SAMPLE_RATE,
    )


def _playable(content: bytes, codec: str, container: str) -> tuple[bytes, str] | None:
    """The file as it is, where a browser plays it."""
    for beginning, media_type in _PLAYABLE:
        if content.startswith(beginning):
            return content, media_type
    if content.startswith(b"RIFF") and codec in _PLAYABLE_WAV:
        return content, "audio/wav"
    if container == "mp3":
        return content, "audio/mpeg"
    if content[4:8] == b"ftyp" and codec == "aac":
        return content, "audio/mp4"
    return None


def _flac(samples: NDArray[np.int16]) -> bytes:
    """What every browser plays, for GSM, ADPCM, AMR and the like."""
    file = io.BytesIO()
    layout = "mono" if samples.shape[1] == 1 else f"{samples.shape[1]}c" if samples.shape[1] > 2 else "stereo"
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout=layout)
        for start in range(0, len(samples), SAMPLE_RATE):
            block = np.ascontiguousarray(samples[start : start + SAMPLE_RATE]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
            frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
