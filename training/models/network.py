"""A trained Keras network, whichever backend trained it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from service.audio.features import Floats

OPSET = 17


@dataclass(frozen=True)
class Network:
    """``model`` gives logits."""

    model: keras.Model

    @property
    def parameters(self) -> int:
        return int(self.model.count_params())

    def logits(self, inputs: Floats) -> Floats:
        predicted: Floats = np.asarray(self.model.predict(inputs, batch_size=128, verbose=0))
        return predicted

    def to_onnx(self, temperature: float) -> Any:
        """Needs TensorFlow, whatever backend trained the network."""
        import tensorflow as tf
        import tf2onnx

        model = with_probabilities(self.model, temperature)
        signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="input")]
        graph, _ = tf2onnx.convert.from_keras(model, input_signature=signature, opset=OPSET)
        return graph


def load(path: Path) -> keras.Model:
    """A network as it was saved."""
    # Keras knows the layers and losses of a module that was imported.
    import training.known
    import training.models.encoder  # noqa: F401

    return keras.models.load_model(path)


def with_probabilities(model: keras.Model, temperature: float) -> keras.Model:
    """``model`` followed by softmax(logits / temperature)."""
    scaled = keras.layers.Rescaling(1 / temperature)(model.output)
    return keras.Model(model.input, keras.layers.Softmax(name="probabilities")(scaled), name=model.name)
