"""Taskiq carries hints: which row may be worked on. In this process by default, over Redis Streams to any worker.

The rows are the truth (:mod:`service.analyses.leases`). A broker that loses its queue loses nothing else: the sweeper
hands over again whatever is due.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from typing import Final

from sqlalchemy import update
from taskiq import AsyncBroker, InMemoryBroker
from taskiq.receiver import Receiver

from service.analyses import leases
from service.analyses.ambient import Ambient
from service.analyses.database import Database
from service.analyses.pipeline import Lane
from service.analyses.rows import Analysis, Callback, TranscriptOrder
from service.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

_IO_TASKS: Final = 32
_STREAM_LENGTH: Final = 100_000
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


def brokers(settings: Settings) -> dict[Lane, AsyncBroker]:
    """One broker for both lanes in this process, or a Redis stream for each.

    Raises:
        SettingsError: the address is no Redis address, or the extra is not installed.
    """
    url = settings.broker_url.get_secret_value()
    if not url:
        return dict.fromkeys(Lane, InMemoryBroker())
    try:
        from taskiq_redis import RedisStreamBroker
    except ImportError:
        raise SettingsError("V2V_BROKER_URL needs the extra redis: pip install 'voice-to-value[redis]'") from None
    if not url.startswith(("redis://", "rediss://")):
        raise SettingsError("V2V_BROKER_URL: give redis://host:6379/0, or rediss:// for TLS")
    return {
        lane: RedisStreamBroker(
            url,
            queue_name=f"voice-to-value:{lane}",
            consumer_group_name="workers",
            consumer_id="0",  # what was queued before the first worker came counts too
            xread_count=1,  # a worker that took more than it can do would keep it from the others
            maxlen=_STREAM_LENGTH,
            unacknowledged_lock_timeout=30,
            socket_connect_timeout=5,
            socket_timeout=10,
        )
        for lane in Lane
    }


class Tasks:
    """Hands rows over and works on what is handed over.

    Args:
        handlers: what works on each kind of row. One that returns a lane has the row handed over there again.
        lane: the lane of an analysis.
        again_ms: how long the sweeper waits before it hands over a row again.
    """

    def __init__(
        self,
        brokers: Mapping[Lane, AsyncBroker],
        handlers: Mapping[Kind, Handler],
        lane: Callable[[Analysis], Lane],
        database: Database,
        ambient: Ambient,
        again_ms: int,
    ) -> None:
        self._brokers = brokers
        self._handlers = handlers
        self._lane = lane
        self._database = database
        self._ambient = ambient
        self._again_ms = again_ms
        self._active: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

        async def work(kind: str, key: str) -> None:
            await self._work(Kind(kind), key)

        registered = {broker: broker.register_task(work, task_name="work") for broker in set(brokers.values())}
        self._tasks = {lane: registered[broker] for lane, broker in brokers.items()}

    async def hand_over(self, kind: Kind, key: str, lane: Lane) -> None:
        """Tell a worker of the row. Where the broker fails the sweeper makes up for it."""
        try:
            await self._tasks[lane].kiq(kind.value, key)
        except Exception as error:
            logger.warning("the queue does not take %s %s now: %s", kind, key, error)

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

    async def run_worker(self, stopping: asyncio.Event, cpu_tasks: int) -> None:
        """Work on what the queues bring until ``stopping`` is set; what was begun is ended first."""
        listeners = [
            asyncio.create_task(self._listen(broker, stopping, cpu_tasks if lane is Lane.cpu else _IO_TASKS))
            for lane, broker in self._brokers.items()
        ]
        await asyncio.gather(*listeners)

    async def drain(self, seconds: float) -> None:
        """Wait until nothing is worked on here, at most ``seconds``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def close(self) -> None:
        for broker in set(self._brokers.values()):
            await broker.shutdown()

    async def _work(self, kind: Kind, key: str) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a coroutine that runs has a task)
        self._active.add(task)
        self._idle.clear()
        try:
            lane = await self._handlers[kind](key)
        finally:
            self._active.discard(task)
            if not self._active:
                self._idle.set()
        if lane is not None:
            await self.hand_over(kind, key, lane)

    async def _listen(self, broker: AsyncBroker, stopping: asyncio.Event, most: int) -> None:
        with ThreadPoolExecutor(max_workers=1) as executor:
            while not stopping.is_set():
                try:
                    await broker.startup()  # makes the consumer group anew where Redis has lost it
                    receiver = Receiver(broker, executor, max_async_tasks=most, run_startup=False)
                    await receiver.listen(stopping)
                except Exception as error:
                    logger.warning("the queue cannot be reached: %s", error)
                    await asyncio.sleep(_RECONNECT_SECONDS)
