"""The head is fitted to what a network hears already; nothing below it moves."""

import keras
import numpy as np
import pytest

from service.audio.features import Floats
from training.models.encoder import encoder
from training.probing import probe

BELOW = ("statistics", "standardised", "logits")


@pytest.fixture(scope="module")
def windows() -> Floats:
    """Of three kinds: low, middle and high bands."""
    loud = np.zeros((30, 20, 80), np.float32)
    for number, window in enumerate(loud):
        window[:, 25 * (number % 3) : 25 * (number % 3) + 25] = 40
    return loud + np.random.default_rng(0).uniform(-80, -60, loud.shape).astype(np.float32)


def test_head_tells_apart_what_the_network_hears_and_the_rest_is_as_it_was(windows: Floats) -> None:
    keras.utils.set_random_seed(0)
    model = encoder((20, 80), 3, blocks=1, width=8, heads=2)
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.name not in BELOW}
    probe(model, windows, np.eye(3, dtype=np.float32)[np.arange(30) % 3], freedom=0.003)
    assert (np.asarray(model(windows)).argmax(axis=1) == np.arange(30) % 3).all()
    heard = np.asarray(keras.Model(model.input, model.get_layer("standardised").output)(windows))
    assert np.allclose(heard.mean(axis=0), 0, atol=1e-3)
    assert (heard.std(axis=0) < 1.001).all()
    for name, weights in before.items():
        assert all(
            np.array_equal(one, other) for one, other in zip(weights, model.get_layer(name).get_weights(), strict=True)
        )


def test_less_freedom_makes_smaller_weights(windows: Floats) -> None:
    model = encoder((20, 80), 3, blocks=1, width=8, heads=2)

    def size(freedom: float) -> float:
        probe(model, windows, np.eye(3, dtype=np.float32)[np.arange(30) % 3], freedom=freedom)
        return float(np.abs(model.get_layer("logits").get_weights()[0]).sum())

    assert size(0.0005) < size(0.003)
