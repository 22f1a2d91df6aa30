"""Waiting for an analysis to change, on both databases."""

import asyncio

import pytest

from service.analyses.states import ErasureReason, Step
from service.analyses.store import Outcome
from service.analyses.watch import Watch
from tests.service.analyses.kit import create

pytestmark = pytest.mark.anyio


@pytest.fixture
def watch(database):
    return Watch(database)


async def changed(watcher) -> bool:
    """Whether it is awake already."""
    waiting = asyncio.create_task(watcher.change(60))
    for _ in range(3):
        await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    return done


async def change(store, row):
    """Let another process change the analysis."""
    held = await store.take(row.id)
    await store.settle(held, Outcome(Step.acoustics, 0), keep=False)


async def test_what_this_process_announces_wakes_everybody_who_waits_for_it(watch):
    with watch.on("an_1") as first, watch.on("an_1") as second, watch.on("an_2") as other:
        watch.announce("an_1")
        assert [await changed(watcher) for watcher in (first, second, other)] == [True, True, False]
        assert not await changed(first)


async def test_what_is_announced_before_one_waits_is_not_missed(watch):
    with watch.on("an_1") as watcher:
        watch.announce("an_1")
        await asyncio.sleep(0)
        assert await changed(watcher)


async def test_waiting_ends_after_its_time(watch):
    with watch.on("an_1") as watcher:
        await watcher.change(0)
        await watcher.change(0.001)


async def test_when_the_process_is_to_end_all_are_woken(watch):
    with watch.on("an_1") as first, watch.on("an_2") as second:
        watch.wake_all()
        assert [await changed(watcher) for watcher in (first, second)] == [True, True]


async def test_what_another_process_changes_is_seen_by_looking(watch, store):
    row, still = await create(store), await create(store, b"another")
    with watch.on(row.id) as watcher, watch.on(still.id) as bystander:
        await watch.look()
        await changed(watcher)
        await changed(bystander)
        await watch.look()
        assert not await changed(watcher)
        await change(store, row)
        await watch.look()
        assert [await changed(each) for each in (watcher, bystander)] == [True, False]


async def test_a_change_before_the_first_look_is_seen(watch, store):
    row = await create(store)
    with watch.on(row.id) as watcher:
        await change(store, row)
        await watch.look()
        assert await changed(watcher)


@pytest.mark.parametrize("looked", [True, False])
async def test_an_erasure_is_a_change(watch, store, looked):
    row = await create(store)
    with watch.on(row.id) as watcher:
        if looked:
            await watch.look()
            await changed(watcher)
        await store.erase(row.id, ErasureReason.request)
        await watch.look()
        assert await changed(watcher)
        await watch.look()
        assert not await changed(watcher)


async def test_nobody_asks_the_database_where_nobody_waits(watch, database):
    await database.close()
    with watch.on("an_1"):
        pass
    watch.announce("an_1")
    watch._database = None
    await watch.look()
