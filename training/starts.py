"""The weights that a network starts with: Whisper's, or those that ``training pretrain`` made of another corpus."""

import hashlib
from pathlib import Path
from typing import Any

from training.models import whisper
from training.models.whisper import WeightsError


def find(name: str, runs: Path) -> Path | None:
    """The file of the weights ``name``; None where there is no name.

    Raises:
        WeightsError: it is not there.
    """
    if name in ("", whisper.NAME):
        return whisper.installed() if name else None
    path = pretrained(name, runs)
    if not path.exists():
        raise WeightsError(f"{path} is missing; make it with `python -m training pretrain {name}`")
    return path


def pretrained(name: str, runs: Path) -> Path:
    return runs / "weights" / f"{name}.keras"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put_into(model: Any, path: Path) -> None:
    """Give ``model`` the weights that lie in ``path``, but for those of its logits, which are of other classes."""
    if path.suffix != ".keras":
        whisper.put_into(model, whisper.read(path))
        return
    from training.models.network import load

    for layer, other in zip(model.layers, load(path).layers, strict=True):
        if layer.name != "logits":
            layer.set_weights(other.get_weights())
