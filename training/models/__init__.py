"""The paper's models. Each takes windows as the front end makes them and gives logits."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from service.audio.features import Floats

FOREST: Final = "random_forest"
TITLES: Final = {
    FOREST: "Random Forest",
    "cnn1d": "1D-CNN",
    "cnn2d": "2D-CNN",
    "cnn_bilstm": "CNN+BiLSTM",
    "encoder": "Whisper encoder",
}


class Trained(Protocol):
    """What a run has made."""

    @property
    def parameters(self) -> int:
        """Weights of a network; nodes of a forest."""
        ...

    def logits(self, inputs: Floats) -> Floats:
        """(n, classes) for ``inputs`` (n, *front_end.shape)."""
        ...

    def to_onnx(self, temperature: float) -> Any:
        """An ``onnx.ModelProto`` from ``input`` to softmax(logits / temperature)."""
        ...


def build(model: str, shape: tuple[int, ...], classes: int, options: Mapping[str, Any]) -> Any:
    """The named Keras network, not yet trained."""
    return _maker(model)(shape, classes, **options)


def check_options(model: str, options: Mapping[str, Any]) -> None:
    """Raises: ValueError: the named model has no such option."""
    parameters = inspect.signature(_maker(model)).parameters.values()
    known = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.name != "seed"]
    for name in options:
        if name not in known:
            raise ValueError(f"network.{name}: a {model} has no such option; it has {', '.join(known)}")


def _maker(model: str) -> Callable[..., Any]:
    # Imported late: each library takes seconds.
    if model == FOREST:
        from training.models.random_forest import random_forest

        return random_forest
    from training.models.cnn1d import cnn1d
    from training.models.cnn2d import cnn2d
    from training.models.cnn_bilstm import cnn_bilstm
    from training.models.encoder import encoder

    networks: tuple[Callable[..., Any], ...] = (cnn1d, cnn2d, cnn_bilstm, encoder)
    return next(network for network in networks if network.__name__ == model)
