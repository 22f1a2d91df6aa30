"""What leaves when its time is over, on both databases."""

import asyncio
import os
from dataclasses import replace

import pytest

from service.analyses.housekeeping import Housekeeping
from service.analyses.rows import Analysis, AudioFile, IdempotencyKey, Receipt, TranscriptOrder
from service.analyses.states import ErasureReason, Status, Step, WordsStatus
from service.analyses.store import Outcome
from service.problems import ErasedAnalysis
from service.transcription import Order, Phase, Unavailable
from tests.service.analyses.conftest import LEASE_MS
from tests.service.analyses.kit import NEW, Scripted, create, recording, rows

pytestmark = pytest.mark.anyio

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DIGEST = recording().digest
PLACED = Order(Phase.submitted, "https://cdn.example.com/1", "remote 1")


@pytest.fixture
def provider():
    return Scripted()


@pytest.fixture
def housekeeping(store, provider):
    return Housekeeping(store, {"scripted": provider}, result_days=30)


async def ended(store, clock, *, step=Step.done, wait_ms=None, audio_hours=0, order=None):
    """An analysis that has just ended."""
    row = await store.take((await create(store)).id)
    changes = {
        "status": Status.completed,
        "words": WordsStatus.completed if step is Step.done else WordsStatus.unavailable,
        "ended": clock(),
        "audio_until": clock() + round(audio_hours * HOUR_MS),
    }
    await store.settle(row, Outcome(step, wait_ms, changes=changes, order=order), keep=False)
    return row


class TestPurge:
    async def test_a_recording_that_is_kept_for_some_time_leaves_after_it(self, housekeeping, store, clock, files):
        row = await ended(store, clock, audio_hours=24)
        clock.ms += 24 * HOUR_MS - 1
        await housekeeping.purge()
        assert files.exists(DIGEST)
        clock.ms += 1
        await housekeeping.purge()
        assert not files.exists(DIGEST)
        assert (await store.get(row.id)).audio is None
        assert await rows(store.database, AudioFile) == []

    async def test_the_address_of_one_that_never_came_leaves_too(self, housekeeping, store, clock):
        row, _ = await store.create(replace(NEW, audio_url="https://crm.example.com/call.wav?key=secret"), None, "")
        held = await store.take(row.id)
        changes = {"status": Status.failed, "ended": clock(), "audio_until": clock() + HOUR_MS}
        await store.settle(held, Outcome(Step.fetch, None, changes=changes), keep=False)
        await housekeeping.purge()
        assert (await store.get(row.id)).audio_url is not None
        clock.ms += HOUR_MS
        await housekeeping.purge()
        assert (await store.get(row.id)).audio_url is None

    async def test_a_recording_that_is_worked_on_stays_however_long_that_takes(self, housekeeping, store, clock, files):
        await ended(store, clock, step=Step.transcription, wait_ms=DAY_MS)
        clock.ms += 2 * HOUR_MS
        await housekeeping.purge()
        assert files.exists(DIGEST)

    async def test_results_leave_after_their_days_and_a_receipt_says_so(self, housekeeping, store, clock):
        row = await ended(store, clock)
        clock.ms += 30 * DAY_MS - 1
        await housekeeping.purge()
        assert await store.get(row.id)
        clock.ms += 1
        await housekeeping.purge()
        with pytest.raises(ErasedAnalysis):
            await store.get(row.id)
        (receipt,) = await rows(store.database, Receipt)
        assert (receipt.reason, receipt.erased) == (ErasureReason.retention, clock())

    async def test_what_has_not_ended_stays(self, housekeeping, store, clock):
        await create(store)
        clock.ms += 365 * DAY_MS
        await housekeeping.purge()
        assert len(await rows(store.database, Analysis)) == 1

    async def test_results_leave_also_while_words_are_still_tried_for(self, housekeeping, store, clock, files):
        await ended(store, clock, step=Step.transcription, wait_ms=365 * DAY_MS, audio_hours=10**4)
        clock.ms += 30 * DAY_MS
        await housekeeping.purge()
        assert await rows(store.database, Analysis) == []
        assert not files.exists(DIGEST)

    async def test_a_key_is_remembered_for_24_hours(self, housekeeping, store, clock):
        await store.create(replace(NEW, recording=recording()), "key", "")
        clock.ms += DAY_MS
        await housekeeping.purge()
        assert len(await rows(store.database, IdempotencyKey)) == 1
        clock.ms += 1
        await housekeeping.purge()
        assert await rows(store.database, IdempotencyKey) == []
        assert len(await rows(store.database, Analysis)) == 1

    async def test_a_file_that_nobody_needs_leaves_after_an_hour(self, housekeeping, store, clock, files, tmp_path):
        files.put(DIGEST, recording().file)
        at = clock() / 1000 - 3_599
        os.utime(next(tmp_path.rglob(DIGEST)), (at, at))
        await housekeeping.purge()
        assert files.exists(DIGEST)
        clock.ms += 2_000
        await housekeeping.purge()
        assert not files.exists(DIGEST)

    async def test_two_processes_may_do_it_at_once(self, housekeeping, store, clock):
        for _ in range(5):
            await ended(store, clock)
        clock.ms += 30 * DAY_MS
        await asyncio.gather(*(housekeeping.purge() for _ in range(3)))
        assert len(await rows(store.database, Receipt)) == 5


