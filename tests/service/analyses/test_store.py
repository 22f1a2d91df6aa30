"""Analyses as rows: what belongs together is stored together or not at all, on both databases."""

import asyncio
import json
from dataclasses import replace

import pytest
from sqlalchemy import event, update

from service.analyses.leases import LostLease
from service.analyses.rows import Analysis, Callback, IdempotencyKey, Receipt, Result, TranscriptOrder
from service.analyses.states import ErasureReason, Event, Status, Step, WordsStatus
from service.analyses.store import Filters, Outcome
from service.problems import ErasedAnalysis, NotRetryable, UnknownAnalysis
from service.transcription import Order, Phase
from tests.service.analyses.conftest import LEASE_MS
from tests.service.analyses.kit import CALLBACK_URL, NEW, WORDLESS, create, recording, rows

pytestmark = pytest.mark.anyio

HEARD = Outcome(
    Step.transcription,
    result='{"heard": true}',
    changes={"status": Status.processing},
    events=[Event.acoustics_ready],
)
PLACED = Order(Phase.submitted, "https://cdn.example.com/1", "remote 1")
COMPLETED = {"status": Status.completed, "audio_until": 0}
WITHOUT_WORDS = COMPLETED | {"words": WordsStatus.unavailable, "words_reason": "Down."}


async def taken(store, **changes):
    row = await create(store, **changes)
    return await store.take(row.id)


async def at_transcription(store):
    """An analysis that is held, with its transcript next."""
    row = await taken(store)
    await store.settle(row, HEARD, keep=True)
    return row


async def put_down(store, row, **changes):
    """Let the analysis wait for a minute."""
    await store.settle(row, Outcome(Step.transcription, 60_000, **changes), keep=False)
    return await store.get(row.id)


class TestCreate:
    async def test_an_analysis_is_stored_with_its_recording_and_due_at_once(self, store, clock, files):
        row = await store.get((await create(store)).id)
        assert (row.status, row.step, row.words, row.revision) == (
            Status.queued,
            Step.acoustics,
            WordsStatus.pending,
            1,
        )
        assert (row.created, row.updated, row.run_after) == (clock(), clock(), clock())
        assert row.enqueue_after == clock() + LEASE_MS  # whoever created it hands it over
        assert row.options == NEW.options
        assert files.exists(row.audio)

    async def test_one_with_an_address_is_fetched_first(self, store):
        row, _ = await store.create(replace(NEW, audio_url="https://crm.example.com/call.wav?key=secret"), None, "")
        assert (row.step, row.audio) == (Step.fetch, None)

    async def test_of_many_requests_with_one_key_one_creates_the_analysis(self, store):
        new = [replace(NEW, recording=recording()) for _ in range(8)]
        made = await asyncio.gather(*(store.create(each, "key", "same") for each in new))
        assert sum(used is None for _, used in made) == 1
        assert len({row.id for row, _ in made}) == 1
        assert len(await rows(store.database, Analysis)) == 1

    async def test_of_requests_with_one_key_and_other_contents_only_the_first_is_kept(self, store, files):
        new = [replace(NEW, recording=recording(b"call %d" % number)) for number in range(8)]
        made = await asyncio.gather(
            *(store.create(each, "key", each.recording.digest) for each in new)  # the digest is the fingerprint
        )
        (row,) = [row for row, used in made if used is None]
        (key,) = await rows(store.database, IdempotencyKey)
        assert key.fingerprint == row.audio
        assert {used.fingerprint for _, used in made if used} == {row.audio}
        assert [files.exists(each.recording.digest) for each in new].count(True) == 1

    async def test_a_key_that_was_used_is_not_used_again(self, store, clock):
        row, used = await store.create(replace(NEW, recording=recording()), "key", "first")
        assert used is None
        clock.ms += 5
        again, used = await store.create(replace(NEW, recording=recording(b"another")), "key", "second")
        assert again.id == row.id
        assert (used.fingerprint, used.created, used.answered) == ("first", clock() - 5, None)

    async def test_when_the_first_answer_went_out_is_kept(self, store, clock):
        await store.create(replace(NEW, recording=recording()), "key", "")
        await store.answered("", "key")
        clock.ms += 5
        await store.answered("", "key")
        assert [key.answered for key in await rows(store.database, IdempotencyKey)] == [clock() - 5]

    async def test_a_key_goes_with_its_analysis(self, store):
        row, _ = await store.create(replace(NEW, recording=recording()), "key", "")
        await store.erase(row.id, ErasureReason.request)
        again, used = await store.create(replace(NEW, recording=recording()), "key", "")
        assert again.id != row.id
        assert used is None


