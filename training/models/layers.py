"""What the networks share."""

from collections.abc import Sequence
from typing import Any

import keras

# Keras' 0.99 needs more batches than a short run has before its averages can be trusted.
MOMENTUM = 0.9


def standardised(x: Any) -> Any:
    """Each column to zero mean and unit variance over the training windows."""
    return keras.layers.BatchNormalization(momentum=MOMENTUM)(x)


def activated(x: Any) -> Any:
    return keras.layers.ReLU()(standardised(x))


def convolved(x: Any, channels: Sequence[int], kernel: int) -> Any:
    """Convolutions along time over (steps, columns), each followed by max-pooling to half the steps."""
    for width in channels:
        x = keras.layers.Conv1D(width, kernel, padding="same", use_bias=False)(x)
        x = keras.layers.MaxPooling1D(2)(activated(x))
    return x


def over_time(x: Any) -> Any:
    """From (steps, columns) to (2 * columns,): the mean says what lasts, the peak what stands out."""
    layers = keras.layers
    return layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
