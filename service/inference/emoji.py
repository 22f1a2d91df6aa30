"""Emoji as words, for encoders that know none: the Unicode name says what most of them mean."""

import re
import unicodedata
from functools import cache
from typing import Final

_EMOJI: Final = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
# Words of the names that say how a sign is drawn.
_DRAWING: Final = {"face", "sign", "symbol", "heavy", "black", "white"}


def spell_out(text: str) -> str:
    """``text`` with the name of each emoji in its place, such as "thumbs up"."""
    return _EMOJI.sub(lambda match: f" {_name(match[0])} ", text)


@cache
def _name(emoji: str) -> str:
    if ord(emoji) in _SKIN_TONES:
        return ""
    return " ".join(word for word in unicodedata.name(emoji, "").lower().split() if word not in _DRAWING)
