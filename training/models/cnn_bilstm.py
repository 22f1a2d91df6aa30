"""Convolutions that shorten the sequence, then a bidirectional LSTM: the paper's CNN+BiLSTM."""

from collections.abc import Sequence

import keras

from training.models.layers import convolved, over_time, standardised


def cnn_bilstm(
    shape: tuple[int, ...],
    classes: int,
    *,
    channels: Sequence[int] = (64, 128),
    kernel: int = 5,
    units: int = 128,
    dense: int = 128,
    dropout: float = 0.5,
) -> keras.Model:
    """From (frames, columns) to ``classes`` logits."""
    layers = keras.layers
    inputs = keras.Input(shape, name="input")
    x = convolved(standardised(inputs), channels, kernel)
    # A short clip ends in silence: what the LSTM says all along is worth more than its last word.
    x = over_time(layers.Bidirectional(layers.LSTM(units, return_sequences=True))(x))
    x = layers.Dropout(dropout)(x)
    x = layers.LeakyReLU(negative_slope=0.1)(layers.Dense(dense)(x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(layers.Dropout(dropout)(x)), name="cnn_bilstm")
