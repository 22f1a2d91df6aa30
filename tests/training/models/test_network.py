"""A trained network gives logits, and with a temperature probabilities."""

import keras
import numpy as np
import pytest
from scipy.special import softmax

from tests.training.networks import SMALL, unsettled
from training.models import build
from training.models.network import Network, with_probabilities


def windows(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 20, 6)).astype(np.float32)


@pytest.fixture(scope="module", params=SMALL)
def network(request: pytest.FixtureRequest) -> Network:
    return Network(unsettled(build(request.param, (20, 6), 3, SMALL[request.param]), windows(16)))


def test_logits_are_those_of_the_model_whatever_the_batch(network: Network) -> None:
    logits = network.logits(windows(150))
    assert logits.shape == (150, 3)
    assert np.ptp(logits, axis=0).min() > 0.01
    expected = keras.ops.convert_to_numpy(network.model(windows(150), training=False))
    assert np.allclose(logits, expected, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_probabilities_are_the_softmax_of_logits_by_temperature(network: Network, temperature: float) -> None:
    probabilities = np.asarray(with_probabilities(network.model, temperature)(windows(9)))
    assert np.allclose(probabilities, softmax(network.logits(windows(9)) / temperature, axis=1), atol=1e-6)


def test_parameters_are_all_weights(network: Network) -> None:
    assert network.parameters == sum(weight.size for weight in network.model.get_weights())


@pytest.mark.parametrize("model", SMALL)
def test_option_that_a_network_does_not_have_is_refused(model: str) -> None:
    with pytest.raises(TypeError, match="chanels"):
        build(model, (20, 6), 3, {"chanels": (4,)})
