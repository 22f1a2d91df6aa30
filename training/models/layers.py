"""What the networks share."""

from typing import Any

import keras

# Keras' 0.99 needs more batches than a short run has before its averages can be trusted.
MOMENTUM = 0.9


def standardised(x: Any) -> Any:
    """Each column to zero mean and unit variance over the training windows."""
    return keras.layers.BatchNormalization(momentum=MOMENTUM)(x)


def activated(x: Any) -> Any:
    return keras.layers.ReLU()(standardised(x))
