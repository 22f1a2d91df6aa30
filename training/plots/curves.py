"""How training went: losses and recall, epoch by epoch."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from training.plots.style import GREY, SERIES, save


def curves_picture(runs: Sequence[Mapping[str, Any]], title: str, path: Path) -> Figure:
    """Loss and unweighted average recall of ``runs``, results of one configuration, a colour a split.

    A dot marks the epoch whose weights were kept.

    Raises:
        ValueError: a run has no history, as that of a forest, which grows at once.
    """
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    loss, recall = figure.subplots(1, 2, sharex=True)
    for run, colour in zip(runs, cycle(SERIES), strict=False):
        if not run["history"]:
            raise ValueError(f"{run['name']}, {run['split']} has no history to draw")
        epochs = [row["epoch"] for row in run["history"]]
        kept = epochs.index(run["epochs"])
        loss.plot(epochs, [row["loss"] for row in run["history"]], color=colour, linestyle=":", linewidth=1.2)
        for axis, values in (
            (loss, [row["validation_loss"] for row in run["history"]]),
            (recall, [100 * row["validation_uar"] for row in run["history"]]),
        ):
            axis.plot(
                epochs,
                values,
                color=colour,
                linewidth=1.2,
                marker="o",
                markersize=7,
                markeredgecolor="white",
                markevery=[kept],
                label=run["split"],
            )
    loss.set_ylabel("loss")
    recall.set_ylabel("validation UAR (%)")
    for axis in (loss, recall):
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    loss.legend(
        handles=[
            Line2D([], [], color=GREY, linestyle=":", label="training"),
            Line2D([], [], color=GREY, label="validation"),
            Line2D([], [], color=GREY, linestyle="", marker="o", label="epoch kept"),
        ],
        fontsize=9,
    )
    figure.legend(*recall.get_legend_handles_labels(), fontsize=9, loc="outside right upper")
    figure.suptitle(title)
    return save(figure, path)
