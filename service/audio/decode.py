"""Bytes to samples: any recording that a CRM sends becomes 16 kHz floats, a row a channel.

An upload is hostile until proved otherwise. Only the containers and codecs named here are ever opened, nothing that
a file refers to is followed, and what is bounded is the audio that comes out: a header may claim anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from errno import EINVAL
from fractions import Fraction
from io import SEEK_END
from typing import Any, BinaryIO, Final, NoReturn

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from service.audio.features import Floats
from service.problems import EmptyFile, NotAudio, TooLong, TooManyChannels

SAMPLE_RATE: Final = 16_000

_CONTAINERS: Final = ("wav", "w64", "mp3", "flac", "ogg", "mov", "matroska", "aac", "amr", "amrnb", "amrwb")
_CODECS: Final = (
    *("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_mulaw", "pcm_alaw"),
    *("adpcm_ms", "adpcm_ima_wav", "gsm_ms"),
    *("mp3", "mp3float", "flac", "opus", "libopus", "vorbis", "aac", "alac"),
    *("amrnb", "libopencore_amrnb", "amrwb"),
)
_OPTIONS: Final = {
    "format_whitelist": ",".join(_CONTAINERS),
    "codec_whitelist": ",".join(_CODECS),
    # A list that names no protocol: a playlist or a reference inside a file opens nothing.
    "protocol_whitelist": "none",
    "threads": "1",
    # Bytes in a packet of PCM: FFmpeg's 4 KiB would spend more time on packets than on samples.
    "max_size": "65536",
}
# Below this telephone speech loses its formants; above it no recorder goes and a resampler's filter grows huge.
_SAMPLE_RATES: Final = range(8_000, 192_001)

_ACCEPTED: Final = "Send WAV, MP3, FLAC, Ogg, Opus, M4A, AAC, WebM or AMR"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that :func:`decode` lets out of one file."""

    max_seconds: float
    max_channels: int


@dataclass(frozen=True, slots=True)
class Recording:
    """Decoded audio.

    Attributes:
        samples: float32 (channels, n) at 16 kHz in [-1, 1]; every value is finite.
        sample_rate: the file's own rate in Hz.
        container: FFmpeg's name of the container, such as ``wav`` or ``matroska,webm``.
        codec: FFmpeg's name of the codec, such as ``pcm_mulaw`` or ``opus``.
        damaged: part of the file could not be decoded and is missing from ``samples``.
    """

    samples: Floats
    sample_rate: int
    container: str
    codec: str
    damaged: bool = False

    @property
    def duration_ms(self) -> int:
        return round(1000 * len(self.samples.T) / SAMPLE_RATE)


