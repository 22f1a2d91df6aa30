"""What all payloads have in common: fields that are not known are left out, and texts fit."""

from collections.abc import Callable
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

Size = Callable[[str], int]

IfKnown = Annotated[T | None, Field(exclude_if=lambda value: value is None)]
"""A field that is not sent where it is None."""

_ELLIPSIS: Final = "…"


class Payload(BaseModel):
    """A part of a request body."""

    model_config = ConfigDict(serialize_by_alias=True)


def utf8(text: str) -> int:
    return len(text.encode())


def utf16(text: str) -> int:
    """What a CRM in Java or JavaScript counts as characters."""
    return len(text.encode("utf-16-le")) // 2


def clipped(text: str, limit: int, size: Size) -> str:
    """``text``, or as much of it as fits in ``limit`` with an ellipsis at its end; ``size`` is that of a character."""
    total, end = 0, 0
    room = limit - size(_ELLIPSIS)
    for index, character in enumerate(text):
        total += size(character)
        if total <= room:
            end = index + 1
        if total > limit:
            return text[:end].rstrip() + _ELLIPSIS
    return text
