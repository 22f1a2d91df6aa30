"""What all pictures share: colours that the colour-blind can tell apart, and files that repeat to the byte."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Okabe & Ito 2008, "Color Universal Design".
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
SKY: Final = "#56B4E9"
GREY: Final = "#666666"
SERIES: Final = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)


_DPI: Final = 110


def save(figure: Figure, path: Path, *, palette: bool = False) -> Figure:
    """Write ``figure`` as a PNG, into a folder that is made where there is none.

    With ``palette``, in 256 colours: a spectrogram takes half the space, and looks the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if palette:
        figure.set_dpi(_DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    else:
        # No date or version inside: the same run writes the same bytes.
        figure.savefig(path, dpi=_DPI, metadata={"Software": None})
    return figure
