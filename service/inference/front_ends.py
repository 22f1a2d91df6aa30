"""The front end that a model names in its metadata, as far as this service can feed it."""

import hashlib
import json
from dataclasses import asdict
from typing import Final

from pydantic import TypeAdapter

from service.audio.decode import SAMPLE_RATE
from service.audio.features import FrontEnd
from service.audio.segments import WINDOW
from service.inference.metadata import read_strictly

_FRONT_END: Final = TypeAdapter(FrontEnd)
# Beyond these a minute of speech takes gigabytes or minutes.
_BOUNDS: Final = {
    "n_fft": (128, 4096),
    "hop_length": (64, 4096),
    "n_mels": (1, 256),
    "n_mfcc": (1, 256),
    "dynamic_range_db": (1, 200),
}


def read_front_end(described: str) -> FrontEnd:
    """The front end that ``described``, a JSON object of its fields, is about; a field that is missing has its default.

    Raises:
        ValueError: it is not one, or not one of the windows that this service cuts.
    """
    front_end = read_strictly(_FRONT_END, described)
    for name, needed in {"sample_rate": SAMPLE_RATE, "window_samples": WINDOW}.items():
        if getattr(front_end, name) != needed:
            raise ValueError(f"{name} is {getattr(front_end, name)} where the service gives {needed}")
    for name, (least, most) in _BOUNDS.items():
        if not least <= getattr(front_end, name) <= most:
            raise ValueError(f"{name} is {getattr(front_end, name)}, which is not from {least} to {most}")
    if front_end.n_fft % 2:
        raise ValueError(f"n_fft is {front_end.n_fft}, which is odd")
    return front_end


def fingerprint(front_end: FrontEnd) -> str:
    """The SHA-256 of the fields as JSON with sorted names and no spaces, in hexadecimal."""
    return hashlib.sha256(json.dumps(asdict(front_end), sort_keys=True, separators=(",", ":")).encode()).hexdigest()
