"""The stem and the first blocks of Whisper's audio encoder (Radford et al. 2022) under a linear head.

The last layers of a recogniser have learnt to hear words whoever says them and however; its first ones still hear how.
"""

from typing import Any

import keras
import numpy as np

_SCOPE = "voice-to-value"
# From dB below the peak to what Whisper hears: (log10 of the power + 4) / 4, the peak where speech often has it.
_SCALE, _OFFSET = 1 / 40, 1.5
# How far below the peak a step no longer counts where loudness does.
_HEARD_DB = 60.0
# What would suffer from 8 bits of mantissa in mixed precision: decibels, variances and logits.
_EXACT = "float32"


def encoder(
    shape: tuple[int, ...],
    classes: int,
    *,
    blocks: int = 3,
    width: int = 384,
    heads: int = 6,
    dropout: float = 0.1,
    loudness: bool = False,
) -> keras.Model:
    """From (frames, 80 mel bands) to ``classes`` logits, with Whisper's names of things where it has them.

    The head is linear in the mean and deviation over time of what the last two blocks say, each standardised. With
    ``loudness`` the louder a step is the more it weighs in both, so that it hardly matters how much silence there is.
    """
    layers = keras.layers
    inputs = keras.Input(shape, name="input")
    x = layers.Rescaling(_SCALE, _OFFSET, dtype=_EXACT)(inputs)
    x = _gelu(layers.Conv1D(width, 3, padding="same", name="conv1")(x))
    x = _gelu(layers.Conv1D(width, 3, strides=2, name="conv2")(layers.ZeroPadding1D(1)(x)))
    heard = [x := Positions()(x)]
    for number in range(blocks):
        x = layers.Add()([x, _attended(_normalised(x, f"attention_norm_{number}"), heads, number)])
        y = _gelu(layers.Dense(4 * width, name=f"wide_{number}")(_normalised(x, f"wide_norm_{number}")))
        heard.append(x := layers.Add()([x, layers.Dense(width, name=f"narrow_{number}")(y)]))
    x = layers.Concatenate(name="heard")(heard[-2:])
    weights = [Loudness(name="loudness", dtype=_EXACT)(inputs)] if loudness else []
    x = Statistics(name="statistics", dtype=_EXACT)(x, *weights)
    # Frozen: what is standardised must not move with a batch.
    x = layers.BatchNormalization(center=False, scale=False, name="standardised", dtype=_EXACT, trainable=False)(x)
    x = layers.Dropout(dropout, dtype=_EXACT)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits", dtype=_EXACT)(x), name="encoder")


@keras.saving.register_keras_serializable(_SCOPE)  # type: ignore[untyped-decorator]
def gelu(x: Any) -> Any:
    """As Keras has it, out of operations that ONNX has, too (Hendrycks & Gimpel 2016)."""
    return x * (0.5 + 0.5 * keras.ops.erf(x * 2**-0.5))


def _gelu(x: Any) -> Any:
    return keras.layers.Activation(gelu)(x)


def _normalised(x: Any, name: str) -> Any:
    return keras.layers.LayerNormalization(epsilon=1e-5, name=name)(x)


def _attended(x: Any, heads: int, number: int) -> Any:
    """Scaled dot-product attention of ``x`` (steps, width) to itself."""
    ops = keras.ops
    _, steps, width = x.shape
    each = width // heads
    projected = keras.layers.Dense(3 * width, name=f"query_key_value_{number}")(x)
    query, key, value = (
        ops.transpose(ops.reshape(part, (-1, steps, heads, each)), (0, 2, 1, 3))
        for part in ops.split(projected, 3, axis=-1)
    )
    weights = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) * each**-0.5, axis=-1)
    joined = ops.reshape(ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3)), (-1, steps, width))
    return keras.layers.Dense(width, name=f"attention_{number}")(joined)


@keras.saving.register_keras_serializable(_SCOPE)
class Positions(keras.layers.Layer):  # type: ignore[misc]
    """Adds sine and cosine of each step at geometrically spaced frequencies (Vaswani et al. 2017)."""

    def call(self, x: Any) -> Any:
        steps, width = x.shape[1:]
        frequencies = 10_000.0 ** -np.linspace(0, 1, width // 2)
        angles = np.arange(steps)[:, None] * frequencies
        return x + keras.ops.convert_to_tensor(np.hstack([np.sin(angles), np.cos(angles)]), dtype=x.dtype)


@keras.saving.register_keras_serializable(_SCOPE)
class Loudness(keras.layers.Layer):  # type: ignore[misc]
    """Of each of Whisper's steps, from (frames, bands) in dB: 1 at the peak, 0 from 60 dB below it on: (steps, 1)."""

    def call(self, decibels: Any) -> Any:
        ops = keras.ops
        return ops.clip(1 + ops.max(decibels[:, ::2], axis=2, keepdims=True) / _HEARD_DB, 0, 1)


@keras.saving.register_keras_serializable(_SCOPE)
class Statistics(keras.layers.Layer):  # type: ignore[misc]
    """Mean and deviation over time of (steps, width), with or without ``weights`` (steps, 1): (2 * width,)."""

    def call(self, x: Any, weights: Any = None) -> Any:
        ops = keras.ops
        if weights is None:
            mean, variance = ops.mean(x, axis=1), ops.var(x, axis=1)
        else:
            shares = weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-6)
            mean = ops.sum(shares * x, axis=1)
            variance = ops.sum(shares * ops.square(x - mean[:, None]), axis=1)
        return ops.concatenate([mean, ops.sqrt(ops.maximum(variance, 1e-6))], axis=-1)
