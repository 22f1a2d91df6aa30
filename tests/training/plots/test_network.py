"""Pictures of networks."""

from collections.abc import Callable
from typing import Any

import keras
import pytest
from matplotlib.figure import Figure

from training.plots import network_picture

layers = keras.layers


def forked() -> keras.Model:
    inputs = keras.Input((10, 4))
    x = layers.Conv1D(6, 3, padding="same", use_bias=False)(inputs)
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
    return keras.Model(inputs, layers.Dense(2)(x))


def recurrent() -> keras.Model:
    inputs = keras.Input((10, 4, 1))
    x = layers.MaxPooling2D((2, 1))(layers.Conv2D(3, (5, 3), padding="same")(inputs))
    x = layers.Bidirectional(layers.LSTM(8))(layers.Reshape((5, 12))(x))
    x = layers.Dropout(0.5)(layers.LeakyReLU(negative_slope=0.1)(x))
    return keras.Model(inputs, layers.Dense(2)(x))


def rows(figure: Figure) -> list[list[str]]:
    """What is written in each line, from the top and from the left."""
    lines: dict[float, list[tuple[float, str]]] = {}
    for text in figure.axes[0].texts:
        x, y = text.get_position()
        if text.get_text():
            lines.setdefault(round(y, 3), []).append((x, text.get_text()))
    return [[text for _, text in sorted(lines[y])] for y in sorted(lines)]


def arrows(figure: Figure) -> list[Any]:
    return [text for text in figure.axes[0].texts if hasattr(text, "arrow_patch")]


def test_a_line_for_each_layer_with_shape_and_parameters(drawn: Callable[..., Figure]) -> None:
    assert rows(drawn(lambda path: network_picture(recurrent(), "a network", path))) == [
        ["a network"],
        ["output", "parameters"],
        ["InputLayer", "10 × 4 × 1", "–"],
        ["Conv2D", "3 filters of 5 × 3", "10 × 4 × 3", "48"],
        ["MaxPooling2D", "of 2 × 1", "5 × 4 × 3", "–"],
        ["Reshape", "5 × 12", "–"],
        ["Bidirectional", "LSTM, 8 each way", "16", "1,344"],
        ["LeakyReLU", "slope 0.1", "16", "–"],
        ["Dropout", "0.5", "16", "–"],
        ["Dense", "2", "34"],
        ["1,426 parameters in all"],
    ]


def test_arrows_follow_the_connections_and_not_the_order(drawn: Callable[..., Figure]) -> None:
    """Rows: input, convolution, mean, peak, concatenation, dense; nothing goes from mean to peak."""
    figure = drawn(lambda path: network_picture(forked(), "title", path))
    names = [row[0] for row in rows(figure)[2:-1]]
    first = figure.axes[0].patches[0]
    step = figure.axes[0].patches[1].get_y() - first.get_y()

    def row(y: float) -> str:
        return names[round((y - first.get_y() - first.get_height() / 2) / step)]

    # An arrow starts at the lower edge of a box, or in a lane where a line from the left edge of one has led.
    lanes = {tuple(line.get_xydata()[-1]): row(line.get_ydata()[0]) for line in figure.axes[0].lines}
    found = sorted(
        (lanes.get(arrow.xyann) or row(arrow.xyann[1] - first.get_height() / 2), row(arrow.xy[1] + 0.01))
        for arrow in arrows(figure)
    )
    mean, peak = "GlobalAveragePooling1D", "GlobalMaxPooling1D"
    assert found == [
        ("Concatenate", "Dense"),
        ("Conv1D", mean),
        ("Conv1D", peak),
        (mean, "Concatenate"),
        (peak, "Concatenate"),
        ("InputLayer", "Conv1D"),
    ]
    assert len({line.get_xdata()[1] for line in figure.axes[0].lines}) == 2, "two lanes, not one over the other"


@pytest.mark.parametrize("name", ["cnn1d", "cnn2d", "cnn_bilstm"])
def test_the_networks_of_the_project_fit_on_a_page(name: str, drawn: Callable[..., Figure]) -> None:
    from training.models import build

    model = build(name, (94, 64), 8, {})
    assert len(rows(drawn(lambda path: network_picture(model, name, path)))) == len(model.layers) + 3
