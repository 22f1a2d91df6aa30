"""Work that is done again and again."""

import asyncio

import pytest

from service.analyses.repeat import Repeat

pytestmark = pytest.mark.anyio


class Work:
    """Counts its rounds, each of which waits for ``go_on``."""

    def __init__(self):
        self.rounds = self.ended = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.trouble = []

    async def round(self):
        self.rounds += 1
        self.begun.set()
        await self.go_on.wait()
        if self.trouble:
            raise self.trouble.pop()
        self.ended += 1

    async def next(self):
        await self.begun.wait()
        self.begun.clear()


@pytest.fixture
def work():
    work = Work()
    work.go_on.set()
    return work


async def test_it_begins_at_once_and_goes_on_after_the_pause(work):
    async with asyncio.timeout(30), Repeat(work.round, 0.001).running():
        for _ in range(3):
            await work.next()
    assert work.rounds == work.ended >= 3


async def test_it_comes_sooner_where_it_is_asked_for(work):
    repeat = Repeat(work.round, 10**6)
    async with asyncio.timeout(30), repeat.running():
        await work.next()
        repeat.soon()
        await work.next()
    assert work.rounds == 2


async def test_what_is_asked_for_during_a_round_is_another_one(work):
    work.go_on.clear()
    repeat = Repeat(work.round, 10**6)
    async with asyncio.timeout(30), repeat.running():
        await work.next()
        repeat.soon()
        repeat.soon()
        work.go_on.set()
        await work.next()
    assert work.rounds == work.ended == 2


async def test_a_round_that_fails_is_logged_and_the_next_one_comes(work, caplog):
    work.trouble = [OSError("no space left")]
    repeat = Repeat(work.round, 10**6)
    async with asyncio.timeout(30), repeat.running():
        await work.next()
        repeat.soon()
        await work.next()
    assert (work.rounds, work.ended) == (2, 1)
    assert "Work.round failed: OSError" in caplog.text


async def test_at_the_end_the_round_under_way_is_ended(work):
    work.go_on.clear()

    async def lasts():
        async with Repeat(work.round, 10**6).running():
            await work.next()

    lasting = asyncio.create_task(lasts())
    await work.begun.wait()
    await asyncio.sleep(0)
    work.go_on.set()
    async with asyncio.timeout(30):
        await lasting
    assert work.rounds == work.ended == 1


async def test_it_ends_with_what_it_runs_beside_also_in_an_error(work):
    with pytest.raises(ZeroDivisionError):
        async with Repeat(work.round, 10**6).running():
            raise ZeroDivisionError
    rounds = work.rounds
    await asyncio.sleep(0)
    assert work.rounds == rounds
