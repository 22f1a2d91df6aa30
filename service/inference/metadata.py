"""What a model says of itself in the metadata of its ONNX file, as JSON."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

Described = TypeVar("Described")


def read_strictly(kind: TypeAdapter[Described], described: str) -> Described:
    """What ``described`` is, without a guess at what it may mean.

    Raises:
        ValueError: it is not of that ``kind``; the message says where.
    """
    try:
        return kind.validate_json(described, strict=True, extra="forbid")
    except ValidationError as error:
        wrong = [": ".join([*map(str, each["loc"]), each["msg"]]) for each in error.errors()]
        raise ValueError("; ".join(wrong)) from error
