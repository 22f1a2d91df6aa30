"""The CNN+BiLSTM takes every kind of feature, and is what the paper says."""

import keras
import numpy as np
import pytest

from service.audio.features import FrontEnd
from tests.training.made_up import FRONT_ENDS, KINDS
from training.configuration import shipped
from training.models import build
from training.models.cnn_bilstm import cnn_bilstm


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_feature_gives_a_logit_a_class(kind: str) -> None:
    shape = FRONT_ENDS[kind].shape
    network = cnn_bilstm(shape, 5, channels=(2, 2), units=2, dense=4)
    assert network.input_shape == (None, *shape)
    assert network(np.zeros((3, *shape), dtype=np.float32)).shape == (3, 5)


@pytest.mark.parametrize("corpus", ["ravdess", "emogator"])
def test_input_of_the_paper_is_174_frames_of_59_values(corpus: str) -> None:
    configuration = shipped(f"{corpus}_cnn_bilstm_combined")
    assert configuration.front_end.shape == (174, 59)
    network = build(configuration.model, configuration.front_end.shape, 8, configuration.network)
    assert network.output_shape == (None, 8)
    assert (configuration.optimizer, configuration.learning_rate) == ("adam", 1e-3)


def test_parts_are_those_of_the_paper() -> None:
    """A bidirectional LSTM of 128 units, dropout 0.5, a dense layer of 128 with LeakyReLU 0.1, dropout 0.5, logits."""
    network = cnn_bilstm((174, 59), 8)
    names = [type(layer).__name__ for layer in network.layers]
    block = ["Conv1D", "BatchNormalization", "ReLU", "MaxPooling1D"]
    assert names[:11] == ["InputLayer", "BatchNormalization", *block * 2, "Bidirectional"]
    assert names[-5:] == ["Dropout", "Dense", "LeakyReLU", "Dropout", "Dense"]
    (both_ways,) = (layer for layer in network.layers if isinstance(layer, keras.layers.Bidirectional))
    assert type(both_ways.forward_layer) is type(both_ways.backward_layer) is keras.layers.LSTM
    assert both_ways.forward_layer.units == both_ways.backward_layer.units == 128
    before, dense, leaky, after, logits = network.layers[-5:]
    assert (before.rate, dense.units, leaky.negative_slope, after.rate, logits.units) == (0.5, 128, 0.1, 0.5, 8)
    assert dense.activation is keras.activations.linear


def test_lstm_reads_both_ways() -> None:
    """What stands at either end alone changes the answer."""
    shape = FrontEnd(features=("zcr",)).shape
    network = cnn_bilstm(shape, 3, channels=(4,), units=4, dense=4)
    windows = np.zeros((3, *shape))
    windows[1, :6] = windows[2, -6:] = 5
    logits = np.asarray(network(windows))
    assert np.abs(logits[1] - logits[0]).max() > 1e-4
    assert np.abs(logits[2] - logits[0]).max() > 1e-4
    assert np.abs(logits[2] - logits[1]).max() > 1e-4
