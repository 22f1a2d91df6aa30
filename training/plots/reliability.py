"""Reliability diagrams (Guo et al. 2017): how often a model is right when it says how sure it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.metrics import expected_calibration_error
from training.plots.style import GREY, SKY, VERMILLION, save


def reliability_picture(bands: Mapping[str, Sequence[Sequence[float]]], title: str, path: Path) -> Figure:
    """Side by side for each band, from equal bins of confidence (count, right, sum of confidences).

    Above, how often the answers of each bin are right beside how sure they are on average, no bar where there are none;
    below, how many answers fall into it.
    """
    figure = Figure(figsize=(0.8 + 4.6 * len(bands), 5.8), layout="constrained")
    axes = figure.subplots(2, len(bands), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 1))
    for (diagram, histogram), (band, bins) in zip(axes.T, bands.items(), strict=True):
        _draw(diagram, histogram, band, np.asarray(bins, dtype=float))
    axes[0, 0].set_ylabel("right (%)")
    axes[1, 0].set_ylabel("answers (%)")
    axes[0, 0].set_ylim(0, 100)
    axes[0, 0].set_xlim(0, 100)
    axes[0, 0].legend(loc="upper left", fontsize=9)
    figure.suptitle(title)
    return save(figure, path)


def _draw(diagram: Any, histogram: Any, band: str, bins: NDArray[np.float64]) -> None:
    edges = np.linspace(0, 100, len(bins) + 1)
    width = edges[1]
    filled = bins[:, 0] > 0
    count, right, confidence = bins[filled].T
    left, accuracy, sure = edges[:-1][filled], 100 * right / count, 100 * confidence / count
    diagram.bar(left, accuracy, width, align="edge", color=SKY, edgecolor="white", label="right")
    diagram.plot([0, 100], [0, 100], color=GREY, linestyle="--", linewidth=1, label="as right as sure")
    diagram.vlines(sure, accuracy, sure, color=VERMILLION, linewidth=2)
    diagram.plot(sure, sure, linestyle="", marker="o", markersize=4, color=VERMILLION, label="sure, on average")
    histogram.bar(left, 100 * count / count.sum(), width, align="edge", color=SKY, edgecolor="white")
    histogram.axvline(100 * confidence.sum() / count.sum(), color=VERMILLION, linewidth=1.5)
    histogram.set_xlabel("confidence (%)")
    diagram.set_title(f"{band}: ECE {100 * expected_calibration_error(bins):.1f} %")
