"""A compact 2D-CNN over log-mel: convolution, batch normalisation, ReLU, max-pooling; dense, dropout."""

from collections.abc import Sequence
from typing import Any

import keras

from service.audio.features import FrontEnd

# Keras' 0.99 needs more batches than a short run has before its averages can be trusted.
_MOMENTUM = 0.9


def cnn2d(front_end: FrontEnd, classes: int, *, channels: Sequence[int], dense: int, dropout: float) -> keras.Model:
    """From (frames, n_mels) in dB below the peak to ``classes`` logits.

    Time is averaged away only at the end and frequency never: where in the spectrum something happens tells emotions
    apart, when it happens does not.
    """
    layers = keras.layers
    inputs = keras.Input((front_end.frames, front_end.n_mels), name="input")
    x = layers.Rescaling(2 / front_end.dynamic_range_db, offset=1.0)(inputs)
    x = layers.BatchNormalization(momentum=_MOMENTUM)(x)
    x = layers.Reshape((front_end.frames, front_end.n_mels, 1))(x)
    for width in channels:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(2)(_normalised(x))
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.Dense(dense, use_bias=False)(layers.Dropout(dropout)(x))
    x = layers.GlobalAveragePooling1D()(_normalised(x))
    outputs = layers.Dense(classes, name="logits")(layers.Dropout(dropout)(x))
    return keras.Model(inputs, outputs, name="cnn2d")


def _normalised(x: Any) -> Any:
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=_MOMENTUM)(x))
