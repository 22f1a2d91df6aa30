"""From a classifier in PyTorch to the ONNX file that the service loads."""

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
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from torch import Tensor, nn

from service.inference.text import EMOJI_NAMES
from training.text.model import Network

_OPSET = 17
_LARGEST_DIFFERENCE = 1e-4


class ExportError(Exception):
    """The exported network does not compute what the one in PyTorch does."""


class _Calibrated(nn.Module):
    def __init__(self, network: Network, temperatures: Mapping[str, float]) -> None:
        super().__init__()
        self.network = network
        self.temperatures = temperatures

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        logits = self.network(input_ids, attention_mask)
        return tuple(torch.softmax(logits[head] / value, dim=-1) for head, value in self.temperatures.items())


def export_onnx(network: Network, temperatures: Mapping[str, float], metadata: Mapping[str, str], path: Path) -> None:
    """Write ``network`` with the temperature and softmax of each head as ONNX, attention and layer norms fused.

    Inputs: ``input_ids`` and ``attention_mask``, int64 (N, tokens); outputs: probabilities float32 (N, labels), named
    as the heads.

    Raises:
        ExportError: the file gives other probabilities than ``network``.
    """
    calibrated = _Calibrated(network, temperatures).eval().cpu()
    inputs = _sample_inputs(network.config.vocab_size, int(metadata["pad_id"]))
    names, sizes = ["input_ids", "attention_mask"], {0: "batch", 1: "tokens"}
    with _quiet():
        torch.onnx.export(
            calibrated,
            inputs,
            path,
            input_names=names,
            output_names=list(temperatures),
            dynamic_axes={**dict.fromkeys(names, sizes), **{head: {0: "batch"} for head in temperatures}},
            opset_version=_OPSET,
            dynamo=False,  # ONNX Runtime's optimiser fuses the attention of this exporter's graphs only
        )
        # What is quantised afterwards stays unfused: the products with weights, and the word embeddings.
        options = FusionOptions("bert")
        options.use_multi_head_attention = True
        options.enable_embed_layer_norm = False
        fused = optimize_model(
            str(path),
            model_type="bert",
            num_heads=network.config.num_attention_heads,
            hidden_size=network.config.hidden_size,
            optimization_options=options,
            opt_level=0,
        )
    onnx.helper.set_model_props(fused.model, dict(metadata))
    fused.save_model_to_file(str(path))
    _verify(path, calibrated, inputs)


def metadata(
    name: str, version: str, heads: Mapping[str, tuple[str, ...]], pad_id: int, *, emoji_names: bool = False
) -> dict[str, str]:
    """What the service reads from the ONNX file itself; ``emoji_names`` where it was trained on emoji spelled out."""
    facts = {"name": name, "version": version, "heads": json.dumps(heads), "pad_id": str(pad_id)}
    return facts | ({"emoji": EMOJI_NAMES} if emoji_names else {})


def _verify(path: Path, calibrated: nn.Module, inputs: tuple[Tensor, Tensor]) -> None:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    for width in (inputs[0].shape[1], 3):
        ids, mask = (tensor[:, :width] for tensor in inputs)
        with torch.no_grad():
            expected = calibrated(ids, mask)
        found = session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        difference = max(np.abs(one.numpy() - other).max() for one, other in zip(expected, found, strict=True))
        if not difference <= _LARGEST_DIFFERENCE:
            raise ExportError(f"{path} is off by {difference:.1e} from the network that it was exported from")


def _sample_inputs(vocabulary: int, pad_id: int) -> tuple[Tensor, Tensor]:
    """Random token ids and a mask whose rows have 3 to 12 tokens."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(vocabulary, (10, 12), generator=generator)
    mask = (torch.arange(12) < torch.arange(3, 13)[:, None]).long()
    return torch.where(mask == 1, ids, pad_id), mask


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
