"""A trained model as ONNX, with what the service must know in the metadata, and the proof that both say the same."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from scipy.special import softmax

from service.audio.features import Floats
from training.configuration import Configuration
from training.models import Trained

_TOLERANCE = 1e-4


class ExportError(Exception):
    """The exported graph does not say what the trained model says."""


def export_onnx(
    trained: Trained,
    temperature: float,
    configuration: Configuration,
    labels: tuple[str, ...],
    path: Path,
    examples: Floats,
    sets: Mapping[str, Any] | None = None,
) -> float:
    """Write ``trained`` to ``path`` as a graph from ``input`` to softmax(logits / temperature).

    The metadata hold what the service must know, coverage and least score of prediction ``sets`` too, where there are.

    Returns the largest difference of any probability on ``examples`` (n, *front_end.shape).

    Raises:
        ExportError: the difference is larger than rounding explains.
    """
    graph = trained.to_onnx(temperature)
    metadata = {
        "name": configuration.name,
        "version": configuration.version,
        "labels": json.dumps(labels),
        "front_end": json.dumps(asdict(configuration.front_end)),
    }
    if sets is not None:
        metadata["conformal"] = json.dumps({name: sets[name] for name in ("coverage", "least_score")})
    onnx.helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(graph.SerializeToString())
    difference = largest_difference(trained, temperature, path, examples)
    if not difference <= _TOLERANCE:
        raise ExportError(f"{path} differs from the trained model by {difference:.2g}, more than {_TOLERANCE:.0e}")
    return difference


def largest_difference(trained: Trained, temperature: float, path: Path, examples: Floats) -> float:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(None, {"input": examples})
    return float(np.abs(probabilities - softmax(trained.logits(examples) / temperature, axis=1)).max())
