"""Confusion matrices, in blue."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from training.plots.style import save


def confusion_picture(
    reports: Mapping[str, Mapping[str, Any]], labels: tuple[str, ...], title: str, path: Path
) -> Figure:
    """Confusion matrices side by side, one a band: each row in per cent of the true class."""
    figure = Figure(figsize=(1.2 + 5.2 * len(reports), 5.4), layout="constrained")
    axes = figure.subplots(1, len(reports))
    for axis, (band, report) in zip(np.atleast_1d(axes), reports.items(), strict=True):
        counts = np.asarray(report["confusion"])
        # A small test part may lack a class: its row is left at nought.
        share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axis.imshow(share, cmap="Blues", vmin=0, vmax=100)
        for row, column in np.ndindex(*share.shape):
            colour = "white" if share[row, column] > 55 else "black"
            axis.text(column, row, f"{share[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=9)
        axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axis.set_yticks(range(len(labels)), labels)
        axis.set_xlabel("predicted")
        axis.set_ylabel("true")
        axis.set_title(f"{band}: UAR {100 * report['uar']:.1f} %, accuracy {100 * report['accuracy']:.1f} %")
    figure.suptitle(title)
    return save(figure, path)
