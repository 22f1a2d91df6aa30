"""Keras to ONNX, with what the service must know in the metadata, and the proof that both say the same."""

import json
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime as ort
import tensorflow as tf
import tf2onnx

from service.audio.features import Floats
from training.configuration import Configuration

OPSET = 17
_TOLERANCE = 1e-4


class ExportError(Exception):
    """The exported graph does not say what the trained model says."""


def with_probabilities(model: keras.Model, temperature: float) -> keras.Model:
    """``model`` followed by softmax(logits / temperature)."""
    scaled = keras.layers.Rescaling(1 / temperature)(model.output)
    return keras.Model(model.input, keras.layers.Softmax(name="probabilities")(scaled), name=model.name)


def export_onnx(
    model: keras.Model, configuration: Configuration, labels: tuple[str, ...], path: Path, examples: Floats
) -> float:
    """Write ``model`` (inputs to probabilities) to ``path``; the largest difference from Keras on ``examples``.

    Raises:
        ExportError: the difference is larger than rounding explains.
    """
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="input")]
    graph, _ = tf2onnx.convert.from_keras(model, input_signature=signature, opset=OPSET)
    metadata = {
        "name": configuration.name,
        "version": configuration.version,
        "labels": json.dumps(labels),
        "front_end": json.dumps(asdict(configuration.front_end)),
    }
    onnx.helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(graph.SerializeToString())
    difference = largest_difference(model, path, examples)
    if not difference <= _TOLERANCE:
        raise ExportError(f"{path} differs from Keras by {difference:.2g}, more than {_TOLERANCE:.0e}")
    return difference


def largest_difference(model: keras.Model, path: Path, examples: Floats) -> float:
    """Over all probabilities of ``examples`` (n, frames, n_mels)."""
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(None, {"input": examples})
    return float(np.abs(probabilities - model.predict(examples, verbose=0)).max())
