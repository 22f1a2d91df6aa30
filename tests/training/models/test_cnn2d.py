"""The 2D-CNN takes every kind of feature, be it one column wide, and is what the paper says."""

import keras
import numpy as np
import pytest

from tests.training.made_up import FRONT_ENDS, KINDS
from training.models.cnn2d import cnn2d


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_feature_gives_a_logit_a_class(kind: str) -> None:
    shape = FRONT_ENDS[kind].shape
    network = cnn2d(shape, 5, channels=(2, 2, 2, 2), dense=4)
    assert network.input_shape == (None, *shape)
    assert network(np.zeros((3, *shape), dtype=np.float32)).shape == (3, 5)


@pytest.mark.parametrize(("columns", "left"), [(64, 4), (12, 1), (3, 1), (1, 1)])
def test_pooling_halves_the_columns_while_there_are_any(columns: int, left: int) -> None:
    network = cnn2d((94, columns), 5, channels=(2, 2, 2, 2), dense=4)
    pools = [layer for layer in network.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    assert pools[-1].output.shape == (None, 5, left, 2)


def test_parts_are_those_of_the_paper() -> None:
    """Convolution, batch normalisation, ReLU, max-pooling; dense, dropout. Softmax comes with the temperature."""
    layers = [type(layer).__name__ for layer in cnn2d((94, 64), 8).layers]
    block = ["Conv2D", "BatchNormalization", "ReLU", "MaxPooling2D"]
    assert layers[:19] == ["InputLayer", "BatchNormalization", "Reshape", *block * 4]
    assert layers[19:24] == ["Reshape", "Dropout", "Dense", "BatchNormalization", "ReLU"]
    assert layers[-2:] == ["Dropout", "Dense"]


def test_options_are_its_sizes() -> None:
    network = cnn2d((94, 40), 8, channels=(3, 7), dense=11, dropout=0.25)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [3, 7]
    assert [layer.units for layer in network.layers if isinstance(layer, keras.layers.Dense)] == [11, 8]
    assert [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)] == [0.25, 0.25]
