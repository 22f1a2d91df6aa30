"""Recordings for tests: encoded with FFmpeg where a codec is needed, built byte by byte where a lie is."""

import io
import struct
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """How PyAV writes a format; ``rate`` is the only one that the codec takes, where there is one.

    ``bit_rate`` is given where the encoder's own choice is one that nobody records with.
    """

    container: str
    codec: str
    rate: int | None = None
    bit_rate: int | None = None


# What the same half minute of a call is sent as.
SEVEN = {
    "wav": Encoding("wav", "pcm_s16le"),
    "mulaw": Encoding("wav", "pcm_mulaw"),
    "mp3": Encoding("mp3", "libmp3lame", bit_rate=32_000),
    "m4a": Encoding("ipod", "aac"),
    "amr": Encoding("amr", "libopencore_amrnb", 8_000, 12_200),
    "webm": Encoding("webm", "libopus", 48_000),
    "flac": Encoding("flac", "flac"),
}
ENCODINGS = SEVEN | {
    "wav 8 bit": Encoding("wav", "pcm_u8"),
    "wav 24 bit": Encoding("wav", "pcm_s24le"),
    "wav 32 bit": Encoding("wav", "pcm_s32le"),
    "wav float": Encoding("wav", "pcm_f32le"),
    "wav double": Encoding("wav", "pcm_f64le"),
    "alaw": Encoding("wav", "pcm_alaw"),
    "ms adpcm": Encoding("wav", "adpcm_ms"),
    "ima adpcm": Encoding("wav", "adpcm_ima_wav"),
    "opus": Encoding("ogg", "libopus", 48_000),
    "aac": Encoding("adts", "aac"),
    "alac": Encoding("ipod", "alac"),
}


def encode(samples: Samples, rate: int, encoding: Encoding) -> bytes:
    """``samples`` (1 or 2 channels, n) at ``rate`` Hz as a file."""
    layout = "mono" if len(samples) == 1 else "stereo"
    pcm = np.round(np.clip(samples, -1, 1) * 32_767).astype(np.int16).T.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm), format="s16", layout=layout)
    # Timestamps are what the encoder's delay is written down with.
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
    file = io.BytesIO()
    with av.open(file, "w", format=encoding.container) as container:
        rate = encoding.rate or rate
        stream = container.add_stream(encoding.codec, rate=rate, layout=layout)
        if encoding.bit_rate:
            stream.bit_rate = encoding.bit_rate
        resampler = av.AudioResampler(stream.format.name, layout, rate, frame_size=stream.frame_size or None)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


def native(path) -> tuple[Samples, int]:
    """The samples (channels, n) of a WAV file at its own rate, and the rate."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("flt", None, stream.rate)
        blocks = [block for frame in container.decode(stream) for block in resampler.resample(frame)]
        packed = np.concatenate([block.to_ndarray() for block in blocks], axis=None)
        return packed.reshape(-1, stream.channels).T, stream.rate


def groan(
    seconds: float,
    pitch: float = 140.0,
    formants: tuple[tuple[int, int], ...] = ((600, 80), (1_100, 90), (2_500, 150)),
) -> Samples:
    """A falling voice at 16 kHz, (n,): pulses that jitter as a larynx does, through formants (Hz, bandwidth)."""
    random = np.random.default_rng(1)
    pulses = np.zeros(round(seconds * 16_000))
    position = 0.0
    while position < len(pulses):
        pulses[int(position)] = 1
        progress = position / len(pulses)
        position += 16_000 / (pitch * (1 - 0.3 * progress)) * random.normal(1, 0.01)
    voice = pulses
    for centre, width in formants:
        radius = np.exp(-np.pi * width / 16_000)
        voice = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * centre / 16_000), radius**2], voice)
    shaped: Samples = (0.3 * voice / np.abs(voice).max() * np.hanning(len(voice)) ** 0.3).astype(np.float32)
    return shaped


def wav(
    data: bytes,
    *,
    channels: int = 1,
    rate: int = 16_000,
    bits: int = 16,
    float_: bool = False,
    claims: int | None = None,
) -> bytes:
    """A WAV file around ``data``; ``claims`` is the size that its header gives instead of the true one."""
    size = len(data) if claims is None else claims
    block = channels * bits // 8
    header = struct.pack("<HHIIHH", 3 if float_ else 1, channels, rate, rate * block, block, bits)
    return (
        b"RIFF"
        + struct.pack("<I", (36 + size) % 2**32)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + header
        + (b"data" + struct.pack("<I", size) + data)
    )


def silent_flac(seconds: int, *, claims_seconds: int | None = None, rate: int = 8_000, block: int = 65_535) -> bytes:
    """Digital silence as FLAC (RFC 9639): each frame of ``block`` samples is one constant, 13 bytes at most."""
    total = (seconds if claims_seconds is None else claims_seconds) * rate
    packed = (rate << 44) | (0 << 41) | (15 << 36) | total
    stream_info = struct.pack(">HH", block, block) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    frames = [_silent_frame(number, block) for number in range(seconds * rate // block)]
    return b"fLaC" + bytes([0x80, 0, 0, 34]) + stream_info + b"".join(frames)


def _silent_frame(number: int, block: int) -> bytes:
    # Fixed block size given in 16 bits behind the header; the rate is 8 kHz, mono, 16 bit.
    header = bytes([0xFF, 0xF8, 0x74, 0x08]) + _utf8(number) + struct.pack(">H", block - 1)
    header += bytes([_crc(header, 8, 0x07)])
    frame = header + bytes([0x00, 0x00, 0x00])  # a constant subframe of zero
    return frame + struct.pack(">H", _crc(frame, 16, 0x8005))


def _utf8(number: int) -> bytes:
    return chr(number).encode("utf-8")


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    remainder = 0
    for byte in data:
        remainder ^= byte << (bits - 8)
        for _ in range(8):
            remainder <<= 1
            if remainder >> bits:
                remainder ^= (1 << bits) | polynomial
    return remainder
