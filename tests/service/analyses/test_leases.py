"""Who works on which row, on both databases."""

import asyncio

import pytest
from anyio import create_memory_object_stream

from service.analyses import leases
from service.analyses.leases import LostLease
from service.analyses.rows import Analysis
from tests.service.analyses.conftest import LEASE_MS
from tests.service.analyses.kit import create

pytestmark = pytest.mark.anyio

FIRST, SECOND = "lease_1", "lease_2"


async def claim(database, key, token, now, lease_ms=LEASE_MS):
    async with database.writing() as session:
        return await leases.claim(session, Analysis, key, token=token, now=now, lease_ms=lease_ms)


async def due(database, now, again_after, limit=100):
    async with database.writing() as session:
        found = await leases.due(session, Analysis, now=now, again_after=again_after, limit=limit)
        return [row.id for row in found]


async def test_of_many_who_claim_a_row_one_has_it(database, store, clock):
    row = await create(store)
    claimed = await asyncio.gather(*(claim(database, row.id, f"lease_{n}", clock()) for n in range(12)))
    (holder,) = [taken for taken in claimed if taken is not None]
    stored = await store.get(row.id)
    assert (stored.lease, stored.attempts) == (holder.lease, 1)
    assert stored.run_after == stored.enqueue_after == clock() + LEASE_MS


async def test_a_row_is_claimed_when_its_time_has_come_and_not_before(database, store, clock):
    row = await create(store)
    assert await claim(database, row.id, FIRST, clock() - 1) is None
    assert await claim(database, row.id, FIRST, clock()) is not None


async def test_what_is_done_or_unknown_cannot_be_claimed(database, store, clock):
    row = await create(store)
    await claim(database, row.id, FIRST, clock())
    async with database.writing() as session:
        await leases.change(session, Analysis, row.id, token=FIRST, values={"run_after": None})
    assert await claim(database, row.id, SECOND, clock() + 10**9) is None
    assert await claim(database, "an_unknown", SECOND, clock()) is None


async def test_a_lease_that_is_over_is_taken_over_and_its_holder_can_do_nothing_more(database, store, clock):
    row = await create(store)
    await claim(database, row.id, FIRST, clock())
    assert await claim(database, row.id, SECOND, clock() + LEASE_MS - 1) is None
    taken = await claim(database, row.id, SECOND, clock() + LEASE_MS)
    assert taken is not None
    assert taken.attempts == 2
    for late in (
        lambda session: leases.renew(session, Analysis, row.id, token=FIRST, until=clock() + 10**6),
        lambda session: leases.change(session, Analysis, row.id, token=FIRST, values={"external_id": "late"}),
    ):
        with pytest.raises(LostLease):
            async with database.writing() as session:
                await late(session)
    stored = await store.get(row.id)
    assert (stored.lease, stored.external_id) == (SECOND, "call 1")
    assert stored.run_after == clock() + 2 * LEASE_MS


async def test_a_sign_of_life_prolongs_the_lease_even_when_it_is_late(database, store, clock):
    row = await create(store)
    await claim(database, row.id, FIRST, clock())
    late = clock() + LEASE_MS + 5
    async with database.writing() as session:
        await leases.renew(session, Analysis, row.id, token=FIRST, until=late + LEASE_MS)
    assert await claim(database, row.id, SECOND, late) is None
    assert await due(database, late, late + LEASE_MS) == []


async def test_a_due_row_is_handed_out_once_in_each_period(database, store, clock):
    row = await create(store)
    start = clock() + LEASE_MS  # whoever created it has handed it over itself
    assert await due(database, start - 1, start + 999) == []
    assert await due(database, start, start + 1_000) == [row.id]
    assert await due(database, start + 999, start + 2_000) == []
    assert await due(database, start + 1_000, start + 2_000) == [row.id]


async def test_a_row_is_handed_out_again_once_its_holder_gives_no_sign_of_life(database, store, clock):
    row = await create(store)
    await claim(database, row.id, FIRST, clock())
    assert await due(database, clock() + LEASE_MS - 1, clock() + 10**6) == []
    assert await due(database, clock() + LEASE_MS, clock() + 10**6) == [row.id]


async def test_sweepers_that_run_at_once_hand_out_each_row_once(database, store, clock):
    created = [(await create(store, b"call %d" % number)).id for number in range(30)]
    now = clock() + LEASE_MS
    found = await asyncio.gather(*(due(database, now, now + LEASE_MS, limit=7) for _ in range(6)))
    assert all(len(rows) <= 7 for rows in found)
    handed_out = [key for rows in found for key in rows]
    rest = await due(database, now, now + LEASE_MS)
    assert sorted(handed_out + rest) == sorted(created)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
async def test_a_sweeper_does_not_wait_for_rows_that_somebody_holds_locked(database, store, clock):
    locked, free = await create(store, b"call 1"), await create(store, b"call 2")
    now = clock() + LEASE_MS
    async with database.writing() as session:
        await leases.claim(session, Analysis, locked.id, token=FIRST, now=now, lease_ms=LEASE_MS)
        assert await due(database, now, now + LEASE_MS) == [free.id]
    assert await due(database, now, now + LEASE_MS) == []


async def test_a_claim_waits_for_one_that_is_being_made(database, store, clock):
    row = await create(store)
    send, receive = create_memory_object_stream[str | None](1)
    async with asyncio.TaskGroup() as tasks, send, receive:

        async def second() -> None:
            taken = await claim(database, row.id, SECOND, clock())
            await send.send(taken and taken.lease)

        async with database.writing() as session:
            await leases.claim(session, Analysis, row.id, token=FIRST, now=clock(), lease_ms=LEASE_MS)
            tasks.create_task(second())
            await asyncio.sleep(0)  # it begins, and waits now or finds the row taken later
        assert await receive.receive() is None
    assert (await store.get(row.id)).lease == FIRST
