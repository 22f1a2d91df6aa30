"""Log lines, as text or as JSON: with the ids of what is under way, and without what it is about.

The words of an error may be those of a caller: a value that could not be stored, a transcript that could not be read.
So an error is written as its type and the places that it passed.
"""

import json
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from traceback import StackSummary, walk_tb
from typing import Any, Final, Literal

Format = Literal["text", "json"]

OWN: Final = ("service", "uvicorn")
"""The loggers that the level is for."""

IDS: Final[dict[str, ContextVar[str | None]]] = {
    name: ContextVar(name, default=None) for name in ("request_id", "analysis_id")
}


def of_request(request_id: str) -> None:
    """From here on, and in what is begun from here, lines are about this request."""
    IDS["request_id"].set(request_id)
    IDS["analysis_id"].set(None)


def of_analysis(analysis_id: str) -> None:
    """From here on, and in what is begun from here, lines are about this analysis."""
    IDS["analysis_id"].set(analysis_id)


def configure(level: str, style: Format) -> None:
    """Write what the service says, if it is at least as severe as ``level``, to stderr; and warnings of its libraries,
    which with less would tell addresses, statements and what is stored by them."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    wanted = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(wanted, logging.WARNING), handlers=[handler])
    for own in OWN:
        logging.getLogger(own).setLevel(wanted)


class JsonFormatter(logging.Formatter):
    """An object a line: ``time``, ``level``, ``logger``, ``message``, the ids, the ``fields`` that the record has as an
    extra, and of an error its ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
            **_under_way(),
            **getattr(record, "fields", {}),
        }
        if (error := _error(record)) is not None:
            line["exception"] = list(trail(error))
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """The same for people: level, message, ids in brackets, and of an error a line for each place."""

    def format(self, record: logging.LogRecord) -> str:
        ids = " ".join(_under_way().values())
        line = f"{record.levelname + ':':<9} {record.getMessage().strip()}{f' [{ids}]' if ids else ''}"
        error = _error(record)
        return "\n    ".join([line, *(trail(error) if error else ())])


def trail(error: BaseException) -> Iterator[str]:
    """The error and what it came from, each by its type and the places that it passed, without its words."""
    known: set[int] = set()
    left = [error]
    while left:
        error = left.pop()
        if id(error) in known:
            continue
        known.add(id(error))
        yield type(error).__qualname__
        for frame in StackSummary.extract(walk_tb(error.__traceback__), lookup_lines=False):
            yield f"  {frame.filename}:{frame.lineno} {frame.name}"
        if (origin := error.__cause__ or error.__context__) is not None:
            left.append(origin)
        if isinstance(error, BaseExceptionGroup):
            left += error.exceptions


def _under_way() -> dict[str, str]:
    return {name: value for name, variable in IDS.items() if (value := variable.get()) is not None}


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None
