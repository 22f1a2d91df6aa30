"""The words of recorded calls, as the service's own recogniser hears them."""

import hashlib
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import anyio
from anyio import CapacityLimiter
from tqdm import tqdm

from service.audio.channels import is_dual_mono
from service.audio.decode import Limits, decode
from service.transcription import Order, Request
from service.transcription.local import Local

_LIMITS: Final = Limits(max_seconds=3600, max_channels=2)


def transcribe(calls: Path, recogniser: Path) -> dict[str, list[str]]:
    """What is said at a stretch, by the name of each WAV file in ``calls``.

    Two channels are two people, unless they hold one signal.

    Raises:
        FileNotFoundError: there is no such file.
        Refused: a file cannot be read.
        Unavailable: there is no model of faster-whisper in ``recogniser``.
    """
    paths = sorted(calls.glob("*.wav"))
    if not paths:
        raise FileNotFoundError(f"{calls} holds no WAV file")
    return anyio.run(_transcribe, paths, recogniser)


def describe(recogniser: Path) -> dict[str, str]:
    """Which program and model made the words."""
    sha256 = hashlib.sha256((recogniser / "model.bin").read_bytes()).hexdigest()
    return {"program": f"faster-whisper {version('faster-whisper')}", "model": recogniser.name, "sha256": sha256}


async def _transcribe(paths: list[Path], recogniser: Path) -> dict[str, list[str]]:
    local = Local(model=str(recogniser), limits=_LIMITS, limiter=CapacityLimiter(1))
    heard = {}
    for path in tqdm(paths, desc="hearing calls", unit="call"):
        with path.open("rb") as file:
            samples = decode(file, _LIMITS).samples
        separate = len(samples) > 1 and not is_dual_mono(samples)
        request = Request(path.stem, partial(path.open, "rb"), separate, language="en")
        transcript = await local.advance(request, Order())
        heard[path.stem] = [utterance.text for utterance in transcript.utterances]
    return heard