class TestSettle:
    async def test_a_step_is_stored_with_what_comes_after_it(self, store, clock):
        row = await taken(store)
        clock.ms += 5
        await store.settle(row, HEARD, keep=False)
        stored = await store.get(row.id)
        assert (stored.step, stored.status, stored.revision, stored.updated) == (
            Step.transcription,
            Status.processing,
            2,
            clock(),
        )
        assert (stored.lease, stored.run_after, stored.attempts) == (None, clock(), 0)
        assert stored.enqueue_after == clock() + LEASE_MS
        assert await store.results(row.id) == {Step.acoustics: '{"heard": true}'}
        (callback,) = await rows(store.database, Callback)
        assert (callback.event, callback.url, callback.run_after) == (Event.acoustics_ready, CALLBACK_URL, clock())
        assert json.loads(callback.body)["data"]["id"] == row.id

    async def test_whoever_goes_on_keeps_the_lease_and_sees_what_was_stored(self, store, clock):
        row = await taken(store)
        clock.ms += 5
        await store.settle(row, HEARD, keep=True)
        stored = await store.get(row.id)
        assert stored.lease == row.lease
        assert stored.run_after == stored.enqueue_after == clock() + LEASE_MS
        assert (row.step, row.status, row.revision, row.attempts) == (Step.transcription, Status.processing, 2, 0)
        assert await store.take(row.id) is None

    async def test_what_the_caller_cannot_see_is_no_new_revision(self, store, clock):
        row = await taken(store)
        clock.ms += 5
        await store.settle(row, Outcome(Step.acoustics, 2_000, progress=False, visible=False), keep=False)
        stored = await store.get(row.id)
        assert (stored.revision, stored.updated, stored.attempts) == (1, clock() - 5, 1)
        assert stored.run_after == stored.enqueue_after == clock() + 2_000

    async def test_what_was_done_under_a_lost_lease_is_not_stored(self, store, clock, files):
        row = await taken(store)
        clock.ms += LEASE_MS
        other = await store.take(row.id)
        fetched = recording(b"fetched")
        with pytest.raises(LostLease):
            await store.settle(row, replace(HEARD, order=PLACED, recording=fetched), keep=False)
        stored = await store.get(row.id)
        assert (stored.lease, stored.step, stored.revision) == (other.lease, Step.acoustics, 1)
        for kind in (Result, Callback, TranscriptOrder):
            assert await rows(store.database, kind) == []
        assert not files.exists(fetched.digest)
        with pytest.raises(LostLease):
            await store.alive(row)
        await store.settle(other, HEARD, keep=False)
        assert len(await store.results(row.id)) == len(await rows(store.database, Callback)) == 1

    async def test_it_is_stored_whole_or_not_at_all(self, store, files):
        row = await taken(store)

        def fails(_: object) -> None:
            raise ConnectionError("the database has gone")

        engine = store.database.engine.sync_engine
        event.listen(engine, "commit", fails)
        with pytest.raises(ConnectionError):
            await store.settle(row, replace(HEARD, order=PLACED), keep=False)
        event.remove(engine, "commit", fails)
        assert (await store.get(row.id)).lease == row.lease
        for kind in (Result, Callback, TranscriptOrder):
            assert await rows(store.database, kind) == []

    async def test_what_it_fetched_is_stored_with_it(self, store, files):
        row, _ = await store.create(replace(NEW, audio_url="https://crm.example.com/call.wav"), None, "")
        row = await store.take(row.id)
        await store.settle(row, Outcome(Step.acoustics, recording=recording(), changes={"audio_url": None}), keep=True)
        stored = await store.get(row.id)
        assert stored.audio == row.audio == recording().digest
        assert stored.audio_url is None
        assert files.exists(stored.audio)

    async def test_each_event_of_a_kind_is_numbered(self, store):
        row = await taken(store)
        await store.settle(row, HEARD, keep=True)
        await store.settle(row, Outcome(Step.transcription, events=[Event.completed]), keep=True)
        await store.settle(row, Outcome(Step.combine, events=[Event.completed]), keep=True)
        told = [(callback.event, callback.ordinal) for callback in await rows(store.database, Callback)]
        assert sorted(told) == [(Event.acoustics_ready, 1), (Event.completed, 1), (Event.completed, 2)]

    async def test_nobody_is_told_where_nobody_asked(self, store):
        row = await taken(store, callback_url=None)
        await store.settle(row, HEARD, keep=False)
        assert await rows(store.database, Callback) == []

    async def test_the_callback_says_how_it_stands_after_the_step(self, store):
        row = await taken(store)
        await store.settle(row, Outcome(Step.done, None, changes=WITHOUT_WORDS, events=[Event.completed]), keep=False)
        (callback,) = await rows(store.database, Callback)
        data = json.loads(callback.body)["data"]
        assert data["status"] == "completed"
        assert data["metadata"] == {"queue": "billing"}
        assert data["external_id"] == "call 1"


