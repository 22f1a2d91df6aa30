"""What models do, told to whoever observes the work that is under way; in training and on the command line nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Final, Protocol


class Observer(Protocol):
    """Is told what happens in the context in which :func:`observe` was called, the threads begun from it included."""

    def took(self, stage: str, model: str, seconds: float) -> None:
        """A stage of an analysis is over; ``model`` is empty where none is at work in it."""

    def predicted(self, model: str, head: str, label: str, confidence: float) -> None:
        """A model has named the likeliest label of a piece of sound or text."""

    def abstained(self, model: str, reason: str) -> None:
        """A prediction is better not relied on."""

    def listened(self, seconds: float) -> None:
        """So much sound was analysed."""


class _Nobody:
    def took(self, stage: str, model: str, seconds: float) -> None: ...
    def predicted(self, model: str, head: str, label: str, confidence: float) -> None: ...
    def abstained(self, model: str, reason: str) -> None: ...
    def listened(self, seconds: float) -> None: ...


_NOBODY: Final = _Nobody()
_observer: Final[ContextVar[Observer]] = ContextVar("observer", default=_NOBODY)


def observe(observer: Observer) -> None:
    """From here on, and in what is begun from here, tell ``observer``."""
    _observer.set(observer)


def observer() -> Observer:
    """Who is to be told here."""
    return _observer.get()


@contextmanager
def stage(name: str, model: str = "") -> Iterator[None]:
    """What is done within it is the stage ``name``; one that fails is not told of."""
    began = perf_counter()
    yield
    _observer.get().took(name, model, perf_counter() - began)
