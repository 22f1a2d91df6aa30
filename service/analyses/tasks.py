"""Taskiq carries hints: which row may be worked on. In this process by default, over Redis Streams to any worker.

The rows are the truth (:mod:`service.analyses.leases`). A broker that loses its queue loses nothing else: the sweeper
hands over again whatever is due.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import update
from taskiq import AsyncBroker, AsyncTaskiqDecoratedTask, InMemoryBroker
from taskiq.receiver import Receiver

from service.analyses import leases
from service.analyses.ambient import Ambient
from service.analyses.database import Database
from service.analyses.pipeline import Lane
from service.analyses.rows import Analysis, Callback, TranscriptOrder
from service.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

_RECONNECT_SECONDS: Final = 1.0


class Kind(StrEnum):
    """What a task works on."""

    analysis = "analysis"
    callback = "callback"
    order = "order"


_ROWS: Final[Mapping[Kind, type[Analysis] | type[Callback] | type[TranscriptOrder]]] = {
    Kind.analysis: Analysis,
    Kind.callback: Callback,
    Kind.order: TranscriptOrder,
}

Handler = Callable[[str], Awaitable[Lane | None]]


def brokers(settings: Settings, stopping: asyncio.Event) -> dict[Lane, AsyncBroker]:
    """A broker for each lane: in this process, or a Redis stream that is read until ``stopping`` is set.

    Raises:
        SettingsError: the address is no Redis address, or the extra is not installed.
    """
    url = settings.broker_url.get_secret_value()
    if not url:
        return {lane: InMemoryBroker() for lane in Lane}
    try:
        from service.analyses.streams import Stream
    except ImportError:
        raise SettingsError("V2V_BROKER_URL needs the extra redis: pip install 'voice-to-value[redis]'") from None
    if not url.startswith(("redis://", "rediss://")):
        raise SettingsError("V2V_BROKER_URL: give redis://host:6379/0, or rediss:// for TLS")
    return {lane: Stream(url, f"voice-to-value:{lane}", stopping) for lane in Lane}


class Tasks:
    """Hands rows over and works on what is handed over.

    Args:
        handlers: what works on each kind of row. One that returns a lane has the row handed over there again.
        lane: the lane of an analysis.
        room: how many rows of a lane are worked on here at a time. The others are not taken before it is their turn.
        again_ms: how long the sweeper waits before it hands over a row again.
        stopping: once it is set nothing more is begun here.
    """

    def __init__(
        self,
        brokers: Mapping[Lane, AsyncBroker],
        handlers: Mapping[Kind, Handler],
        lane: Callable[[Analysis], Lane],
        room: Mapping[Lane, int],
        database: Database,
        ambient: Ambient,
        again_ms: int,
        stopping: asyncio.Event,
    ) -> None:
        self._brokers = brokers
        self._handlers = handlers
        self._lane = lane
        self._database = database
        self._ambient = ambient
        self._again_ms = again_ms
        self._active = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = stopping
        self._room = room
        # In this process a row that waits for its turn is not queued twice; what a Redis stream holds nobody knows.
        self._queued: set[tuple[Kind, str]] | None = None
        if all(isinstance(broker, InMemoryBroker) for broker in brokers.values()):
            self._queued = set()
        self._tasks = {lane: self._register(lane) for lane in brokers}

    def _register(self, lane: Lane) -> AsyncTaskiqDecoratedTask[[str, str], Coroutine[Any, Any, None]]:
        turn = asyncio.Semaphore(self._room[lane])

        async def work(kind: str, key: str) -> None:
            with self._busy():
                async with turn:
                    await self._work(Kind(kind), key)

        return self._brokers[lane].register_task(work, task_name="work")

    async def hand_over(self, kind: Kind, key: str, lane: Lane) -> None:
        """Tell a worker of the row. Where the broker fails the sweeper makes up for it."""
        if self._queued is not None:
            if (kind, key) in self._queued:
                return
            self._queued.add((kind, key))
            self._idle.clear()
        try:
            await self._tasks[lane].kiq(kind.value, key)
        except Exception as error:
            logger.warning("the queue does not take %s %s now: %s", kind, key, error.__cause__ or error)

    async def sweep(self) -> None:
        """Hand over whatever is due: what waited for its time, and what died with its process or its queue."""
        now = self._ambient.now()
        for kind, rows in _ROWS.items():
            async with self._database.writing() as session:
                found = await leases.due(session, rows, now=now, again_after=now + self._again_ms)
            for row in found:
                lane = self._lane(row) if isinstance(row, Analysis) else Lane.io
                await self.hand_over(kind, row.id, lane)

    async def hand_over_all(self) -> None:
        """Let the next sweep hand over all rows anew: for a queue that begins empty."""
        for rows in _ROWS.values():
            async with self._database.writing() as session:
                await session.execute(update(rows).values(enqueue_after=0))

    async def run_worker(self) -> None:
        """Work on what the queues bring until it is to stop; what was begun is ended first."""
        await asyncio.gather(*(self._listen(lane) for lane in self._brokers))

    async def drain(self, seconds: float) -> None:
        """Wait until nothing is worked on here or about to be, at most ``seconds``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def close(self) -> None:
        for broker in self._brokers.values():
            await broker.shutdown()

    async def _work(self, kind: Kind, key: str) -> None:
        if self._queued is not None:
            self._queued.discard((kind, key))
        lane = None if self._stopping.is_set() else await self._handlers[kind](key)
        if lane is not None:
            await self.hand_over(kind, key, lane)

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._active += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._active -= 1
            if not self._active and not self._queued:
                self._idle.set()

    async def _listen(self, lane: Lane) -> None:
        broker = self._brokers[lane]
        with ThreadPoolExecutor(max_workers=1) as executor:
            while not self._stopping.is_set():
                try:
                    await broker.startup()  # makes the consumer group anew where Redis has lost it
                    receiver = Receiver(broker, executor, max_async_tasks=self._room[lane], run_startup=False)
                    await receiver.listen(self._stopping)
                except Exception as error:
                    logger.warning("the queue cannot be reached: %s", _first(error))
                    await asyncio.sleep(_RECONNECT_SECONDS)


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