class TestNudge:
    async def test_it_is_looked_at_now_where_it_waits(self, store, clock):
        row = await put_down(store, await at_transcription(store))
        await store.nudge(row.id)
        stored = await store.get(row.id)
        assert stored.run_after == stored.enqueue_after == clock()

    async def test_whoever_holds_it_looks_again_when_it_would_wait(self, store, clock):
        row = await at_transcription(store)
        await store.nudge(row.id)
        assert (await store.get(row.id)).run_after == clock() + LEASE_MS
        stored = await put_down(store, row)
        assert stored.run_after == stored.enqueue_after == clock()
        assert not stored.nudged
        again = await store.take(row.id)
        assert (await put_down(store, again)).run_after == clock() + 60_000

    async def test_it_is_remembered_while_whoever_holds_it_goes_on(self, store, clock):
        """The webhook may come before the order's id is stored."""
        row = await at_transcription(store)
        await store.nudge(row.id)
        await store.settle(row, Outcome(Step.transcription, order=PLACED), keep=True)
        assert (await put_down(store, row)).run_after == clock()

    @pytest.mark.parametrize("step", [Step.acoustics, Step.text, Step.done])
    async def test_it_means_nothing_at_another_step(self, store, clock, step):
        row = await taken(store)
        await store.settle(row, Outcome(step, 60_000), keep=False)
        await store.nudge(row.id)
        stored = await store.get(row.id)
        assert (stored.nudged, stored.run_after) == (False, clock() + 60_000)

    async def test_it_revives_nothing_that_has_ended(self, store):
        row = await at_transcription(store)
        await store.settle(row, Outcome(Step.transcription, None, changes={"status": Status.failed}), keep=False)
        await store.nudge(row.id)
        stored = await store.get(row.id)
        assert (stored.nudged, stored.run_after) == (False, None)
        await store.nudge("an_unknown")


class TestOrders:
    async def test_an_order_is_remembered_with_the_step_and_replaced_as_it_goes_on(self, store, clock):
        row = await at_transcription(store)
        assert await store.order(row.id) is None
        created = clock()
        for order in (Order(Phase.uploaded, "https://cdn.example.com/1"), PLACED):
            await store.settle(row, Outcome(Step.transcription, order=order), keep=True)
            clock.ms += 5
        stored = await store.order(row.id)
        assert (stored.phase, stored.upload_url, stored.remote_id) == (PLACED.phase, PLACED.upload_url, "remote 1")
        assert (stored.provider, stored.created, stored.run_after) == ("scripted", created, None)
        assert len(await rows(store.database, TranscriptOrder)) == 1

    @pytest.mark.parametrize("step", [Step.text, Step.done])
    async def test_once_the_words_are_here_or_given_up_it_is_to_be_deleted(self, store, clock, step):
        row = await at_transcription(store)
        await store.settle(row, Outcome(step, None, order=PLACED), keep=False)
        (order,) = await rows(store.database, TranscriptOrder)
        assert order.run_after == clock()
        assert await store.order(row.id) is None

    async def test_one_that_nothing_came_of_needs_no_deletion(self, store):
        row = await at_transcription(store)
        await store.settle(row, Outcome(Step.text, order=Order()), keep=False)
        assert await rows(store.database, TranscriptOrder) == []

    async def test_a_new_one_is_placed_beside_one_that_is_to_be_deleted(self, store):
        row = await at_transcription(store)
        await store.settle(
            row, Outcome(Step.done, None, order=PLACED, changes=WITHOUT_WORDS | {"audio_until": 10**15}), keep=False
        )
        await store.retry(row.id)
        again = await store.take(row.id)
        assert again.step is Step.transcription
        await store.settle(again, Outcome(Step.transcription, order=replace(PLACED, remote_id="remote 2")), keep=True)
        assert (await store.order(row.id)).remote_id == "remote 2"
        assert len(await rows(store.database, TranscriptOrder)) == 2


