"""A 1D-CNN along time: convolution, batch normalisation, ReLU, max-pooling; dense, dropout."""

from collections.abc import Sequence

import keras

from training.models.layers import activated, convolved, over_time, standardised


def cnn1d(
    shape: tuple[int, ...],
    classes: int,
    *,
    channels: Sequence[int] = (64, 128, 128),
    kernel: int = 5,
    dense: int = 128,
    dropout: float = 0.3,
) -> keras.Model:
    """From (frames, columns) to ``classes`` logits."""
    layers = keras.layers
    inputs = keras.Input(shape, name="input")
    x = convolved(standardised(inputs), channels, kernel)
    x = activated(layers.Dense(dense, use_bias=False)(layers.Dropout(dropout)(over_time(x))))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(layers.Dropout(dropout)(x)), name="cnn1d")
