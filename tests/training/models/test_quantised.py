"""What a network is in 8 bits: smaller, nearly the same, and the same however the windows are batched."""

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from scipy.special import softmax

from service.audio.features import Floats
from training.models.encoder import encoder
from training.models.network import Network
from training.models.quantised import Quantised


@pytest.fixture(scope="module")
def windows() -> Floats:
    return np.random.default_rng(0).uniform(-80, 0, (40, 20, 80)).astype(np.float32)


@pytest.fixture(scope="module")
def quantised(windows: Floats) -> Quantised:
    keras.utils.set_random_seed(0)
    return Quantised(Network(encoder((20, 80), 5, blocks=2, width=32, heads=2)), windows)


def test_logits_are_nearly_those_of_the_network(quantised: Quantised, windows: Floats) -> None:
    ours, its = (softmax(model.logits(windows), axis=1) for model in (quantised, quantised.network))
    assert 0 < np.abs(ours - its).max() < 0.05
    assert quantised.parameters == quantised.network.parameters


def test_exported_graph_gives_the_logits_at_a_temperature(quantised: Quantised, windows: Floats) -> None:
    session = ort.InferenceSession(quantised.to_onnx(2.0).SerializeToString())
    (probabilities,) = session.run(None, {"input": windows})
    assert np.abs(probabilities - softmax(quantised.logits(windows) / 2.0, axis=1)).max() < 1e-5


def test_window_is_heard_the_same_in_any_batch(quantised: Quantised, windows: Floats) -> None:
    together = quantised.logits(windows)
    alone = np.concatenate([quantised.logits(window[None]) for window in windows])
    assert np.allclose(together, alone, atol=1e-4)


def test_every_matrix_of_a_block_is_in_8_bits(quantised: Quantised) -> None:
    graph = quantised.to_onnx(1.0).graph
    assert sum(node.op_type == "MatMulIntegerToFloat" for node in graph.node) >= 2 * 4
    wide = [tensor for tensor in graph.initializer if len(tensor.dims) == 2 and min(tensor.dims) >= 32]
    assert {tensor.data_type for tensor in wide} == {onnx.TensorProto.INT8}
