"""Where a run's numbers come from: commit, data, encoder, configuration and library versions."""

import hashlib
import json
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.text.settings import Settings

_LIBRARIES = ("numpy", "onnx", "onnxruntime", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Run:
    """The folder of one fine-tuning run and what identifies it."""

    folder: Path
    provenance: dict[str, Any]


def open_run(runs: Path, settings: Settings, data_fingerprint: str, encoder: Path) -> Run:
    """The folder in ``runs`` for this configuration, data and encoder, as it was left or new.

    Other settings, data or weights are another folder, so a checkpoint never continues a different run.
    """
    identity = {
        "configuration": asdict(settings),
        "data_fingerprint": data_fingerprint,
        "encoder_sha256": hashlib.sha256((encoder / "model.safetensors").read_bytes()).hexdigest(),
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
    folder = runs / f"text-sentiment-{key}"
    record = folder / "run.json"
    if not record.exists():
        folder.mkdir(parents=True, exist_ok=True)
        libraries = {name: version(name) for name in _LIBRARIES}
        record.write_text(
            json.dumps({**identity, "commit": _head(), "libraries": libraries}, indent=2), encoding="utf-8"
        )
    return Run(folder, json.loads(record.read_text(encoding="utf-8")))


def _head() -> str:
    repository = Path(__file__).parent
    command = ["git", "-C", str(repository), "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
