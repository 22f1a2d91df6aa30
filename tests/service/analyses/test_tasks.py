"""Hints about rows: in this process, through a broker that fails, over Redis that forgets."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from functools import partial

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from taskiq import InMemoryBroker

from service.analyses.pipeline import Lane
from service.analyses.rows import Callback, TranscriptOrder
from service.analyses.states import Event, Step
from service.analyses.store import Outcome
from service.analyses.tasks import Kind, Tasks, brokers
from service.settings import SettingsError
from service.transcription import Order, Phase
from tests.servers import redis_server
from tests.service.analyses.conftest import LEASE_MS, opened_at
from tests.service.analyses.kit import create

pytestmark = pytest.mark.anyio

AGAIN_MS = 60_000


def in_memory(_):
    return {lane: InMemoryBroker() for lane in Lane}


class Crew:
    """Works on what is handed over by taking it and settling it.

    Attributes:
        done: how often a row was taken and settled; seen: how often somebody came to do that.
        follow: the lanes that the next are handed to when they were worked on, last first.
        trouble: what the next raise.
        most: how many were worked on at once.
    """

    def __init__(self, store, make_brokers=in_memory, room=None):
        self.store = store
        self.stopping = asyncio.Event()
        self.done = Counter()
        self.seen = Counter()
        self.follow = []
        self.trouble = []
        self.at_once = self.most = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.begun = asyncio.Event()
        self.finished = asyncio.Event()
        self.tasks = Tasks(
            make_brokers(self.stopping),
            dict.fromkeys(Kind, self.work),
            lambda row: Lane.io if row.step is Step.fetch else Lane.cpu,
            room or {Lane.cpu: 2, Lane.io: 8},
            store.database,
            store.ambient,
            AGAIN_MS,
            self.stopping,
        )

    async def work(self, key):
        self.seen[key] += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.begun.set()
        await self.go_on.wait()
        if self.trouble:
            self.at_once -= 1
            raise self.trouble.pop()
        row = await self.store.take(key)
        if row is not None:
            await self.store.settle(row, Outcome(Step.done, None), keep=False)
            self.done[key] += 1
            self.finished.set()
        self.at_once -= 1
        return self.follow.pop() if self.follow else None


async def until(count, *crews):
    """Wait until these have worked on so many rows."""
    async with asyncio.timeout(30):
        while sum(crew.done.total() for crew in crews) < count:
            crews[0].finished.clear()
            await crews[0].finished.wait()


@asynccontextmanager
async def running(*crews):
    """Workers that run."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for crew in crews:
            tasks.create_task(crew.tasks.run_worker())
        try:
            yield
        finally:
            for crew in crews:
                crew.stopping.set()


async def closed(*crews):
    for crew in crews:
        await crew.tasks.close()
        await crew.store.database.close()


class Deaf(InMemoryBroker):
    """A broker that cannot be reached."""

    async def kick(self, message):
        raise ConnectionError("the line is dead")


def deaf(_):
    return {lane: Deaf() for lane in Lane}


async def test_a_row_that_is_handed_over_is_worked_on(store):
    crew = Crew(store)
    row = await create(store)
    await crew.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
    await crew.tasks.drain(30)
    assert crew.done == {row.id: 1}


async def test_what_goes_on_in_another_lane_is_handed_over_there(store):
    crew = Crew(store)
    crew.follow = [Lane.cpu, Lane.io]
    row = await create(store)
    await crew.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
    await crew.tasks.drain(30)
    assert crew.seen == {row.id: 3}


async def test_the_sweeper_hands_over_what_is_due_once_in_a_while(store, clock):
    crew = Crew(store)
    row = await create(store)
    for at, seen in ((0, 0), (LEASE_MS - 1, 0), (LEASE_MS, 1)):
        clock.ms = row.created + at
        await crew.tasks.sweep()
        await crew.tasks.drain(30)
        assert crew.seen.total() == seen


async def test_it_hands_over_callbacks_and_orders_too(store):
    crew = Crew(store)
    row = await create(store)
    held = await store.take(row.id)
    placed = Order(Phase.submitted, "u", "remote 1")
    await store.settle(held, Outcome(Step.done, None, order=placed, events=[Event.completed]), keep=False)
    async with store.database.reading() as session:
        keys = {(await session.execute(select(kind.id))).scalar_one() for kind in (Callback, TranscriptOrder)}
    await crew.tasks.sweep()
    await crew.tasks.drain(30)
    assert crew.seen == Counter(keys)


async def test_no_more_rows_are_worked_on_than_there_is_room_for_and_none_is_queued_twice(store, clock):
    crew = Crew(store, room={Lane.cpu: 2, Lane.io: 1})
    crew.go_on.clear()
    made = [(await create(store, b"call %d" % number)).id for number in range(6)]
    for _ in range(3):
        clock.ms += AGAIN_MS
        await crew.tasks.sweep()
    crew.go_on.set()
    await crew.tasks.drain(30)
    assert crew.done == Counter(made)
    assert crew.most == 2
    assert max(crew.seen.values()) <= 2  # once more, if it was worked on when it was handed over again


