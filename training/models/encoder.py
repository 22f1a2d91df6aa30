"""The stem and the first blocks of Whisper's audio encoder (Radford et al. 2022), and a head that listens to them all.

The last layers of a recogniser have learnt to hear words whoever says them and however; its first ones still hear how.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

_SCOPE = "voice-to-value"
# From dB below the peak to what Whisper hears: (log10 of the power + 4) / 4, the peak where speech often has it.
_SCALE, _OFFSET = 1 / 40, 1.5
# How many times faster than Whisper's layers, which know much already, the new ones learn. Adam's steps are of one size
# whatever the gradient, so that a factor behind a weight is one in its rate.
_EAGERNESS = 20
# What would suffer from 8 bits of mantissa in mixed precision: decibels, variances and logits.
_EXACT = "float32"


def encoder(
    shape: tuple[int, ...],
    classes: int,
    *,
    blocks: int = 3,
    width: int = 384,
    heads: int = 6,
    attention: int = 128,
    dropout: float = 0.3,
) -> keras.Model:
    """From (frames, 80 mel bands) to ``classes`` logits, with Whisper's names of things where it has them."""
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
    x = _normalised(LayerMix(name="mix")(heard), "mix_norm")
    scores = _eager(1, "score")(layers.Activation("tanh")(_eager(attention, "heeded")(x)))
    x = layers.Dropout(dropout, dtype=_EXACT)(AttentiveStatistics(name="statistics", dtype=_EXACT)([x, scores]))
    return keras.Model(inputs, _eager(classes, "logits", _EXACT)(x), name="encoder")


def _eager(units: int, name: str, dtype: str | None = None) -> Callable[[Any], Any]:
    """A dense layer that learns fast."""
    small = keras.initializers.VarianceScaling(_EAGERNESS**-2, mode="fan_avg", distribution="uniform")
    dense = keras.layers.Dense(units, use_bias=False, kernel_initializer=small, name=name, dtype=dtype)
    return lambda x: keras.layers.Rescaling(_EAGERNESS, dtype=dtype)(dense(x))


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
class LayerMix(keras.layers.Layer):  # type: ignore[misc]
    """A learned weighted mean of layers (the scalar mix of Peters et al. 2018)."""

    def build(self, shapes: Any) -> None:
        self.share = self.add_weight((len(shapes),), initializer="zeros", name="share")

    def call(self, heard: Any) -> Any:
        share = keras.ops.softmax(_EAGERNESS * self.share)
        return sum(share[index] * layer for index, layer in enumerate(heard))


@keras.saving.register_keras_serializable(_SCOPE)
class AttentiveStatistics(keras.layers.Layer):  # type: ignore[misc]
    """Mean and deviation over time of (steps, width), the steps weighted by the softmax of scores (steps, 1) (Okabe et
    al. 2018): (2 * width,)."""

    def call(self, inputs: Any) -> Any:
        ops = keras.ops
        x, scores = inputs
        weights = ops.softmax(scores, axis=1)
        mean = ops.sum(weights * x, axis=1)
        variance = ops.sum(weights * ops.square(x), axis=1) - ops.square(mean)
        return ops.concatenate([mean, ops.sqrt(ops.maximum(variance, 1e-6))], axis=-1)