class TestForget:
    @pytest.fixture
    async def order(self, store, clock, anyio_backend):
        """An order that the provider is to delete."""
        await ended(store, clock, order=PLACED)
        (order,) = await rows(store.database, TranscriptOrder)
        return order

    async def test_the_provider_deletes_what_it_holds(self, housekeeping, provider, order, store):
        await housekeeping.forget(order.id)
        assert provider.forgotten == [PLACED]
        assert await rows(store.database, TranscriptOrder) == []
        await housekeeping.forget(order.id)
        assert len(provider.forgotten) == 1

    async def test_the_receipt_says_when(self, housekeeping, order, store, clock):
        receipt = await store.erase(order.analysis_id, ErasureReason.request)
        assert (receipt.provider, receipt.provider_erased) == ("scripted", None)
        clock.ms += 5
        await housekeeping.forget(order.id)
        receipt = await store.erase(order.analysis_id, ErasureReason.request)
        assert receipt.provider_erased == clock()

    async def test_the_receipt_says_so_too_where_it_was_deleted_long_before(self, housekeeping, order, store, clock):
        await housekeeping.forget(order.id)
        clock.ms += DAY_MS
        receipt = await store.erase(order.analysis_id, ErasureReason.request)
        assert (receipt.provider, receipt.provider_erased) == ("scripted", clock() - DAY_MS)

    async def test_it_is_deleted_once_all_of_it_is(self, housekeeping, order, store, clock):
        """There may be an order of the first try and one of the second."""
        second = replace(PLACED, remote_id="remote 2")
        async with store.database.writing() as session:
            session.add(
                TranscriptOrder(
                    id="order_second",
                    analysis_id=order.analysis_id,
                    provider="scripted",
                    created=clock(),
                    phase=second.phase,
                    upload_url=second.upload_url,
                    remote_id=second.remote_id,
                )
            )
        await store.erase(order.analysis_id, ErasureReason.request)
        await housekeeping.forget(order.id)
        assert (await store.erase(order.analysis_id, ErasureReason.request)).provider_erased is None
        clock.ms += 5
        await housekeeping.forget("order_second")
        assert (await store.erase(order.analysis_id, ErasureReason.request)).provider_erased == clock()

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
    async def test_an_erasure_at_the_same_moment_is_told_too(self, housekeeping, order, store):
        """Whichever of both is first, the receipt ends up with the time."""
        await asyncio.gather(store.erase(order.analysis_id, ErasureReason.request), housekeeping.forget(order.id))
        receipt = await store.erase(order.analysis_id, ErasureReason.request)
        assert (receipt.provider, receipt.provider_erased is not None) == ("scripted", True)

    async def test_a_provider_that_is_down_is_asked_again_and_again(self, housekeeping, provider, order, store, clock):
        provider.forgetting = [Unavailable("Down.")]
        waits = []
        for _ in range(20):
            await housekeeping.forget(order.id)
            (kept,) = await rows(store.database, TranscriptOrder)
            assert (kept.lease, kept.enqueue_after) == (None, kept.run_after)
            waits.append((kept.run_after - clock()) // 1000)
            clock.ms = kept.run_after
        assert waits[:5] == [2, 4, 8, 16, 32]
        assert waits[-1] == 86_400
        provider.forgetting = [None]
        await housekeeping.forget(order.id)
        assert await rows(store.database, TranscriptOrder) == []

    async def test_it_is_given_the_time_that_it_asks_for(self, housekeeping, provider, order, store, clock):
        provider.forgetting = [Unavailable("Busy.", 600)]
        await housekeeping.forget(order.id)
        (kept,) = await rows(store.database, TranscriptOrder)
        assert kept.run_after == clock() + 600_000

    async def test_a_provider_that_is_not_configured_any_more_may_come_back(self, order, store, clock, provider):
        await Housekeeping(store, {}, result_days=30).forget(order.id)
        (kept,) = await rows(store.database, TranscriptOrder)
        clock.ms = kept.run_after
        await Housekeeping(store, {"scripted": provider}, result_days=30).forget(order.id)
        assert provider.forgotten == [PLACED]

    async def test_an_order_that_is_under_way_is_left_alone(self, housekeeping, provider, store, clock):
        row = await store.take((await create(store)).id)
        await store.settle(row, Outcome(Step.transcription, order=PLACED), keep=True)
        (order,) = await rows(store.database, TranscriptOrder)
        await housekeeping.forget(order.id)
        assert provider.forgotten == []

    async def test_one_that_may_be_placed_at_this_moment_is_looked_for_later(
        self, housekeeping, provider, store, clock
    ):
        row = await store.take((await create(store)).id)
        submitting = Order(Phase.submitting, "https://cdn.example.com/1")
        await store.settle(row, Outcome(Step.transcription, order=submitting), keep=True)
        await store.erase(row.id, ErasureReason.request)
        (order,) = await rows(store.database, TranscriptOrder)
        await housekeeping.forget(order.id)
        assert provider.forgotten == []
        clock.ms += LEASE_MS
        await housekeeping.forget(order.id)
        assert provider.forgotten == [submitting]
