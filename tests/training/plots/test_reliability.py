"""Reliability diagrams."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from training.plots import reliability_picture

EMPTY = [0.0, 0.0, 0.0]


@pytest.fixture
def figure(drawn: Callable[..., Figure]) -> Figure:
    bins = [EMPTY] * 15
    # 4 answers with a confidence of 0.5, half of them right; 6 with 0.9, a third of them right.
    bins[7], bins[13] = [4, 2, 2.0], [6, 2, 5.4]
    sure = [EMPTY] * 14 + [[5, 5, 4.9]]
    return drawn(lambda path: reliability_picture({"wideband": bins, "telephone": sure}, "title", path))


def bars(figure: Figure, axis: int) -> dict[int, float]:
    """Heights by the number of the bin."""
    return {round(bar.get_x() * 15 / 100): bar.get_height() for bar in figure.axes[axis].patches}


def test_bars_say_how_often_answers_are_right_and_empty_bins_have_none(figure: Figure) -> None:
    assert bars(figure, 0) == {7: pytest.approx(50), 13: pytest.approx(100 / 3)}
    assert bars(figure, 1) == {14: pytest.approx(100)}


def test_dots_stand_at_the_mean_confidence_and_the_gap_goes_from_there_to_the_bar(figure: Figure) -> None:
    diagonal, dots = figure.axes[0].lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [100, 100]]
    np.testing.assert_allclose(dots.get_xydata(), [[50, 50], [90, 90]])
    gaps = [segment.tolist() for segment in figure.axes[0].collections[0].get_segments()]
    np.testing.assert_allclose(gaps, [[[50, 50], [50, 50]], [[90, 100 / 3], [90, 90]]])


def test_the_title_tells_the_calibration_error(figure: Figure) -> None:
    # (|2 - 2| + |2 - 5.4|) / 10, and |5 - 4.9| / 5
    assert [axis.get_title() for axis in figure.axes[:2]] == ["wideband: ECE 34.0 %", "telephone: ECE 2.0 %"]


def test_the_histogram_tells_how_the_answers_are_spread(figure: Figure) -> None:
    assert bars(figure, 2) == {7: pytest.approx(40), 13: pytest.approx(60)}
    assert figure.axes[2].lines[0].get_xdata() == pytest.approx([74, 74])
