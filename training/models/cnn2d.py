"""A compact 2D-CNN over time and features: convolution, batch normalisation, ReLU, max-pooling; dense, dropout."""

from collections.abc import Sequence

import keras

from training.models.layers import activated, over_time, standardised


def cnn2d(
    shape: tuple[int, ...],
    classes: int,
    *,
    pooled: int = 1,
    channels: Sequence[int] = (16, 32, 64, 128),
    dense: int = 128,
    dropout: float = 0.3,
) -> keras.Model:
    """From (frames, columns) to ``classes`` logits, ``pooled`` frames averaged to one before all else.

    Time is pooled away only at the end and frequency never: where in the spectrum something happens tells emotions
    apart, when it happens does not.
    """
    layers = keras.layers
    inputs = keras.Input(shape, name="input")
    x = standardised(inputs)
    if pooled > 1:
        x = layers.AveragePooling1D(pooled)(x)
    x = layers.Reshape((*x.shape[1:], 1))(x)
    for width in channels:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D((2, 2 if x.shape[2] > 1 else 1))(activated(x))
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = activated(layers.Dense(dense, use_bias=False)(layers.Dropout(dropout)(x)))
    x = layers.Dropout(dropout)(over_time(x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="cnn2d")