def decode(file: BinaryIO, limits: Limits) -> Recording:
    """The first audio stream of ``file``, resampled to 16 kHz with its channels kept apart.

    A file that is cut short or damaged in places gives what can be decoded of it, marked ``damaged`` where the decoder
    notices; only a file of which nothing decodes is refused. A stream whose format changes on the way is converted
    to the channels that it began with.

    Raises:
        EmptyFile: there are no bytes.
        NotAudio: no container or codec on the list takes the bytes, or no sample comes out of them.
        TooLong: more than ``limits.max_seconds`` come out, whatever the header says.
        TooManyChannels: there are more than ``limits.max_channels``.
    """
    if file.seek(0, SEEK_END) == 0:
        raise EmptyFile("The file has no bytes. Send the recording itself.")
    file.seek(0)
    try:
        container = av.open(_Source(file), mode="r", options=_OPTIONS, io_open=_refuse, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise NotAudio(f"No decoder takes this file. {_ACCEPTED}.") from error
    with container:
        return _decode_stream(container, _audio_stream(container), limits)


class _Source:
    """``file`` as FFmpeg reads it. A header may send it to before the beginning, which each kind of file refuses with
    another exception, and FFmpeg with a negative number."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.tell = file.read, file.tell
        self._seek = file.seek

    def seek(self, offset: int, whence: int) -> int:
        try:
            return self._seek(offset, whence)
        except (OSError, OverflowError, ValueError):
            return -EINVAL


def _refuse(*_: Any) -> NoReturn:
    raise av.PermissionError(1, "a file may not open another one")


def _audio_stream(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise NotAudio(f"The file has no audio track. {_ACCEPTED}.")
    stream = container.streams.audio[0]
    # A stream whose codec FFmpeg does not know has no codec context.
    codec = stream.codec_context.name if stream.codec_context else "unknown"
    if codec not in _CODECS:
        raise NotAudio(f"The audio is coded as {codec}, which is not supported. {_ACCEPTED}.")
    return stream


def _decode_stream(container: InputContainer, stream: AudioStream, limits: Limits) -> Recording:
    sink = _Sink(limits)
    frames = _Frames(container, stream)
    try:
        for frame in frames:
            sink.write(frame)
        samples = sink.samples()
    except (av.FFmpegError, ValueError) as error:
        raise NotAudio(f"The audio cannot be converted to 16 kHz. {_ACCEPTED}.") from error
    return Recording(
        samples=samples,
        sample_rate=sink.sample_rate,
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        damaged=frames.damaged,
    )


class _Frames:
    """The decoded frames of a stream; what cannot be read or decoded is passed over and remembered."""

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self._container = container
        self._stream = stream
        self.damaged = False

    def __iter__(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                self.damaged = True
                break
            if packet is None:  # the demuxer has flushed the decoder with its last packet
                return
            yield from self._decode(packet)
        yield from self._decode(None)

    def _decode(self, packet: "Packet[AudioStream] | None") -> list[AudioFrame]:
        try:
            return self._stream.decode(packet)
        except av.FFmpegError:
            self.damaged = True
            return []


class _Sink:
    """Collects frames as 16 kHz floats, within the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # Exact, so that a recording may be just as long as the limit.
        self._seconds = Fraction(0)
        self._blocks: list[Floats] = []
        self._resampler: AudioResampler | None = None
        self._source: tuple[str, str, int] | None = None
        self._layout: AudioLayout | None = None
        self.sample_rate = 0

    def write(self, frame: AudioFrame) -> None:
        self._check(frame)
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if source != self._source:
            self._flush()
            if self._layout is None:
                self._layout, self.sample_rate = frame.layout, frame.sample_rate
            # Packed samples: reading the planes of a planar frame with more than 7 channels crashes PyAV 18.
            self._resampler = AudioResampler("flt", self._layout, SAMPLE_RATE)
            self._source = source
        self._resample(frame)

    def samples(self) -> Floats:
        self._flush()
        if self._layout is None or not any(block.size for block in self._blocks):
            raise NotAudio(f"The file holds no audio samples. {_ACCEPTED}, with something recorded in it.")
        channels = self._layout.nb_channels
        samples = np.empty((channels, sum(block.size for block in self._blocks) // channels), dtype=np.float32)
        start = 0
        for block in self._blocks:
            # Block by block, so that an hour is held twice at most.
            np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            end = start + block.size // channels
            np.clip(block.reshape(-1, channels).T, -1, 1, out=samples[:, start:end])
            start = end
        return samples

    def _check(self, frame: AudioFrame) -> None:
        if frame.layout.nb_channels > self._limits.max_channels:
            raise TooManyChannels(
                f"The recording has {frame.layout.nb_channels} channels; send at most {self._limits.max_channels}."
            )
        if frame.sample_rate not in _SAMPLE_RATES:
            raise NotAudio(f"The sample rate is {frame.sample_rate} Hz; send 8 to 192 kHz, as a recorder writes it.")
        self._seconds += Fraction(frame.samples, frame.sample_rate)
        if self._seconds > self._limits.max_seconds:
            raise TooLong(
                f"The recording is longer than {self._limits.max_seconds:g} seconds; send it in shorter parts."
            )

    def _resample(self, frame: AudioFrame | None) -> None:
        if self._resampler is not None:
            self._blocks += [
                block.to_ndarray().astype(np.float32, copy=False) for block in self._resampler.resample(frame)
            ]

    def _flush(self) -> None:
        self._resample(None)
