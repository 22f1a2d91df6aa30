"""From a fine-tuned classifier to the files that the service loads."""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model
from torch import Tensor, nn

from training.text.metrics import Floats
from training.text.model import Classifier
from training.text.tokens import Encoded

_OPSET = 17
_LARGEST_DIFFERENCE = 1e-4


class ExportError(Exception):
    """The exported network does not compute what the trained one does."""


class _Calibrated(nn.Module):
    def __init__(self, model: Classifier, temperature: float) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return torch.softmax(self.model(input_ids, attention_mask) / self.temperature, dim=-1)


def export_onnx(model: Classifier, temperature: float, metadata: Mapping[str, str], path: Path) -> None:
    """Write ``model`` with its temperature and softmax as ONNX, attention and layer norms fused.

    Inputs: ``input_ids`` and ``attention_mask``, int64 (N, tokens); output: ``probabilities`` float32 (N, classes).

    Raises:
        ExportError: the file gives other probabilities than ``model``.
    """
    calibrated = _Calibrated(model, temperature).eval()
    inputs = _sample_inputs(model)
    sizes = {0: "batch", 1: "tokens"}
    with _quiet():
        torch.onnx.export(
            calibrated,
            inputs,
            path,
            input_names=["input_ids", "attention_mask"],
            output_names=["probabilities"],
            dynamic_axes={"input_ids": sizes, "attention_mask": sizes, "probabilities": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,  # ONNX Runtime's optimiser fuses the attention of this exporter's graphs only
        )
        config = model.encoder.config
        fused = optimize_model(
            str(path),
            model_type="bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            opt_level=0,
        )
    onnx.helper.set_model_props(fused.model, dict(metadata))
    fused.save_model_to_file(str(path))

    for width in (inputs[0].shape[1], 3):
        ids, mask = (tensor[:, :width] for tensor in inputs)
        with torch.no_grad():
            expected = calibrated(ids, mask).numpy()
        (found,) = session(path).run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        difference = float(np.abs(found - expected).max())
        if not difference <= _LARGEST_DIFFERENCE:
            raise ExportError(f"{path} is off by {difference:.1e} from the network that it was exported from")


def quantize(source: Path, target: Path) -> None:
    """Write ``source`` with int8 weights, a scale for each channel; activations are quantised as they come.

    Weights keep to 7 bits, because the products of full ones saturate on CPUs without VNNI instructions: the figures
    on the card hold on any CPU.
    """
    with _quiet():
        quantize_dynamic(
            source,
            target,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )


def predict(path: Path, encoded: Encoded) -> Floats:
    """Probabilities (N, classes) of the model at ``path``, each text alone, as the service runs it."""
    model = session(path)
    rows = []
    for ids in encoded.ids:
        input_ids = np.array([ids], dtype=np.int64)
        rows.append(model.run(None, {"input_ids": input_ids, "attention_mask": np.ones_like(input_ids)})[0])
    return np.concatenate(rows)


def session(path: Path) -> ort.InferenceSession:
    """The model at ``path`` on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def metadata(name: str, version: str, labels: tuple[str, ...]) -> dict[str, str]:
    """What the service reads from the ONNX file itself."""
    return {"name": name, "version": version, "labels": json.dumps(labels)}


def _sample_inputs(model: Classifier) -> tuple[Tensor, Tensor]:
    """Random token ids and a mask whose rows have 3 to 12 tokens."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(model.encoder.config.vocab_size, (10, 12), generator=generator)
    return ids, (torch.arange(12) < torch.arange(3, 13)[:, None]).long()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tools' remarks on deprecation and tracing; the comparison with torch is what counts."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
