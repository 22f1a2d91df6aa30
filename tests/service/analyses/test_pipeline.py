"""The whole way of an analysis, and every way in which it can be interrupted, on both databases."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import update

from service.analyses import compute
from service.analyses.pipeline import Lane, Pipeline
from service.analyses.recordings import Recordings
from service.analyses.rows import Analysis, Callback, Result, TranscriptOrder
from service.analyses.states import ErasureReason, Event, Status, Step, WordsStatus
from service.analyses.steps import MAX_ATTEMPTS, MAX_INTERRUPTIONS
from service.analyses.store import Outcome, Store
from service.problems import NotAudio, NotReady
from service.schemas import Words
from service.transcription import Order, Phase, Unavailable, Waiting
from tests.service.analyses.conftest import LEASE_MS
from tests.service.analyses.kit import LINK, WORDLESS, Hearing, Remote, Scripted, Works, create, recording, rows

pytestmark = pytest.mark.anyio

DIGEST = recording().digest
FOUND = [Step.acoustics, Step.combine, Step.text, Step.transcription]


class Died(BaseException):
    """As if the process were killed."""


@pytest.fixture(autouse=True)
def hearing(monkeypatch):
    hearing = Hearing()
    monkeypatch.setattr(compute, "acoustics", hearing)
    return hearing


@pytest.fixture
def works(store, settings, registry):
    """Makes what works on analyses with a provider."""
    return lambda provider: Works(store, settings, registry, provider)


def dies(store, monkeypatch, *, number, when):
    """Let the process die before or after a step is stored for the ``number``-th time."""
    settle, count = store.settle, 0

    async def dying(*arguments, **options):
        nonlocal count
        count += 1
        if (count, when) == (number, "before"):
            raise Died
        await settle(*arguments, **options)
        if (count, when) == (number, "after"):
            raise Died

    monkeypatch.setattr(store, "settle", dying)


class TestWay:
    async def test_it_goes_from_an_address_to_words_and_voices_side_by_side(self, works, store, clock, files, hearing):
        provider = Remote()
        working = works(provider)
        row = await create(store, **LINK)
        row = await working.run(row.id)
        assert (row.status, row.step, row.words) == (Status.processing, Step.transcription, WordsStatus.pending)
        assert row.audio_url is None  # it may hold a key
        row = await working.run_to_the_end(row.id, clock)
        assert (row.status, row.step, row.words, row.words_reason) == (
            Status.completed,
            Step.done,
            WordsStatus.completed,
            None,
        )
        assert (row.ended, row.problem, row.run_after, row.lease) == (clock(), None, None, None)
        results = await store.results(row.id)
        assert sorted(results) == FOUND
        words = Words.model_validate_json(results[Step.combine])
        assert [(u.role, u.voice and u.voice.label, bool(u.sentiment and u.emotion)) for u in words.utterances] == [
            ("customer", "anger", True),
            ("agent", "neutral", True),
        ]
        assert [callback.event for callback in await rows(store.database, Callback)] == [
            Event.acoustics_ready,
            Event.completed,
        ]
        assert working.told == 2
        assert [order.phase for order in provider.asked] == [
            Phase.new,
            Phase.uploaded,
            Phase.submitting,
            Phase.submitted,
            Phase.submitted,
        ]
        assert (row.audio, files.exists(DIGEST)) == (None, False)
        (order,) = await rows(store.database, TranscriptOrder)
        assert order.run_after is not None  # to be deleted
        assert hearing.calls == 1

    async def test_without_words_it_ends_with_the_acoustics(self, works, store, files):
        working = works(Scripted())
        row = await working.run((await create(store, **WORDLESS)).id)
        assert (row.status, row.step, row.words, row.run_after) == (
            Status.completed,
            Step.done,
            WordsStatus.none,
            None,
        )
        assert [callback.event for callback in await rows(store.database, Callback)] == [Event.completed]
        assert not files.exists(DIGEST)

    async def test_it_waits_as_long_as_the_provider_says(self, works, store, clock):
        working = works(Scripted(Waiting(Order(Phase.submitted, "u", "remote 1"), 60)))
        row = await working.run((await create(store)).id)
        assert row.run_after == clock() + 60_000
        assert await working.pipeline.run(row.id) is None
        assert (await store.get(row.id)).run_after == clock() + 60_000

    async def test_waiting_is_nothing_to_tell_of(self, works, store, clock):
        working = works(Scripted(Waiting(Order(Phase.submitted, "u", "remote 1"), 60)))
        before = await working.run((await create(store)).id)
        clock.ms += 60_000
        after = await working.run(before.id)
        assert after.revision == before.revision

    async def test_each_change_wakes_who_waits_for_it(self, works, store):
        working = works(Scripted())
        row = await create(store)
        with working.watch.on(row.id) as watcher:
            await working.run(row.id)
            async with asyncio.timeout(10):
                await watcher.change(60)

    async def test_of_many_who_run_it_at_once_one_works_on_it(self, works, store, hearing):
        provider = Scripted()
        working = works(provider)
        row = await create(store)
        await asyncio.gather(*(working.run(row.id) for _ in range(5)))
        assert (hearing.calls, len(provider.asked)) == (1, 1)
        assert (await store.get(row.id)).status is Status.completed


class TestDeath:
    @pytest.mark.parametrize("when", ["before", "after"])
    # fetch, acoustics, the provider's five, text, combine
    @pytest.mark.parametrize("number", range(1, 10))
    async def test_wherever_a_process_dies_another_ends_the_work_once(
        self, works, store, clock, monkeypatch, number, when, files
    ):
        provider = Remote()
        row = await create(store, **LINK)
        with monkeypatch.context() as patch:
            dies(store, patch, number=number, when=when)
            with pytest.raises(Died):
                await works(provider).run_to_the_end(row.id, clock)
        clock.ms += LEASE_MS
        row = await works(provider).run_to_the_end(row.id, clock)
        assert (row.status, row.words) == (Status.completed, WordsStatus.completed)
        assert sorted(await store.results(row.id)) == FOUND
        told = Counter(callback.event for callback in await rows(store.database, Callback))
        assert told == {Event.acoustics_ready: 1, Event.completed: 1}
        assert len(provider.placed) == 1
        assert len(await rows(store.database, TranscriptOrder)) == 1
        assert not files.exists(DIGEST)

    async def test_nobody_takes_it_before_the_lease_is_over(self, works, store, clock, monkeypatch, hearing):
        row = await create(store)
        with monkeypatch.context() as patch:
            dies(store, patch, number=1, when="before")
            with pytest.raises(Died):
                await works(Scripted()).run(row.id)
        clock.ms += LEASE_MS - 1
        await works(Scripted()).run(row.id)
        assert hearing.calls == 1
        clock.ms += 1
        await works(Scripted()).run(row.id)
        assert hearing.calls == 2

    async def test_a_step_that_is_interrupted_again_and_again_is_given_up(self, works, store, clock, files):
        """What kills each process that works on it must not kill them for ever."""
        row = await create(store)
        for _ in range(MAX_INTERRUPTIONS):
            await store.take(row.id)
            clock.ms += LEASE_MS
        row = await works(Scripted()).run(row.id)
        assert (row.status, row.step, row.words) == (Status.failed, Step.acoustics, WordsStatus.failed)
        assert row.problem["detail"].startswith(f"The step acoustics was interrupted {MAX_INTERRUPTIONS} times")
        assert [callback.event for callback in await rows(store.database, Callback)] == [Event.failed]
        assert files.exists(DIGEST)
        await store.retry(row.id)
        row = await works(Scripted()).run(row.id)
        assert (row.status, row.words, row.problem) == (Status.completed, WordsStatus.completed, None)
        assert not files.exists(DIGEST)

    async def test_interruptions_of_a_transcription_cost_the_words_only(self, works, store, clock):
        working = works(Scripted(Waiting(Order(Phase.submitted, "u", "remote 1"), 60)))
        row = await working.run((await create(store)).id)
        clock.ms = row.run_after
        for _ in range(MAX_INTERRUPTIONS):
            await store.take(row.id)
            clock.ms += LEASE_MS
        row = await working.run(row.id)
        assert (row.status, row.words, row.words_reason) == (
            Status.completed,
            WordsStatus.failed,
            f"It was interrupted {MAX_INTERRUPTIONS} times.",
        )
        assert row.run_after is None

    async def test_what_kills_processes_does_not_do_so_for_ever_where_words_are_still_tried_for(
        self, works, store, clock
    ):
        working = works(Scripted(Unavailable("Down.")))
        row = await create(store)
        while row.words is not WordsStatus.unavailable:
            row = await working.run(row.id)
            clock.ms = row.run_after
        killed = 0
        while await store.take(row.id) and killed < 100:
            killed += 1
            clock.ms += LEASE_MS
            if killed == MAX_INTERRUPTIONS:
                row = await working.run(row.id)
        assert (killed, row.words, row.run_after) == (MAX_INTERRUPTIONS, WordsStatus.failed, None)

    async def test_an_interruption_now_and_then_ends_nothing(self, works, store, clock):
        """Each new version that is rolled out interrupts something."""
        provider = Scripted(Waiting(Order(Phase.submitted, "u", "remote 1"), 60))
        working = works(provider)
        row = await working.run((await create(store)).id)
        for _ in range(3 * MAX_ATTEMPTS):
            clock.ms = row.run_after
            await store.take(row.id)
            clock.ms += LEASE_MS
            row = await working.run(row.id)
        assert (row.status, row.words) == (Status.processing, WordsStatus.pending)


class TestTrouble:
    async def test_what_is_the_callers_fault_fails_at_once_and_is_not_kept(self, works, store, hearing, files):
        hearing.troubles = [NotAudio("No decoder takes it.")]
        row = await works(Scripted()).run((await create(store)).id)
        assert (row.status, row.problem["type"]) == (Status.failed, "/problems/not-audio")
        assert (row.words, row.run_after, hearing.calls) == (WordsStatus.failed, None, 1)
        assert (row.audio, files.exists(DIGEST)) == (None, False)
        assert [callback.event for callback in await rows(store.database, Callback)] == [Event.failed]

    async def test_what_may_pass_is_tried_again_after_2_4_8_16_seconds(self, works, store, clock, hearing, files):
        hearing.troubles = [OSError("no space left") for _ in range(MAX_ATTEMPTS)]
        working = works(Scripted())
        row = await create(store)
        waits = []
        while (row := await working.run(row.id)).run_after is not None:
            assert row.revision == 1  # there is nothing to tell yet
            waits.append(row.run_after - clock())
            clock.ms = row.run_after
        assert waits == [2_000, 4_000, 8_000, 16_000]
        assert (row.status, row.problem["type"]) == (Status.failed, "/problems/internal-error")
        assert "no space" not in str(row.problem)
        assert files.exists(DIGEST)
        await store.retry(row.id)
        assert (await working.run(row.id)).status is Status.completed

    async def test_trouble_that_passes_is_forgotten(self, works, store, clock, hearing):
        hearing.troubles = [OSError("no space left") for _ in range(MAX_ATTEMPTS - 1)]
        row = await works(Scripted()).run_to_the_end((await create(store)).id, clock)
        assert (row.status, row.words, row.attempts) == (Status.completed, WordsStatus.completed, 0)

    async def test_a_model_that_is_not_loaded_is_the_problem_that_is_told(self, works, store, clock, hearing):
        hearing.troubles = [NotReady("Put the artefact right.") for _ in range(MAX_ATTEMPTS)]
        row = await works(Scripted()).run_to_the_end((await create(store)).id, clock)
        assert (row.status, row.problem["type"]) == (Status.failed, "/problems/not-ready")

    async def test_a_fault_in_the_transcription_costs_the_words_only(self, works, store, clock, files):
        provider = Scripted(RuntimeError("a bug"))
        working = works(provider)
        row = await create(store)
        while row.status is not Status.completed:
            row = await working.run(row.id)
            clock.ms = row.run_after
        assert row.words is WordsStatus.unavailable
        assert "a bug" not in row.words_reason
        assert files.exists(DIGEST)
        for _ in range(3):
            row = await working.run(row.id)
            assert (row.status, row.words) == (Status.completed, WordsStatus.unavailable)
            clock.ms = row.run_after
        provider.answers = Scripted().answers
        row = await working.run_to_the_end(row.id, clock)
        assert (row.status, row.words) == (Status.completed, WordsStatus.completed)


class TestLeases:
    @pytest.fixture
    def beating(self, database, files, ambient):
        """A store with a lease so short that it is renewed all the time; ``beaten`` is set each time."""

        class Beating(Store):
            beaten = asyncio.Event()

            async def alive(self, row):
                await super().alive(row)
                self.beaten.set()

        return Beating(database, Recordings(files), ambient, lease_ms=15)

    async def test_a_long_step_gives_signs_of_life(self, settings, registry, beating, clock):
        working = Works(beating, settings, registry, Scripted())
        row = await create(beating)
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def long(_):
            begun.set()
            await go_on.wait()
            return Outcome(Step.done, None, changes={"status": Status.completed})

        working.pipeline.steps[Step.acoustics] = long
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(working.run(row.id))
            await begun.wait()
            for _ in range(5):
                clock.ms += 10
                for _ in range(2):  # one may have read the clock before
                    beating.beaten.clear()
                    await beating.beaten.wait()
                assert await beating.take(row.id) is None
            go_on.set()
        assert (await beating.get(row.id)).status is Status.completed

    async def test_a_step_is_ended_once_its_analysis_is_erased(self, settings, registry, beating):
        """It would go on to place an order that nobody finds any more."""
        working = Works(beating, settings, registry, Scripted())
        row = await create(beating)
        begun, ended = asyncio.Event(), asyncio.Event()

        async def endless(_):
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        working.pipeline.steps[Step.acoustics] = endless
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(working.pipeline.run(row.id))
            await begun.wait()
            await beating.erase(row.id, ErasureReason.request)
            await ended.wait()
        assert running.result() is None
        assert await rows(beating.database, Result) == []

    async def test_what_was_done_under_a_lost_lease_is_dropped_in_silence(self, works, store, clock, caplog):
        working = works(Scripted())
        row = await create(store)

        async def slow(row):
            clock.ms += LEASE_MS
            assert await store.take(row.id) is not None
            return Outcome(Step.done, None, result="{}")

        working.pipeline.steps[Step.acoustics] = slow
        assert await working.pipeline.run(row.id) is None
        assert await rows(store.database, Result) == []
        assert "Error" not in caplog.text


class TestLanes:
    @pytest.mark.parametrize(("remote", "lane"), [(True, Lane.io), (False, Lane.cpu)])
    def test_what_computes_and_what_waits_have_lanes_of_their_own(self, remote, lane, works):
        provider = Scripted()
        provider.remote = remote
        pipeline: Pipeline = works(provider).pipeline
        assert {step: pipeline.lane(step, "scripted") for step in Step if step is not Step.done} == {
            Step.fetch: Lane.io,
            Step.acoustics: Lane.cpu,
            Step.transcription: lane,
            Step.text: Lane.cpu,
            Step.combine: Lane.cpu,
        }
        assert pipeline.lane(Step.transcription, "gone") is Lane.io

    async def test_it_is_handed_over_where_the_lane_changes(self, works, store, hearing):
        working = works(Scripted())
        row = await create(store, **LINK)
        lanes = []
        while (lane := await working.pipeline.run(row.id)) is not None:
            lanes.append(lane)
            assert (await store.get(row.id)).lease is None
        assert lanes == [Lane.cpu, Lane.io, Lane.cpu]

    async def test_a_provider_of_this_machine_works_in_the_lane_that_computes(self, works, store):
        provider = Scripted()
        provider.remote = False
        working = works(provider)
        row = await create(store)
        assert await working.pipeline.run(row.id) is None
        assert (await store.get(row.id)).status is Status.completed


class TestStopping:
    async def test_a_step_that_runs_is_ended_and_none_is_begun_after_it(self, works, store, clock):
        provider = Remote()
        working = works(provider)
        row = await create(store, **LINK)
        fetch = working.pipeline.steps[Step.fetch]

        async def stops(row):
            working.pipeline.stopping = True
            return await fetch(row)

        working.pipeline.steps[Step.fetch] = stops
        assert await working.pipeline.run(row.id) is Lane.cpu
        stored = await store.get(row.id)
        assert (stored.step, stored.lease, stored.run_after) == (Step.acoustics, None, clock())
        assert await working.pipeline.run(row.id) is None
        assert (await store.get(row.id)).attempts == 0
        assert (await works(provider).run_to_the_end(row.id, clock)).status is Status.completed

    async def test_between_steps_of_one_lane_too(self, works, store):
        provider = Remote()
        working = works(provider)
        row = await working.run((await create(store, callback_url=None)).id)
        async with store.database.writing() as session:
            await session.execute(update(Analysis).values(step=Step.text, run_after=0))

        async def stops(_):
            working.pipeline.stopping = True
            return Outcome(Step.combine, result="null")

        working.pipeline.steps[Step.text] = stops
        assert await working.pipeline.run(row.id) is Lane.cpu
        assert (await store.get(row.id)).step is Step.combine
