"""Writes a model's arrays the way CTranslate2 does."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_TYPES: Final = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}


def write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Path:
    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(arrays))]
    for name, array in arrays.items():
        parts += [text(name), struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)]
        parts += [struct.pack("<BI", _TYPES[array.dtype.name], array.nbytes), array.tobytes()]
    path.write_bytes(b"".join(parts))
    return path


def encoder_arrays(reference: Any) -> dict[str, NDArray[Any]]:
    """Those of the encoder of a transformers' Whisper, under CTranslate2's names."""
    found = {name: np.asarray(value.detach()) for name, value in reference.named_parameters()}
    arrays = {f"{conv}/{part}": found[f"{conv}.{part}"] for conv in ("conv1", "conv2") for part in ("weight", "bias")}
    for number in range(len(reference.layers)):
        old, new = f"layers.{number}", f"layer_{number}"
        attention = f"{old}.self_attn"
        none = np.zeros_like(found[f"{attention}.q_proj.bias"])  # keys have no bias
        biases = [found.get(f"{attention}.{part}_proj.bias", none) for part in "qkv"]
        arrays |= {
            f"{new}/self_attention/linear_0/weight": np.concatenate(
                [found[f"{attention}.{part}_proj.weight"] for part in "qkv"]
            ),
            f"{new}/self_attention/linear_0/bias": np.concatenate(biases),
        }
        for theirs, ours in (
            ("self_attn.out_proj", "self_attention/linear_1"),
            ("fc1", "ffn/linear_0"),
            ("fc2", "ffn/linear_1"),
        ):
            arrays |= {f"{new}/{ours}/{part}": found[f"{old}.{theirs}.{part}"] for part in ("weight", "bias")}
        for theirs, ours in (
            ("self_attn_layer_norm", "self_attention/layer_norm"),
            ("final_layer_norm", "ffn/layer_norm"),
        ):
            arrays |= {
                f"{new}/{ours}/gamma": found[f"{old}.{theirs}.weight"],
                f"{new}/{ours}/beta": found[f"{old}.{theirs}.bias"],
            }
    return {f"encoder/{name}": value for name, value in arrays.items()}
