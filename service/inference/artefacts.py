"""Model artefacts: a folder that is checked byte by byte before ONNX Runtime sees it.

<name>/model.onnx    the network; its metadata holds the name, version, labels and front end
       card.json     what it was trained on and what it scores
       README.md     the same for people
       SHA256SUMS    a line for each other file, as sha256sum writes it
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort

MODEL_FILE = "model.onnx"
CARD_FILE = "card.json"
SUMS_FILE = "SHA256SUMS"


class ArtefactError(Exception):
    """An artefact is missing, altered or made for other code. The message names the file and what to do."""


@dataclass(frozen=True)
class Artefact:
    """A verified artefact: the bytes of its files as they were when their hashes were checked."""

    name: str
    version: str
    sha256: str
    card: Mapping[str, Any]
    files: Mapping[str, bytes]

    @classmethod
    def load(cls, folder: Path) -> "Artefact":
        """Read and verify ``folder``.

        Raises:
            ArtefactError: a file is missing, unlisted or altered, or the card cannot be read.
        """
        sums = _read_sums(folder)
        files = {}
        for name, expected in sums.items():
            path = folder / name
            try:
                content = path.read_bytes()
            except OSError as error:
                raise ArtefactError(f"{path} is listed in {SUMS_FILE} but cannot be read: {error}") from error
            if hashlib.sha256(content).hexdigest() != expected:
                raise ArtefactError(
                    f"{path} does not have the hash that {SUMS_FILE} gives; restore the file or export the model again"
                )
            files[name] = content
        for name in (MODEL_FILE, CARD_FILE):
            if name not in files:
                raise ArtefactError(f"{folder / SUMS_FILE} does not list {name}; export the model again")
        try:
            card = json.loads(files[CARD_FILE])
            return cls(card["name"], card["version"], sums[MODEL_FILE], card, files)
        except (ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{folder / CARD_FILE} has no name and version: {error!r}") from error

    def session(self, *, threads: int = 1) -> ort.InferenceSession:
        """An ONNX Runtime session on ``threads`` CPU threads that sleep, rather than spin, between calls."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return ort.InferenceSession(self.files[MODEL_FILE], options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exception classes share no other base
            raise ArtefactError(f"ONNX Runtime cannot load {self.name}: {error}") from error


def _read_sums(folder: Path) -> dict[str, str]:
    path = folder / SUMS_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}") from error
    sums = {}
    for line in lines:
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or Path(name).name != name:
            raise ArtefactError(f"{path} has a line that sha256sum would not write: {line!r}")
        sums[name] = digest
    return sums


def write_sums(folder: Path) -> None:
    """Write ``SHA256SUMS`` over every other file of ``folder``."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
        if path.name != SUMS_FILE
    ]
    (folder / SUMS_FILE).write_text("".join(lines), encoding="utf-8")
