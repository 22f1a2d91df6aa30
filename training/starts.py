"""The weights that a network starts with: Whisper's, or those that ``training pretrain`` made of another corpus."""

import hashlib
from pathlib import Path
from typing import Any, Final

from training.configuration import Configuration, shipped
from training.models import whisper
from training.models.whisper import WeightsError

_CORPORA: Final = {"CREMA-D": {"citation": "Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244", "licence": "ODbL 1.0"}}


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


def lineage(configuration: Configuration) -> list[dict[str, str]]:
    """What its weights have been before, the oldest first: the name, the corpus if it was one, source and licence."""
    if not configuration.start:
        return []
    if configuration.start == whisper.NAME:
        return [{"name": whisper.NAME, **whisper.ORIGIN}]
    earlier = shipped(configuration.start)
    return [*lineage(earlier), {"name": earlier.name, "corpus": earlier.corpus, **_CORPORA[earlier.corpus]}]


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
