"""Rows, recordings and providers for tests of analyses."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select

from service.analyses.audio_files import digest
from service.analyses.database import Database
from service.analyses.recordings import Recording
from service.analyses.rows import Analysis
from service.analyses.states import WordsStatus
from service.analyses.store import NewAnalysis, Store
from service.transcription import Order, Request, Transcript, Utterance, Waiting

CALL: Final = b"a recorded call"
CALLBACK_URL: Final = "https://crm.example.com/hooks"
TRANSCRIPT: Final = Transcript(
    text="This is not acceptable. It is in the post.",
    language="en_us",
    model="universal-3-pro",
    utterances=(
        Utterance(0, 2_000, 1, None, "This is not acceptable.", 0.9, ()),
        Utterance(2_000, 4_000, 2, None, "It is in the post.", 0.8, ()),
    ),
)
NEW: Final = NewAnalysis(
    options={"channel_roles": None, "language": None, "model": "speech_emotion", "metadata": {"queue": "billing"}},
    external_id="call 1",
    provider="scripted",
    words=WordsStatus.pending,
    words_reason=None,
    callback_url=CALLBACK_URL,
)
WORDLESS: Final[dict[str, Any]] = {"provider": None, "words": WordsStatus.none, "words_reason": "Not asked for."}


def recording(content: bytes = CALL) -> Recording:
    file = io.BytesIO(content)
    return Recording(digest(file), file)


async def create(store: Store, content: bytes = CALL, **changes: Any) -> Analysis:
    """An analysis that was just created."""
    row, _ = await store.create(replace(NEW, recording=recording(content), **changes), None, "")
    return row


async def rows(database: Database, kind: Any) -> Sequence[Any]:
    async with database.reading() as session:
        return (await session.execute(select(kind))).scalars().all()


class Scripted:
    """A provider that answers as it is told; what it is told last it goes on to answer.

    Attributes:
        answers: what ``advance`` returns or raises.
        forgetting: what ``forget`` raises; None is nothing.
        asked: the orders that it was called with.
        forgotten: the orders that it was to delete.
    """

    name = "scripted"
    remote = True

    def __init__(self, *answers: Waiting | Transcript | Exception) -> None:
        self.answers = list(answers) or [TRANSCRIPT]
        self.forgetting: list[Exception | None] = [None]
        self.asked: list[Order] = []
        self.forgotten: list[Order] = []

    async def advance(self, request: Request, order: Order) -> Waiting | Transcript:
        self.asked.append(order)
        answer = _next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def forget(self, order: Order) -> None:
        self.forgotten.append(order)
        if (trouble := _next(self.forgetting)) is not None:
            raise trouble

    async def close(self) -> None:
        pass


def _next(answers: list[Any]) -> Any:
    return answers.pop(0) if len(answers) > 1 else answers[0]
