"""Networks small enough to build in a test."""

from typing import Any, Final

import keras
import numpy as np

from service.audio.features import Floats

SMALL: Final[dict[str, dict[str, Any]]] = {
    "cnn1d": {"channels": (4, 4), "dense": 8},
    "cnn2d": {"channels": (2, 4), "dense": 8},
    "cnn_bilstm": {"channels": (4, 4), "units": 4, "dense": 8},
}
"""Options of each network."""


def unsettled(network: keras.Model, inputs: Floats) -> keras.Model:
    """``network`` with every weight far from where it started, such that ``inputs`` give logits around 0 to ±1."""
    rng = np.random.default_rng(0)
    for variable in network.weights:
        if "variance" in variable.path or "gamma" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif len(variable.shape) == 1:
            variable.assign(rng.normal(0, 0.1, variable.shape))
        else:
            variable.assign(rng.normal(0, 1 / np.sqrt(np.prod(variable.shape[:-1])), variable.shape))
    first = network.layers[1]
    first.moving_mean.assign(inputs.mean(axis=(0, 1)))
    first.moving_variance.assign(inputs.var(axis=(0, 1)))
    last, logits = network.layers[-1], np.asarray(network(inputs))
    last.kernel.assign(np.asarray(last.kernel) / logits.std(axis=0))
    last.bias.assign((np.asarray(last.bias) - logits.mean(axis=0)) / logits.std(axis=0))
    return network
