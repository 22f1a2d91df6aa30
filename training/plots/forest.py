"""A Random Forest: statistics of frames, trees, votes, probabilities."""

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import onnx
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from onnx.helper import get_attribute_value

from service.audio.features import STATISTICS, FrontEnd
from service.inference.front_ends import read_front_end
from training.plots.style import BLUE, GREEN, GREY, ORANGE, SKY, save

_NAMES: Final = {"mfcc": "MFCC", "mel": "mel band", "chroma": "pitch class", "zcr": "zero crossings"}
_STATISTICS: Final = tuple(f"{name} quantile" if name.endswith("%") else name for name in STATISTICS)
# In inches.
_WIDTH, _HEIGHT = 10.4, 4.4
_MIDDLE = 2.1
_SHOWN: Final = 3


@dataclass(frozen=True)
class _Tree:
    """Its first question, and how many answers it can come to."""

    question: str
    leaves: int


def forest_picture(model: Path, title: str, path: Path) -> Figure:
    """From sound to probabilities through the forest in the ONNX file ``model``, with the first question of some trees.

    Raises:
        ValueError: there is no forest in it, or its metadata do not say what it takes in.
    """
    graph = onnx.load(model)
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    front_end = read_front_end(metadata.get("front_end", "null"))
    trees = _trees(graph, front_end)
    figure = Figure(figsize=(_WIDTH, _HEIGHT))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.set_xlim(0, _WIDTH)
    axis.set_ylim(0, _HEIGHT)
    axis.text(0.2, _HEIGHT - 0.25, title, va="center", fontsize=12)
    seconds = front_end.window_samples / front_end.sample_rate
    columns = "\n".join(f"{size} × {_NAMES[name]}" for name, size in _sizes(front_end).items())
    _box(axis, 0.2, 1.7, f"{seconds:g} s of sound", f"{front_end.frames} frames of\n{columns}", SKY)
    _box(axis, 2.4, 1.7, f"{front_end.shape[0]:,} values", "of each column:\n" + "\n".join(_STATISTICS), ORANGE)
    labels = "\n".join(json.loads(metadata["labels"]))
    _box(axis, 8.6, 1.6, "mean of the votes", f"as probabilities of\n{labels}", BLUE)
    _arrow(axis, 1.9, 2.4, _MIDDLE)
    shown = sorted({*range(_SHOWN - 1), len(trees) - 1})
    for place, index in enumerate(shown):
        height = _MIDDLE + 1.1 * ((len(shown) - 1) / 2 - place)
        _glyph(axis, 4.95, height)
        tree = trees[index]
        about = f"tree {index + 1:,}: {tree.leaves:,} leaves\n{tree.question}?"
        axis.text(5.5, height, about, va="center", fontsize=9)
        _arrow(axis, 4.1, 4.5, height)
        _arrow(axis, 8.3, 8.6, height)
    if len(trees) > len(shown):
        axis.text(4.95, _MIDDLE - 0.55, "⋮", ha="center", va="center", fontsize=12)
    leaves = sum(tree.leaves for tree in trees)
    axis.text(6.05, 0.25, f"{len(trees):,} trees, {leaves:,} leaves", ha="center", fontsize=9, weight="bold")
    return save(figure, path)


def _trees(graph: Any, front_end: FrontEnd) -> list[_Tree]:
    forests = [node for node in graph.graph.node if node.op_type == "TreeEnsembleClassifier"]
    if not forests:
        raise ValueError("there is no forest in this model")
    found = {attribute.name: get_attribute_value(attribute) for attribute in forests[0].attribute}
    names = [f"{statistic} of {column}" for statistic in _STATISTICS for column in _columns(front_end)]
    questions: dict[int, str] = {}
    leaves: Counter[int] = Counter()
    for tree, node, feature, value, mode in zip(
        *(found[f"nodes_{name}"] for name in ("treeids", "nodeids", "featureids", "values", "modes")), strict=True
    ):
        leaves[tree] += mode == b"LEAF"
        if node == 0:
            questions[tree] = "no question" if mode == b"LEAF" else f"{names[feature]} ≤ {value:.3g}"
    return [_Tree(questions[tree].replace("-", "−"), leaves[tree]) for tree in sorted(questions)]


def _sizes(front_end: FrontEnd) -> dict[str, int]:
    """The columns that each feature takes."""
    return {name: replace(front_end, features=(name,)).columns for name in front_end.features}


def _columns(front_end: FrontEnd) -> list[str]:
    return [
        f"{_NAMES[name]} {number}" if size > 1 else _NAMES[name]
        for name, size in _sizes(front_end).items()
        for number in range(1, size + 1)
    ]


def _box(axis: Any, left: float, width: float, heading: str, text: str, colour: str) -> None:
    box = FancyBboxPatch((left, 0.6), width, 2 * (_MIDDLE - 0.6), boxstyle="round,pad=0,rounding_size=0.08")
    box.set_facecolor((colour, 0.25))
    box.set_edgecolor(GREY)
    axis.add_patch(box)
    top = 2 * _MIDDLE - 0.6
    axis.text(left + width / 2, top - 0.25, heading, ha="center", va="center", fontsize=10, weight="bold")
    axis.text(left + width / 2, top - 0.55, text, ha="center", va="top", fontsize=9, linespacing=1.4)


def _arrow(axis: Any, start: float, end: float, height: float) -> None:
    style = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
    axis.annotate("", (end, height), (start, height), arrowprops=style)


def _glyph(axis: Any, x: float, y: float) -> None:
    """A sign for a tree: two levels of questions and their answers."""
    levels = [[0.0], [-0.2, 0.2], [-0.3, -0.1, 0.1, 0.3]]
    heights = [y + 0.28, y, y - 0.28]
    for above, below, high, low in zip(levels, levels[1:], heights, heights[1:], strict=False):
        for number, place in enumerate(below):
            axis.plot([x + above[number // 2], x + place], [high, low], color=GREY, linewidth=1, zorder=1)
    for places, height, colour in zip(levels, heights, (GREY, GREY, GREEN), strict=True):
        axis.scatter([x + place for place in places], [height] * len(places), s=28, color=colour, zorder=2)
