"""Words for a recording: the port that every provider implements, and what passes through it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it was heard. It never ends before it starts; ``confidence`` is the provider's, in 0..1."""

    start_ms: int
    end_ms: int
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one speaker says at a stretch, its bounds and ``confidence`` as a :class:`Word` has them. ``channel`` counts
    from 1 where the channels were transcribed apart; ``speaker`` is the provider's label where it told the voices of a
    mixed channel apart."""

    start_ms: int
    end_ms: int
    channel: int | None
    speaker: str | None
    text: str
    confidence: float
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """``utterances`` are sorted by start; ``language`` is the provider's code, such as ``en_us`` or ``de``."""

    text: str
    language: str | None
    model: str
    utterances: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A recording to transcribe.

    Attributes:
        analysis_id: the analysis that it belongs to.
        open: opens the recording, as it was received, for reading; blocking.
        separate: each channel holds one speaker; otherwise the voices are mixed.
        language: an ISO 639-1 code with an optional region, as ``en`` or ``en_us``; None lets the provider find out.
    """

    analysis_id: str
    open: Callable[[], BinaryIO]
    separate: bool
    language: str | None


class Phase(StrEnum):
    """How far an order has come. ``submitting`` is stored before the order is placed: after a crash the provider may
    or may not know of it."""

    new = "new"
    uploaded = "uploaded"
    submitting = "submitting"
    submitted = "submitted"


@dataclass(frozen=True, slots=True)
class Order:
    """What has to be remembered between two calls of a provider, so that no transcript is ordered twice."""

    phase: Phase = Phase.new
    upload_url: str | None = None
    remote_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Remember ``order``, then call again after ``seconds``; at once where that is 0."""

    order: Order
    seconds: float


class Unavailable(Exception):  # noqa: N818 (it is no fault of ours)
    """The provider cannot be used now; trying again later may help. The message is fit for the caller to read, and for
    the log: it holds no words of the provider's, which may repeat what was said."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Refused(Exception):  # noqa: N818 (an answer, not an error of ours)
    """The provider will never transcribe this recording. The message is fit for the caller to read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Provider(Protocol):
    """Turns recordings into words."""

    @property
    def name(self) -> str:
        """``assemblyai`` or ``local``."""

    @property
    def remote(self) -> bool:
        """Whether it waits on another machine; otherwise it computes on this one."""

    async def advance(self, request: Request, order: Order) -> Waiting | Transcript:
        """Take the one next step of ``order``.

        At most one thing changes at the provider in a call, so that storing the answer after each call loses nothing.
        An order may go back to ``new`` where the provider has lost the upload.

        Raises:
            Unavailable: try again later with the same order.
            Refused: do not.
            OSError: what ``request.open`` raises, and the file that it opened.
        """

    async def forget(self, order: Order) -> None:
        """Delete what the provider keeps of ``order``; does nothing where that is nothing.

        Raises:
            Unavailable: try again later.
        """

    async def close(self) -> None:
        """Release connections and models."""
