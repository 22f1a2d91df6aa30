"""The 1D-CNN takes every kind of feature, and is what the paper says."""

import keras
import numpy as np
import pytest

from tests.training.made_up import FRONT_ENDS, KINDS
from training.models.cnn1d import cnn1d


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_feature_gives_a_logit_a_class(kind: str) -> None:
    shape = FRONT_ENDS[kind].shape
    network = cnn1d(shape, 5, channels=(4, 4), dense=4)
    assert network.input_shape == (None, *shape)
    assert network(np.zeros((3, *shape), dtype=np.float32)).shape == (3, 5)


def test_parts_are_those_of_the_paper() -> None:
    """Convolution, batch normalisation, ReLU, max-pooling; dense, dropout. Softmax comes with the temperature."""
    layers = [type(layer).__name__ for layer in cnn1d((94, 40), 8).layers]
    block = ["Conv1D", "BatchNormalization", "ReLU", "MaxPooling1D"]
    assert layers[:14] == ["InputLayer", "BatchNormalization", *block * 3]
    assert layers[-6:] == ["Dropout", "Dense", "BatchNormalization", "ReLU", "Dropout", "Dense"]


def test_options_are_its_sizes() -> None:
    network = cnn1d((94, 40), 8, channels=(3, 7), kernel=9, dense=11, dropout=0.25)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv1D)]
    assert [(layer.filters, layer.kernel_size) for layer in convolutions] == [(3, (9,)), (7, (9,))]
    assert [layer.units for layer in network.layers if isinstance(layer, keras.layers.Dense)] == [11, 8]
    assert [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)] == [0.25, 0.25]
