"""Where a run's numbers come from: commit, data, encoder, configuration and library versions."""

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.card import commit
from training.text.settings import Settings

_LIBRARIES = ("numpy", "onnx", "onnxruntime", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Run:
    """The folder of one fine-tuning run and the record of what it is made from."""

    folder: Path
    record: dict[str, Any]


def library_versions() -> dict[str, str]:
    """Of what makes an artefact."""
    return {name: version(name) for name in _LIBRARIES}


def open_run(runs: Path, settings: Settings, data_fingerprint: str, encoder_sha256: str) -> Run:
    """The folder in ``runs`` for this configuration, data and encoder, as it was left or new.

    Other settings, data or weights are another folder, so a checkpoint never continues a different run.
    """
    identity = {
        "configuration": asdict(settings),
        "data_fingerprint": data_fingerprint,
        "encoder_sha256": encoder_sha256,
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
    folder = runs / f"text-{key}"
    path = folder / "run.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({**identity, "commit": commit(), "libraries": library_versions()}, indent=2), encoding="utf-8"
        )
    return Run(folder, json.loads(path.read_text(encoding="utf-8")))
