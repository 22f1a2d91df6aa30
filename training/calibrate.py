"""Temperature scaling (Guo et al. 2017): one number that makes confidences mean what they say."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax


def likeliest_temperature(negative_log_likelihood: Callable[[float], float]) -> float:
    """The temperature from 0.1 to 10 with the smallest ``negative_log_likelihood``."""
    found = minimize_scalar(
        lambda logarithm: negative_log_likelihood(float(np.exp(logarithm))),
        bounds=(np.log(0.1), np.log(10)),
        method="bounded",
    )
    return float(np.exp(found.x))


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64], owner: NDArray[np.int64]) -> float:
    """The temperature that makes ``truth`` (clips,) likeliest under window ``logits`` (windows, classes).

    A clip's probabilities are the mean of its windows' (``owner`` says whose a window is), as in the service.
    """

    return likeliest_temperature(lambda temperature: log_loss(logits, truth, owner, temperature))


def log_loss(
    logits: NDArray[np.floating], truth: NDArray[np.int64], owner: NDArray[np.int64], temperature: float
) -> float:
    """Mean negative log likelihood of ``truth`` (clips,) under window ``logits`` at ``temperature``."""
    probabilities = clip_probabilities(logits, temperature, owner, len(truth))
    return -float(np.mean(np.log(probabilities[np.arange(len(truth)), truth] + 1e-12)))


def clip_probabilities(
    logits: NDArray[np.floating], temperature: float, owner: NDArray[np.int64], clips: int
) -> NDArray[np.float64]:
    """Mean over each clip's windows of softmax(logits / temperature): (clips, classes)."""
    probabilities = softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=1)
    total = np.zeros((clips, logits.shape[1]))
    np.add.at(total, owner, probabilities)
    mean: NDArray[np.float64] = total / np.bincount(owner, minlength=clips)[:, None]
    return mean
