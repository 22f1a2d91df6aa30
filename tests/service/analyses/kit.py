"""Rows, recordings and providers for tests of analyses."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, BinaryIO, Final

import httpx2
from anyio import CapacityLimiter, to_thread
from sqlalchemy import select

from service.analyses.acoustic import ChannelStatus, Layout, Role, Source
from service.analyses.audio_files import digest
from service.analyses.database import Database
from service.analyses.pipeline import Pipeline
from service.analyses.recordings import Recording
from service.analyses.rows import Analysis
from service.analyses.states import WordsStatus
from service.analyses.steps import Steps
from service.analyses.store import NewAnalysis, Store
from service.analyses.watch import Watch
from service.inference.registry import Registry
from service.schemas import Acoustics, AudioFacts, Channel, Segment
from service.security import outgoing
from service.security.keys import ANYONE
from service.settings import Settings
from service.transcription import Order, Phase, Provider, Request, Transcript, Utterance, Waiting
from tests.service.security.endpoints import PUBLIC, Chunks, Names, Recorder
from tests.world import Clock

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
    options={"channel_roles": None, "language": None, "model": "speech_encoder", "metadata": {"queue": "billing"}},
    external_id="call 1",
    provider="scripted",
    words=WordsStatus.pending,
    words_reason=None,
    callback_url=CALLBACK_URL,
    caller=ANYONE,
)
LINK: Final[dict[str, Any]] = {"recording": None, "audio_url": "https://crm.example.com/call.wav?key=secret"}
WORDLESS: Final[dict[str, Any]] = {"provider": None, "words": WordsStatus.none, "words_reason": "Not asked for."}


def segment(start_ms: int, end_ms: int, channel: int, **scores: float) -> Segment:
    label = max(scores, key=scores.__getitem__)
    return Segment(
        start_ms=start_ms,
        end_ms=end_ms,
        channel=channel,
        role=Role.unknown,
        source=Source.speech,
        label=label,
        confidence=scores[label],
        scores=scores,
    )


def acoustics(
    timeline: Sequence[Segment] = (),
    roles: Sequence[Role] = (Role.customer, Role.agent),
    layout: Layout = Layout.separate,
) -> Acoustics:
    """Channels with these roles, on which that was heard."""
    return Acoustics(
        audio=AudioFacts(
            container="wav", codec="pcm_s16le", sample_rate=8_000, channels=2, duration_ms=4_000, layout=layout
        ),
        channels=[
            Channel(
                channel=number, role=role, status=ChannelStatus.analyzed, reason=None, speech_ms=2_000, overall=None
            )
            for number, role in enumerate(roles, start=1)
        ],
        timeline=list(timeline),
        models=[],
        notes=[],
    )


def recording(content: bytes = CALL) -> Recording:
    file = io.BytesIO(content)
    return Recording(digest(file), file)


async def create(store: Store, content: bytes = CALL, **changes: Any) -> Analysis:
    """An analysis that was just created."""
    row, _ = await store.create(replace(NEW, **{"recording": recording(content), **changes}), None, "")
    return row


async def rows(database: Database, kind: Any) -> Sequence[Any]:
    async with database.reading() as session:
        return (await session.execute(select(kind))).scalars().all()


class Hearing:
    """Stands in for the acoustic models; ``troubles`` are raised instead, one at a time."""

    def __init__(self) -> None:
        self.calls = 0
        self.troubles: list[Exception] = []

    def __call__(self, file: BinaryIO, *_: Any) -> Acoustics:
        self.calls += 1
        assert file.read() == CALL
        if self.troubles:
            raise self.troubles.pop(0)
        return acoustics([segment(0, 2_000, 1, anger=0.75, neutral=0.25), segment(2_000, 4_000, 2, anger=0, neutral=1)])


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


class Remote(Scripted):
    """A provider that is like AssemblyAI: what is uploaded is ordered once, if what was ordered is looked for.

    Attributes:
        uploads: how many recordings were uploaded.
        placed: the upload that each order was placed for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.uploads = 0
        self.placed: list[str] = []

    async def advance(self, request: Request, order: Order) -> Waiting | Transcript:
        self.asked.append(order)
        match order:
            case Order(Phase.new):
                with await to_thread.run_sync(request.open) as file:
                    assert file.read() == CALL
                self.uploads += 1
                return Waiting(Order(Phase.uploaded, f"https://cdn.example.com/{self.uploads}"), 0)
            case Order(Phase.uploaded, str(upload)):
                return Waiting(Order(Phase.submitting, upload), 0)
            case Order(Phase.submitting, str(upload)):
                if upload not in self.placed:
                    self.placed.append(upload)
                return Waiting(Order(Phase.submitted, upload, f"remote {1 + self.placed.index(upload)}"), 3)
            case Order(Phase.submitted, _, str()) if self.asked.count(order) == 1:
                return Waiting(order, 3)
        return TRANSCRIPT


class Works:
    """What works on analyses, with one provider.

    Attributes:
        told: how often there was something to tell the caller.
    """

    def __init__(self, store: Store, settings: Settings, registry: Registry, provider: Provider) -> None:
        self.store = store
        self.told = 0
        self.names = Names([PUBLIC])
        self.callers = Recorder(lambda _: httpx2.Response(200, stream=Chunks(CALL)))
        client = outgoing.client(outgoing.Policy(), self.callers, self.names)
        providers = {"scripted": provider} if provider.name == "scripted" else {}
        self.watch = Watch(store.database)
        self.steps = Steps(store, registry, settings, CapacityLimiter(1), providers, client)
        self.pipeline = Pipeline(store, self.steps, providers, self.watch)
        self.pipeline.on_event = self._tell

    async def run(self, analysis_id: str) -> Analysis:
        """The analysis, taken as far as it goes at this time."""
        while await self.pipeline.run(analysis_id) is not None:
            pass
        return await self.store.get(analysis_id)

    async def run_to_the_end(self, analysis_id: str, clock: Clock) -> Analysis:
        """The analysis when nothing is left to do, however long that takes."""
        row = await self.run(analysis_id)
        while row.run_after is not None:
            clock.ms = max(clock.ms, row.run_after)
            row = await self.run(analysis_id)
        return row

    def _tell(self) -> None:
        self.told += 1
