"""Distillation (Hinton et al. 2015): a network learns what a better one makes of each window, beside what it is."""

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort

from service.audio.features import Floats

# How much is softened what the teacher says, and how much of a target it is.
_TEMPERATURE: Final = 2.0
_SHARE: Final = 0.5
_BATCH: Final = 64


def taught(inputs: Floats, targets: Floats, teacher: Path) -> Floats:
    """``targets`` (n, classes) of the windows ``inputs``, blended with what the ONNX model ``teacher`` says of them."""
    session = _session(teacher)
    batches = (inputs[start : start + _BATCH] for start in range(0, len(inputs), _BATCH))
    probabilities = np.concatenate([session.run(None, {"input": batch})[0] for batch in batches])
    softened = probabilities ** (1 / _TEMPERATURE)
    blended: Floats = (1 - _SHARE) * targets + _SHARE * softened / softened.sum(axis=1, keepdims=True)
    return blended


@lru_cache(maxsize=1)
def _session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # runs go side by side, a core each
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
