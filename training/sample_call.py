"""Synthesise the project's own sample call: a billing complaint, customer on channel 1, agent on channel 2.

    apt-get install espeak-ng
    python -m training sample-call

The voices are formant synthesis by rule (eSpeak NG), so that the recording belongs to nobody and may be passed on
under the project's licence. It shows what a request and an answer look like, not what a model can hear.
"""

import argparse
import io
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from scipy.signal import butter, resample_poly, sosfilt

from service.audio.decode import SAMPLE_RATE as DECODED_RATE
from service.audio.decode import Limits, decode
from service.audio.features import Floats

SAMPLE_RATE: Final = 8_000
CUSTOMER, AGENT = 0, 1

_BAND_HZ: Final = (300, 3_400)
_SPEECH_DBFS: Final = -22.0
_NOISE_DBFS: Final = -65.0


@dataclass(frozen=True, slots=True)
class Turn:
    """Who says what after how long a pause, and how: words a minute, and eSpeak's pitch from 0 to 99."""

    channel: int
    pause_seconds: float
    text: str
    speed: int = 170
    pitch: int = 45


CALL: Final = (
    Turn(AGENT, 0.8, "Good morning, this is Daniel in billing. How can I help you?"),
    Turn(CUSTOMER, 0.7, "Hello. I have been charged twice for July, and this is the third time I call.", 185, 60),
    Turn(AGENT, 0.9, "I am sorry to hear that. May I have your account number, please?"),
    Turn(CUSTOMER, 1.1, "Four, seven, one, one, nine.", 160, 50),
    Turn(AGENT, 0.8, "Thank you. Yes, I can see two payments of forty nine dollars."),
    Turn(CUSTOMER, 0.6, "Exactly! Every month I have to chase my own money. This is ridiculous!", 205, 75),
    Turn(AGENT, 1.0, "You are right, and I apologise. I have just sent you the refund.", 165, 40),
    Turn(CUSTOMER, 1.3, "Oh. Well, thank you. That was quick.", 155, 50),
    Turn(AGENT, 0.7, "You are welcome. Have a good day.", 170, 45),
    Turn(CUSTOMER, 0.8, "You too. Goodbye.", 165, 50),
)
_VOICES: Final = {CUSTOMER: "en-us+f3", AGENT: "en-gb+m3"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("tests/data/sample_call.wav"),
        help="the WAV file to write (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> None:
    """Write the call as 8 kHz G.711 µ-law, two channels."""
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write(mix([(turn, say(turn)) for turn in CALL]), args.output)


def say(turn: Turn) -> Floats:
    """The words of ``turn`` as a telephone carries them: (n,) at 8 kHz."""
    command = ["espeak-ng", "-v", _VOICES[turn.channel], "-s", str(turn.speed), "-p", str(turn.pitch), "--stdout"]
    spoken = subprocess.run([*command, turn.text], capture_output=True, check=True)  # noqa: S603 - our own words
    recording = decode(io.BytesIO(spoken.stdout), Limits(max_seconds=60, max_channels=1))
    narrow = resample_poly(recording.samples[0], 1, DECODED_RATE // SAMPLE_RATE)
    band = sosfilt(butter(4, _BAND_HZ, "bandpass", fs=SAMPLE_RATE, output="sos"), narrow)
    level: Floats = (band * _amplitude(_SPEECH_DBFS) / np.sqrt(np.mean(band**2))).astype(np.float32)
    return level


def mix(turns: list[tuple[Turn, Floats]]) -> Floats:
    """The turns one after the other, each on its own channel of a faintly noisy line: (2, n) at 8 kHz."""
    tail = SAMPLE_RATE
    length = sum(len(speech) + round(turn.pause_seconds * SAMPLE_RATE) for turn, speech in turns) + tail
    line = np.random.default_rng(0).normal(scale=_amplitude(_NOISE_DBFS), size=(2, length)).astype(np.float32)
    position = 0
    for turn, speech in turns:
        position += round(turn.pause_seconds * SAMPLE_RATE)
        line[turn.channel, position : position + len(speech)] += speech
        position += len(speech)
    return line


def write(line: Floats, path: Path) -> None:
    """Write ``line`` (2, n) at 8 kHz to ``path`` as WAV in G.711 µ-law."""
    interleaved = np.round(np.clip(line, -1, 1) * 32_767).astype(np.int16).T.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(interleaved), format="s16", layout="stereo")
    frame.sample_rate = SAMPLE_RATE
    # Without the encoder's version in the file, the same call is the same bytes.
    with av.open(str(path), "w", format="wav", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("pcm_mulaw", rate=SAMPLE_RATE, layout="stereo")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _amplitude(decibels: float) -> float:
    return float(10 ** (decibels / 20))