class TestErase:
    async def test_nothing_stays_but_a_receipt(self, store, clock, files):
        row, _ = await store.create(replace(NEW, recording=recording()), "key", "")
        held = await store.take(row.id)
        await store.settle(held, HEARD, keep=False)
        receipt = await store.erase(row.id, ErasureReason.request)
        assert (receipt.analysis_id, receipt.erased, receipt.reason) == (row.id, clock(), ErasureReason.request)
        assert (receipt.provider, receipt.provider_erased) == (None, None)
        for kind in (Analysis, Result, Callback, IdempotencyKey, TranscriptOrder):
            assert await rows(store.database, kind) == []
        assert not files.exists(recording().digest)
        with pytest.raises(ErasedAnalysis):
            await store.get(row.id)

    async def test_erasing_again_answers_with_the_first_receipt(self, store, clock):
        row = await create(store)
        await store.erase(row.id, ErasureReason.request)
        clock.ms += 5
        again = await store.erase(row.id, ErasureReason.retention)
        assert (again.erased, again.reason) == (clock() - 5, ErasureReason.request)

    async def test_of_many_who_erase_all_have_the_same_receipt(self, store):
        row = await create(store)
        receipts = await asyncio.gather(*(store.erase(row.id, ErasureReason.request) for _ in range(8)))
        assert {receipt.erased for receipt in receipts} == {receipts[0].erased}
        assert len(await rows(store.database, Receipt)) == 1

    async def test_what_never_was_cannot_be_erased(self, store):
        with pytest.raises(UnknownAnalysis):
            await store.erase("an_unknown", ErasureReason.request)
        with pytest.raises(UnknownAnalysis):
            await store.get("an_unknown")

    async def test_the_providers_copy_outlives_it_until_it_is_deleted(self, store, clock):
        row = await at_transcription(store)
        await put_down(store, row, order=PLACED)
        receipt = await store.erase(row.id, ErasureReason.request)
        assert receipt.provider == "scripted"
        (order,) = await rows(store.database, TranscriptOrder)
        assert (order.run_after, order.remote_id) == (clock(), "remote 1")

    async def test_an_order_that_may_be_placed_at_this_moment_is_looked_for_later(self, store, clock):
        row = await at_transcription(store)
        await store.settle(
            row, Outcome(Step.transcription, order=Order(Phase.submitting, "https://cdn.example.com/1")), keep=True
        )
        await store.erase(row.id, ErasureReason.request)
        (order,) = await rows(store.database, TranscriptOrder)
        assert order.run_after == clock() + LEASE_MS

    async def test_whoever_holds_it_can_store_nothing_more(self, store):
        row = await at_transcription(store)
        await store.erase(row.id, ErasureReason.request)
        with pytest.raises(LostLease):
            await store.settle(row, Outcome(Step.text, result="{}"), keep=False)
        with pytest.raises(LostLease):
            await store.alive(row)
        assert await rows(store.database, Result) == []


