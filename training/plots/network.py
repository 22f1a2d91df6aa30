"""A Keras network, layer by layer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from training.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, save

_DETAILS: Final[dict[str, Callable[[Any], str]]] = {
    "Conv1D": lambda layer: f"{layer.filters} filters of {layer.kernel_size[0]}",
    "Conv2D": lambda layer: f"{layer.filters} filters of {_times(layer.kernel_size)}",
    "MaxPooling1D": lambda layer: f"of {layer.pool_size[0]}",
    "MaxPooling2D": lambda layer: f"of {_times(layer.pool_size)}",
    "Bidirectional": lambda layer: f"{type(layer.forward_layer).__name__}, {layer.forward_layer.units} each way",
    "LeakyReLU": lambda layer: f"slope {layer.negative_slope:g}",
    "Dropout": lambda layer: f"{layer.rate:g}",
}
_COLOURS: Final = {
    "Conv": SKY,
    "MaxPooling": ORANGE,
    "Global": ORANGE,
    "BatchNormalization": GREY,
    "ReLU": GREEN,
    "LeakyReLU": GREEN,
    "Softmax": GREEN,
    "Bidirectional": PURPLE,
    "Dense": BLUE,
    "Dropout": VERMILLION,
}
# In inches: where boxes begin and end, and the right edges of the columns of figures.
_LEFT, _RIGHT, _SHAPE, _PARAMETERS = 0.6, 6.8, 5.3, 6.7
_ROW, _BOX = 0.36, 0.25


def network_picture(model: Any, title: str, path: Path) -> Figure:
    """A box for each layer of ``model``, a functional Keras network: kind, shape of the output, parameters.

    Arrows say what each layer takes in; they go around the layers that they skip.
    """
    height = _middle(len(model.layers)) + _ROW / 2
    figure = Figure(figsize=(_RIGHT + 0.2, height))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.set_xlim(0, _RIGHT + 0.2)
    axis.set_ylim(height, 0)
    axis.text(_LEFT, 0.2, title, va="center", fontsize=12)
    for x, text in ((_SHAPE, "output"), (_PARAMETERS, "parameters")):
        axis.text(x, _middle(-1), text, ha="right", va="center", fontsize=9, color=GREY)
    rows: dict[int, int] = {}
    skips = 0
    for row, layer in enumerate(model.layers):
        _box(axis, row, layer)
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        for source in (rows[id(tensor)] for tensor in inputs if id(tensor) in rows):
            skips += row - source > 1
            _arrow(axis, source, row, skips)
        rows[id(layer.output)] = row
    total = f"{model.count_params():,} parameters in all"
    axis.text(_PARAMETERS, _middle(len(model.layers)), total, ha="right", va="center", fontsize=9, weight="bold")
    return save(figure, path)


def _box(axis: Any, row: int, layer: Any) -> None:
    kind = type(layer).__name__
    colour = next((colour for start, colour in _COLOURS.items() if kind.startswith(start)), "white")
    corner = (_LEFT, _middle(row) - _BOX / 2)
    box = FancyBboxPatch(corner, _RIGHT - _LEFT, _BOX, boxstyle="round,pad=0,rounding_size=0.05", edgecolor=GREY)
    box.set_facecolor((colour, 0.25))
    axis.add_patch(box)
    details = _DETAILS[kind](layer) if kind in _DETAILS else ""
    shape = _times(layer.output.shape[1:])
    parameters = f"{layer.count_params():,}" if layer.count_params() else "–"
    for x, text, side in ((_LEFT + 0.1, kind, "left"), (_LEFT + 2.1, details, "left"), (_SHAPE, shape, "right")):
        axis.text(x, _middle(row), text, ha=side, va="center_baseline", fontsize=9)
    axis.text(_PARAMETERS, _middle(row), parameters, ha="right", va="center_baseline", fontsize=9)


def _arrow(axis: Any, source: int, target: int, lane: int) -> None:
    """From box to box; past others, in a lane of its own on their left."""
    style = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    if target - source == 1:
        x = (_LEFT + _RIGHT) / 2
        start, end = (x, _middle(source) + _BOX / 2), (x, _middle(target) - _BOX / 2)
    else:
        x = _LEFT - 0.15 * (1 + lane % 3)
        axis.plot([_LEFT, x, x], [_middle(source), _middle(source), _middle(target)], color=GREY, linewidth=1)
        start, end = (x, _middle(target)), (_LEFT, _middle(target))
    axis.annotate("", end, start, arrowprops=style)


def _middle(row: int) -> float:
    return 0.85 + _ROW * row


def _times(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes))
