"""Colours that the colour-blind can tell apart, for light and for dark pages.

Okabe & Ito 2008, "Color Universal Design". A colour is never all that tells something: every mark has its word beside
it or under the pointer.
"""

from collections.abc import Mapping
from typing import Final

BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
SKY: Final = "#56B4E9"
YELLOW: Final = "#D9C700"  # darker than theirs, which is lost on white
GREY: Final = "#8A8A8A"

# Of the voice; then of bursts of it, which are hatched as well; then of words.
EMOTIONS: Final[Mapping[str, str]] = {
    "neutral": GREY,
    "calm": SKY,
    "happy": GREEN,
    "sad": BLUE,
    "angry": VERMILLION,
    "fearful": PURPLE,
    "disgust": YELLOW,
    "surprised": ORANGE,
    "confusion": ORANGE,
    "nervousness": PURPLE,
    "guilt": BLUE,
    "pride": GREEN,
    "shame": VERMILLION,
    "joy": GREEN,
    "sadness": BLUE,
    "anger": VERMILLION,
    "fear": PURPLE,
    "surprise": ORANGE,
}
SENTIMENTS: Final[Mapping[str, str]] = {"negative": VERMILLION, "neutral": GREY, "positive": BLUE}
SIDES: Final = (BLUE, ORANGE, GREEN, PURPLE)


def emotion(label: str) -> str:
    return EMOTIONS.get(label, GREY)
