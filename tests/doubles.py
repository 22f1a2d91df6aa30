"""Tiny artefacts in place of the trained ones, behind the same port: right shapes, meaningless weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from service.audio.features import FrontEnd
from service.inference.artefacts import CARD_FILE, MODEL_FILE, write_sums


def write_emotion_model(
    folder: Path,
    labels: Sequence[str],
    *,
    front_end: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> None:
    """An emotion artefact in ``folder``: softmax of a fixed linear map of the mean spectrum of each window.

    ``labels`` and ``front_end`` go into the metadata; the shapes are those of the service's front end.
    """
    shape = FrontEnd()
    random = np.random.default_rng(len(labels))
    weights = random.normal(scale=0.02, size=(shape.n_mels, len(labels))).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["input"], ["spectrum"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["spectrum", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "double",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", shape.frames, shape.n_mels])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(labels)])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    name = name or folder.name
    metadata = {
        "name": name,
        "version": "0.0.0",
        "labels": json.dumps(list(labels)),
        "front_end": json.dumps(asdict(shape) if front_end is None else dict(front_end)),
    }
    helper.set_model_props(model, metadata)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / MODEL_FILE)
    card = {"name": name, "version": "0.0.0", "description": "A test double with meaningless weights."}
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    write_sums(folder)