class TestRetry:
    async def test_a_failed_analysis_begins_again_where_it_failed(self, store, clock):
        row = await taken(store)
        await store.settle(
            row,
            Outcome(
                Step.acoustics,
                None,
                changes={
                    "status": Status.failed,
                    "ended": clock(),
                    "problem": {"type": "x"},
                    "audio_until": clock() + 10**6,
                },
            ),
            keep=False,
        )
        again = await store.retry(row.id)
        assert (again.status, again.step, again.ended, again.problem) == (
            Status.processing,
            Step.acoustics,
            None,
            None,
        )
        assert (again.words, again.run_after, again.attempts) == (WordsStatus.pending, clock(), 0)
        assert await store.take(row.id) is not None

    @pytest.mark.parametrize("words", [WordsStatus.unavailable, WordsStatus.failed])
    async def test_words_that_are_missing_are_tried_again(self, store, words):
        row = await at_transcription(store)
        changes = WITHOUT_WORDS | {"words": words, "audio_until": 10**15}
        await store.settle(row, Outcome(Step.done, None, changes=changes), keep=False)
        again = await store.retry(row.id)
        assert (again.status, again.step) == (Status.completed, Step.transcription)
        assert (again.words, again.words_reason) == (WordsStatus.pending, None)
        assert again.revision == (await store.get(row.id)).revision == 4

    async def test_what_lacks_nothing_is_not_tried_again(self, store):
        row = await taken(store, **WORDLESS)
        with pytest.raises(NotRetryable):
            await store.retry(row.id)
        await store.settle(row, Outcome(Step.done, None, changes=COMPLETED), keep=False)
        with pytest.raises(NotRetryable):
            await store.retry(row.id)

    async def test_without_its_recording_it_is_not_tried_again(self, store):
        row = await at_transcription(store)
        await store.settle(row, Outcome(Step.done, None, changes=WITHOUT_WORDS), keep=False)
        with pytest.raises(NotRetryable, match="not kept any more"):
            await store.retry(row.id)

    async def test_a_recording_that_is_removed_at_this_moment_is_not_tried_again(self, store, monkeypatch):
        row = await at_transcription(store)
        await store.settle(row, Outcome(Step.done, None, changes=WITHOUT_WORDS | {"audio_until": 10**15}), keep=False)
        before = await store.get(row.id)
        async with store.database.writing() as session:
            await session.execute(update(Analysis).values(audio_until=0))
        await store.release_audio(row.id)

        async def stale(_: str) -> Analysis:
            return before

        monkeypatch.setattr(store, "get", stale)
        with pytest.raises(NotRetryable, match="right now"):
            await store.retry(row.id)

    async def test_nobody_is_interrupted_who_is_trying_it_already(self, store, clock):
        """Two who place an order at once would place two."""
        row = await at_transcription(store)
        waiting = await put_down(store, row, changes=WITHOUT_WORDS | {"audio_until": 10**15})
        clock.ms = waiting.run_after
        held = await store.take(row.id)
        with pytest.raises(NotRetryable, match="right now"):
            await store.retry(row.id)
        await store.alive(held)
        clock.ms += LEASE_MS  # it has died
        await store.retry(row.id)
        with pytest.raises(LostLease):
            await store.alive(held)
        assert await store.take(row.id) is not None

    async def test_of_many_retries_one_counts(self, store):
        row = await at_transcription(store)
        await store.settle(row, Outcome(Step.done, None, changes=WITHOUT_WORDS | {"audio_until": 10**15}), keep=False)
        tried = await asyncio.gather(*(store.retry(row.id) for _ in range(6)), return_exceptions=True)
        assert sum(isinstance(each, Analysis) for each in tried) == 1
        assert sum(isinstance(each, NotRetryable) for each in tried) == 5

    async def test_what_is_unknown_or_erased_is_not_tried_again(self, store):
        with pytest.raises(UnknownAnalysis):
            await store.retry("an_unknown")
        row = await create(store)
        await store.erase(row.id, ErasureReason.request)
        with pytest.raises(ErasedAnalysis):
            await store.retry(row.id)


class TestPage:
    async def test_the_newest_come_first_and_the_list_goes_on_where_it_ended(self, store, clock):
        made = []
        for number in range(5):
            clock.ms += 1_000
            made.append((await create(store, b"call %d" % number, external_id=f"call {number % 2}")).id)
        newest = made[::-1]

        async def ids(limit=100, **filters):
            return [row.id for row in await store.page(Filters("", **filters), limit)]

        assert await ids() == newest
        assert await ids(limit=2) == newest[:2]
        assert await ids(before=newest[1]) == newest[2:]
        assert await ids(external_id="call 1") == [made[3], made[1]]
        assert await ids(status=Status.completed) == []
        assert await ids(status=Status.queued, external_id="call 0", before=made[4]) == [made[2], made[0]]
        assert await ids(created_from=clock() - 1_000, created_to=clock()) == [made[3]]
