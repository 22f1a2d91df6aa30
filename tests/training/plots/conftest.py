"""What every picture has to be."""

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

Draw = Callable[[Path], Figure]


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[[Draw], Figure]:
    """Draws twice: the same bytes, a PNG of a size for a page. Gives the figure."""

    def draw(picture: Draw) -> Figure:
        first, second = tmp_path / "reports" / "first.png", tmp_path / "reports" / "second.png"
        figure = picture(first)
        picture(second)
        assert first.read_bytes() == second.read_bytes()
        assert first.stat().st_size < 200_000
        with Image.open(first) as image:
            assert image.format == "PNG"
            assert all(300 < side < 2000 for side in image.size)
            assert not {"Software", "Creation Time"} & set(image.info)
        return figure

    return draw
