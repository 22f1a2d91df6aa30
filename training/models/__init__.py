"""The paper's models. Each takes windows as the front end makes them and gives logits."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from service.audio.features import Floats

FOREST: Final = "random_forest"
TITLES: Final = {FOREST: "Random Forest", "cnn1d": "1D-CNN", "cnn2d": "2D-CNN", "cnn_bilstm": "CNN+BiLSTM"}


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
    """The named Keras network, not yet trained.

    Raises:
        TypeError: it has no such option.
    """
    from training.models.cnn1d import cnn1d
    from training.models.cnn2d import cnn2d
    from training.models.cnn_bilstm import cnn_bilstm

    return {"cnn1d": cnn1d, "cnn2d": cnn2d, "cnn_bilstm": cnn_bilstm}[model](shape, classes, **options)
