"""Confusion matrices."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from training.plots import confusion_picture

REPORT = {"confusion": [[3, 1], [0, 5]], "uar": 0.875, "accuracy": 0.889}


def cells(figure: Figure, axis: int = 0) -> list[str]:
    return [text.get_text() for text in figure.axes[axis].texts]


def test_cells_hold_per_cent_of_the_true_class(drawn: Callable[..., Figure]) -> None:
    other = {"confusion": [[1, 1], [1, 3]], "uar": 0.625, "accuracy": 0.667}
    figure = drawn(
        lambda path: confusion_picture({"wideband": REPORT, "telephone": other}, ("calm", "happy"), "title", path)
    )
    assert cells(figure, 0) == ["75", "25", "0", "100"]
    assert cells(figure, 1) == ["50", "50", "25", "75"]
    assert figure.axes[0].get_title() == "wideband: UAR 87.5 %, accuracy 88.9 %"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["calm", "happy"]


def test_a_class_that_does_not_occur_has_an_empty_row(drawn: Callable[..., Figure]) -> None:
    report = REPORT | {"confusion": [[0, 0], [2, 2]]}
    assert cells(drawn(lambda path: confusion_picture({"wideband": report}, ("calm", "happy"), "", path))) == [
        "0",
        "0",
        "50",
        "50",
    ]


@pytest.mark.parametrize("name", ["speech_emotion", "vocal_burst"])
def test_the_pictures_of_the_shipped_models_show_their_cards(name: str, models_dir: Path, tmp_path: Path) -> None:
    card = json.loads((models_dir / name / "card.json").read_text(encoding="utf-8"))
    title = f"{name}, speaker-independent: per cent of each true class"
    protocol = card["protocols"]["speaker-independent"]
    confusion_picture(protocol, tuple(card["labels"]), title, tmp_path / "again.png")
    with Image.open(tmp_path / "again.png") as again, Image.open(models_dir / name / "confusion.png") as shipped:
        np.testing.assert_array_equal(np.asarray(again), np.asarray(shipped))
