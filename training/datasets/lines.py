"""The lines of a corpus's text files, and what is wrong with them."""

from collections.abc import Iterator
from pathlib import Path

from training.datasets.clips import CorpusError


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of ``path``, split at line feeds only: texts hold other Unicode line breaks.

    Raises:
        CorpusError: the file cannot be read, or is not UTF-8.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CorpusError(str(path), [f"it cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise CorpusError(str(path), [f"it is not UTF-8: {error}"]) from error
    yield from enumerate(content.removesuffix("\n").split("\n"), start=1)


def malformed(path: Path, number: int, expected: str, found: object) -> CorpusError:
    return CorpusError(str(path), [f"line {number}: expected {expected}, found {found!r}"])
