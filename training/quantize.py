"""Static int8 quantisation of an encoder's ONNX graph.

Weights have a scale for each output column, activations one for each tensor, fixed beforehand from what the network
does on real inputs. Scales that are found anew for each inference, as ``quantize_dynamic`` makes them, are no faster
and let the inputs of a batch change one another's scores; with fixed ones a batch gives what single inputs give.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_WEIGHT_LIMIT: Final = 63
"""7 bits: the products of full int8 weights saturate on CPUs without VNNI instructions, which would then score
differently."""
_TABLE_LIMIT: Final = 127
_DOMAIN: Final = "com.microsoft"
_SMALLEST_TABLE: Final = 1_000_000

Inputs = Mapping[str, NDArray[Any]]
Range = tuple[float, float]
Parts = tuple[list[Any], dict[str, NDArray[Any]]]
"""The nodes that something becomes, in order, and the constants that they need."""


def quantize(model: Any, inputs: Iterable[Inputs]) -> Any:
    """``model`` with its matrix products in int8; from ``inputs`` the ranges of the activations are taken.

    Products of two activations, layer norms, convolutions and heads that are no plain product stay in float32.
    """
    quantized = onnx.ModelProto()
    quantized.CopyFrom(model)
    graph = quantized.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMul" and node.input[1] in weights]
    ranges = _activation_ranges(model, sorted({node.input[0] for node in products}), inputs)
    nodes: list[Any] = []
    constants = dict(weights)
    for node in graph.node:
        if node in products:
            activation = node.input[0]
            # The first product that needs an activation in int8 brings the node that makes it.
            made = _activation(activation, ranges.pop(activation)) if activation in ranges else ([], {})
            parts = [made, _product(node, weights[node.input[1]])]
        elif node.op_type == "Gather" and weights.get(node.input[0], np.empty(0)).size >= _SMALLEST_TABLE:
            parts = [_lookup(node, weights[node.input[0]])]
        else:
            parts = [([node], {})]
        for new, added in parts:
            nodes += new
            constants |= added
    used = {name for node in nodes for name in node.input}
    tensors = [numpy_helper.from_array(values, name) for name, values in constants.items() if name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)
    if all(opset.domain != _DOMAIN for opset in quantized.opset_import):
        quantized.opset_import.append(helper.make_opsetid(_DOMAIN, 1))
    return quantized


def _activation_ranges(model: Any, names: Sequence[str], inputs: Iterable[Inputs]) -> dict[str, Range]:
    """The smallest and largest value of each tensor over all ``inputs``, zero included."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    session = ort.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    ranges = dict.fromkeys(names, (0.0, 0.0))
    for each in inputs:
        values = session.run(list(names), each)
        for name, value in zip(names, values, strict=True):
            low, high = ranges[name]
            ranges[name] = (min(low, float(value.min())), max(high, float(value.max())))
    return ranges


def _activation(name: str, found: Range) -> Parts:
    """``name`` in uint8, in which zero has a number of its own."""
    low, high = found
    scale = max(high - low, 1e-6) / 255
    zero = round(-low / scale)
    constants: dict[str, NDArray[Any]] = {
        f"{name}_scale": np.array(scale, np.float32),
        f"{name}_zero": np.array(zero, np.uint8),
    }
    return [helper.make_node("QuantizeLinear", [name, *constants], [f"{name}_int8"])], constants


def _product(node: Any, weights: NDArray[np.float32]) -> Parts:
    activation, name = node.input
    values, scales = _rounded(weights, 0, _WEIGHT_LIMIT)
    zeros = np.zeros(len(scales), dtype=np.int8)
    inputs = [f"{tensor}_{part}" for part in ("int8", "scale", "zero") for tensor in (activation, name)]
    product = helper.make_node("MatMulIntegerToFloat", inputs, node.output, node.name, domain=_DOMAIN)
    return [product], {f"{name}_int8": values, f"{name}_scale": scales, f"{name}_zero": zeros}


def _lookup(node: Any, table: NDArray[np.float32]) -> Parts:
    name, ids = node.input
    out = node.output[0]
    values, scales = _rounded(table, 1, _TABLE_LIMIT)
    nodes = [
        helper.make_node("Gather", [f"{name}_int8", ids], [f"{out}_int8"]),
        helper.make_node("Cast", [f"{out}_int8"], [f"{out}_float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Gather", [f"{name}_scale", ids], [f"{out}_scale"]),
        helper.make_node("Mul", [f"{out}_float", f"{out}_scale"], [out]),
    ]
    return nodes, {f"{name}_int8": values, f"{name}_scale": scales[:, None]}


def _rounded(weights: NDArray[np.float32], axis: int, limit: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """``weights`` (rows, columns) as integers up to ``limit``, each line along ``axis`` with a scale of its own."""
    scales = np.maximum(np.abs(weights).max(axis), 1e-12).astype(np.float32) / np.float32(limit)
    return np.rint(weights / np.expand_dims(scales, axis)).astype(np.int8), scales