async def test_what_the_broker_does_not_take_the_sweeper_hands_over_later(store, clock, caplog):
    silent, row = Crew(store, deaf), await create(store)
    await silent.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
    assert f"does not take analysis {row.id} now: the line is dead" in caplog.text
    clock.ms += LEASE_MS
    crew = Crew(store)
    await crew.tasks.sweep()
    await crew.tasks.drain(30)
    assert crew.done == {row.id: 1}


async def test_a_broker_that_is_down_does_not_stop_the_sweep(store, clock, caplog):
    silent = Crew(store, deaf)
    for number in range(3):
        await create(store, b"call %d" % number)
    clock.ms += LEASE_MS
    await silent.tasks.sweep()
    assert caplog.text.count("does not take analysis") == 3


async def test_a_queue_that_begins_empty_gets_all_that_is_due_at_once(store):
    """What the last process had queued is not known to this one."""
    crew, row = Crew(store), await create(store)
    await crew.tasks.sweep()
    assert crew.tasks._queued == set()
    await crew.tasks.hand_over_all()
    await crew.tasks.sweep()
    await crew.tasks.drain(30)
    assert crew.done == {row.id: 1}


async def test_it_is_drained_when_nothing_is_worked_on_or_waits_for_its_turn(store):
    crew = Crew(store, room={Lane.cpu: 1, Lane.io: 1})
    crew.go_on.clear()
    made = [(await create(store, b"call %d" % number)).id for number in range(3)]
    for key in made:
        await crew.tasks.hand_over(Kind.analysis, key, Lane.cpu)
    draining = asyncio.create_task(crew.tasks.drain(30))
    await crew.begun.wait()
    assert not draining.done()
    crew.go_on.set()
    await draining
    assert crew.done == Counter(made)


async def test_draining_gives_up_in_the_end(store):
    crew, row = Crew(store), await create(store)
    crew.go_on.clear()
    await crew.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
    await crew.tasks.drain(0.01)
    assert crew.done == {}
    crew.go_on.set()
    await crew.tasks.drain(30)


async def test_nothing_is_begun_when_it_is_about_to_end(store):
    crew, row = Crew(store), await create(store)
    crew.stopping.set()
    await crew.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
    await crew.tasks.drain(30)
    assert crew.seen == {}


async def test_a_fault_in_the_work_is_logged_and_the_next_is_worked_on(store, caplog):
    crew = Crew(store)
    row = await create(store)
    crew.trouble = [RuntimeError("a bug")]
    await crew.tasks.hand_over(Kind.callback, "msg_1", Lane.cpu)
    await crew.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
    await crew.tasks.drain(30)
    assert crew.done == {row.id: 1}
    assert "Exception found while executing function" in caplog.text


@pytest.mark.parametrize("url", ["http://:secret@host", "secret", "redis:secret"])
def test_an_address_that_is_none_is_a_fault_of_the_settings_and_is_not_repeated(settings, url):
    with pytest.raises(SettingsError, match="V2V_BROKER_URL") as refusal:
        brokers(settings.model_copy(update={"broker_url": SecretStr(url)}), asyncio.Event())
    assert "secret" not in str(refusal.value)


@pytest.fixture
def redis():
    with redis_server() as server:
        yield server


class TestRedis:
    @pytest.fixture
    def worker(self, database_url, settings, redis, store):
        """Makes a worker as another process would have it: with connections of its own."""
        opened = []

        def make():
            database = opened_at(database_url)
            other = type(store)(database, store.recordings, store.ambient, LEASE_MS)
            over_redis = settings.model_copy(update={"broker_url": SecretStr(redis.url)})
            crew = Crew(other, partial(brokers, over_redis))
            opened.append(crew)
            return crew

        return make

    async def test_workers_share_the_work_and_do_each_once(self, worker, store):
        service, workers = worker(), [worker(), worker()]
        workers[1].finished = workers[0].finished
        made = [await create(store, b"call %d" % number) for number in range(8)]
        for row in made:  # before the first worker comes
            await service.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
        async with running(*workers):
            await until(len(made), *workers)
        assert workers[0].done + workers[1].done == Counter(row.id for row in made)
        await closed(service, *workers)

    async def test_when_redis_forgets_everything_the_work_goes_on(self, worker, store, redis, clock):
        service, crew = worker(), worker()
        first, lost, last = [await create(store, b"call %d" % number) for number in range(3)]
        async with running(crew):
            await service.tasks.hand_over(Kind.analysis, first.id, Lane.cpu)
            await until(1, crew)
            redis.kill()
            await service.tasks.hand_over(Kind.analysis, lost.id, Lane.cpu)
            redis.start()
            await service.tasks.hand_over(Kind.analysis, last.id, Lane.cpu)
            await until(2, crew)
            clock.ms += LEASE_MS
            await service.tasks.sweep()
            await until(3, crew)
        assert crew.done == Counter([first.id, lost.id, last.id])
        await closed(service, crew)

    async def test_a_worker_that_is_asked_to_stop_ends_what_it_began(self, worker, store):
        service, crew = worker(), worker()
        row = await create(store)
        crew.go_on.clear()
        await service.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
        async with running(crew):
            await crew.begun.wait()
            crew.stopping.set()
            crew.go_on.set()
        assert crew.done == {row.id: 1}
        await closed(service, crew)
