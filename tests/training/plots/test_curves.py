"""Curves of training and validation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from training.plots import curves_picture


def run(split: str, kept: int, losses: list[float]) -> dict[str, Any]:
    history = [
        {"epoch": epoch, "loss": loss + 1, "validation_loss": loss, "validation_uar": 1 - loss / 2}
        for epoch, loss in enumerate(losses, start=1)
    ]
    return {"name": "a_run", "split": split, "epochs": kept, "history": history}


@pytest.fixture
def figure(drawn: Callable[..., Figure]) -> Figure:
    runs = [run("fold-1", 2, [0.9, 0.5, 0.7]), run("fold-2", 4, [0.8, 0.7, 0.6, 0.4, 0.5])]
    return drawn(lambda path: curves_picture(runs, "title", path))


def test_the_dot_is_on_the_epoch_that_was_kept(figure: Figure) -> None:
    loss, recall = figure.axes
    for axis, values in ((loss, [0.5, 0.4]), (recall, [75.0, 80.0])):
        marked = [line for line in axis.lines if line.get_marker() == "o"]
        dots = [line.get_xydata()[line.get_markevery()[0]].tolist() for line in marked]
        assert dots == [[2, values[0]], [4, pytest.approx(values[1])]]


def test_training_is_dotted_and_validation_is_not(figure: Figure) -> None:
    dotted = [line for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    assert [line.get_ydata()[0] for line in dotted] == [1.9, 1.8]
    assert not [line for line in figure.axes[1].lines if line.get_linestyle() == ":"]


def test_each_split_has_a_colour_of_its_own_in_both_halves(figure: Figure) -> None:
    loss, recall = figure.axes
    colours = {line.get_label(): line.get_color() for line in recall.lines}
    assert set(colours) == {"fold-1", "fold-2"}
    assert len(set(colours.values())) == 2
    assert {line.get_label(): line.get_color() for line in loss.lines if line.get_marker() == "o"} == colours
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["fold-1", "fold-2"]


def test_a_run_without_epochs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a_run, fold-1 has no history"):
        curves_picture([run("fold-1", 0, [])], "title", tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())
