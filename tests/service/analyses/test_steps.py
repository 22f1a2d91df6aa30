"""What comes of each step, and of a provider that has trouble, on both databases."""

import httpx2
import pytest

from service.analyses import combine, compute
from service.analyses.rows import Callback, TranscriptOrder
from service.analyses.states import Event, Status, Step, WordsStatus
from service.analyses.steps import MAX_ATTEMPTS
from service.problems import NotRetryable
from service.schemas import Words
from service.transcription import Order, Phase, Refused, Transcript, Unavailable, Waiting
from tests.service.analyses.kit import CALL, LINK, TRANSCRIPT, Hearing, Scripted, Works, create, recording, rows
from tests.service.security.endpoints import Chunks

pytestmark = pytest.mark.anyio

DIGEST = recording().digest
HOUR_MS = 3_600_000
DOWN = Unavailable("The provider is down.")
PLACED = Order(Phase.submitted, "https://cdn.example.com/1", "remote 1")


@pytest.fixture(autouse=True)
def hearing(monkeypatch):
    hearing = Hearing()
    monkeypatch.setattr(compute, "acoustics", hearing)
    return hearing


@pytest.fixture
def works(store, settings, registry):
    """Makes what works on analyses with a provider, under changed settings."""
    return lambda provider, **changes: Works(store, settings.model_copy(update=changes), registry, provider)


def answering(status):
    return lambda _: httpx2.Response(status, stream=Chunks(b""))


async def told(store):
    return [callback.event for callback in await rows(store.database, Callback)]


async def until(working, row, clock, words):
    """Run the analysis until its words are ``words``, and return the waits in milliseconds."""
    waits = []
    row = await working.run(row.id)
    while row.words is not words:
        waits.append(row.run_after - clock())
        clock.ms = row.run_after
        row = await working.run(row.id)
    return waits


class TestFetch:
    async def test_a_server_that_is_down_is_asked_again_and_then_given_up(self, works, store, clock):
        working = works(Scripted())
        working.callers.handler = answering(503)
        row = await working.run_to_the_end((await create(store, **LINK)).id, clock)
        assert (row.status, row.problem["type"]) == (Status.failed, "/problems/unfetchable-audio")
        assert row.problem["detail"] == "crm.example.com answered 503."
        assert len(working.callers.requests) == MAX_ATTEMPTS

    async def test_one_that_comes_back_is_forgiven(self, works, store, clock):
        working = works(Scripted())
        answers = iter([answering(503), answering(503)])
        fine = working.callers.handler
        working.callers.handler = lambda request: next(answers, fine)(request)
        row = await working.run_to_the_end((await create(store, **LINK)).id, clock)
        assert (row.status, row.words) == (Status.completed, WordsStatus.completed)

    async def test_what_the_server_does_not_have_fails_at_once(self, works, store, clock):
        working = works(Scripted())
        working.callers.handler = answering(404)
        row = await working.run((await create(store, **LINK)).id)
        assert (row.status, row.run_after) == (Status.failed, None)
        assert row.audio_url is None

    async def test_a_name_that_leads_inside_by_now_is_not_called(self, works, store):
        working = works(Scripted())
        working.names.answers = [["10.0.0.1"]]
        row = await working.run((await create(store, **LINK)).id)
        assert row.problem["type"] == "/problems/refused-url"
        assert working.callers.requests == []

    async def test_too_much_is_not_taken(self, works, store, files):
        working = works(Scripted(), max_upload_bytes=len(CALL) - 1)
        row = await working.run((await create(store, **LINK)).id)
        assert row.problem["type"] == "/problems/too-large"
        assert not files.exists(DIGEST)


class TestAcoustics:
    async def test_they_are_told_while_the_words_are_still_to_come(self, works, store):
        row = await works(Scripted(Waiting(PLACED, 60))).run((await create(store)).id)
        assert (row.status, row.separate, row.ended) == (Status.processing, True, None)
        assert list(await store.results(row.id)) == [Step.acoustics]
        assert await told(store) == [Event.acoustics_ready]


class TestProvider:
    async def test_it_is_called_with_what_is_remembered(self, works, store, clock):
        provider = Scripted(Waiting(Order(Phase.uploaded, "u"), 0), Waiting(PLACED, 3), TRANSCRIPT)
        await works(provider).run_to_the_end((await create(store)).id, clock)
        assert provider.asked == [Order(), Order(Phase.uploaded, "u"), PLACED]

    async def test_an_upload_that_it_lost_is_made_again(self, works, store, clock):
        provider = Scripted(Waiting(Order(Phase.uploaded, "u"), 0), Waiting(Order(), 60), TRANSCRIPT)
        await works(provider).run_to_the_end((await create(store)).id, clock)
        assert provider.asked[-1] == Order()
        assert await rows(store.database, TranscriptOrder) == []

    async def test_what_it_will_never_do_is_not_asked_again(self, works, store, files):
        provider = Scripted(Refused("The language is not known."))
        row = await works(provider).run((await create(store)).id)
        assert (row.status, row.words, row.words_reason) == (
            Status.completed,
            WordsStatus.failed,
            "The language is not known.",
        )
        assert (row.run_after, len(provider.asked)) == (None, 1)
        assert await told(store) == [Event.acoustics_ready, Event.completed]
        assert files.exists(DIGEST)  # the caller may ask for it again
        provider.answers = [TRANSCRIPT]
        await store.retry(row.id)
        row = await works(provider).run(row.id)
        assert (row.words, row.words_reason) == (WordsStatus.completed, None)
        assert not files.exists(DIGEST)

    async def test_an_order_that_was_refused_is_to_be_deleted(self, works, store, clock):
        provider = Scripted(Waiting(PLACED, 3), Refused("There is no speech."))
        await works(provider).run_to_the_end((await create(store)).id, clock)
        (order,) = await rows(store.database, TranscriptOrder)
        assert order.run_after == clock()


class TestOutage:
    async def test_while_it_may_pass_soon_the_words_are_waited_for(self, works, store, clock):
        working = works(Scripted(*[DOWN] * (MAX_ATTEMPTS - 1), TRANSCRIPT))
        row = await create(store)
        assert await until(working, row, clock, WordsStatus.completed) == [2_000, 4_000, 8_000, 16_000]
        assert await told(store) == [Event.acoustics_ready, Event.completed]

    async def test_why_it_takes_so_long_can_be_read(self, works, store, clock):
        working = works(Scripted(DOWN, Waiting(PLACED, 3)))
        row = await working.run((await create(store)).id)
        assert (row.words, row.words_reason) == (WordsStatus.pending, DOWN.reason)
        clock.ms = row.run_after
        assert (await working.run(row.id)).words_reason is None

    async def test_it_is_given_the_time_that_it_asks_for_up_to_a_minute(self, works, store, clock):
        working = works(Scripted(Unavailable("Busy.", 7), Unavailable("Busy.", 10**6), TRANSCRIPT))
        assert await until(working, await create(store), clock, WordsStatus.completed) == [7_000, 60_000]

    async def test_after_some_attempts_the_call_is_complete_without_words(self, works, store, clock, files):
        working = works(Scripted(DOWN))
        row = await create(store)
        assert await until(working, row, clock, WordsStatus.unavailable) == [2_000, 4_000, 8_000, 16_000]
        row = await store.get(row.id)
        assert (row.status, row.step, row.words_reason) == (Status.completed, Step.transcription, DOWN.reason)
        assert (row.ended, row.audio_until) == (clock(), clock() + 72 * HOUR_MS)
        assert await told(store) == [Event.acoustics_ready, Event.completed]
        assert files.exists(DIGEST)

    async def test_the_words_are_added_when_they_can_be_had_and_it_is_told_again(self, works, store, clock, files):
        provider = Scripted(DOWN)
        working = works(provider)
        row = await create(store)
        await until(working, row, clock, WordsStatus.unavailable)
        clock.ms += 2 * HOUR_MS
        provider.answers = [TRANSCRIPT]
        row = await working.run(row.id)
        assert (row.status, row.step, row.words, row.words_reason) == (
            Status.completed,
            Step.done,
            WordsStatus.completed,
            None,
        )
        assert Words.model_validate_json((await store.results(row.id))[Step.combine]).text == TRANSCRIPT.text
        assert [(each.event, each.ordinal) for each in await rows(store.database, Callback)] == [
            (Event.acoustics_ready, 1),
            (Event.completed, 1),
            (Event.completed, 2),
        ]
        assert not files.exists(DIGEST)

    async def test_they_are_tried_for_less_and_less_often_and_for_no_longer_than_the_recording_is_kept(
        self, works, store, clock, files
    ):
        provider = Scripted(Waiting(PLACED, 3), DOWN)
        working = works(provider, recovery_hours=6)
        row = await create(store)
        await until(working, row, clock, WordsStatus.unavailable)
        row = await store.get(row.id)
        ended, waits = row.ended, []
        while row.run_after is not None:
            waits.append((row.run_after - clock()) // 60_000)
            clock.ms = row.run_after
            row = await working.run(row.id)
            assert row.words is WordsStatus.unavailable
        assert waits == [5, 5, 10, 20, 40, 60, 60, 60, 60, 40]
        assert clock() == ended + 6 * HOUR_MS
        assert (row.step, row.status, row.audio, row.audio_until) == (Step.done, Status.completed, None, clock())
        assert not files.exists(DIGEST)
        (order,) = await rows(store.database, TranscriptOrder)
        assert order.run_after == clock()  # to be deleted
        assert await told(store) == [Event.acoustics_ready, Event.completed]
        with pytest.raises(NotRetryable):
            await store.retry(row.id)

    async def test_a_long_pause_that_it_asks_for_is_at_most_an_hour(self, works, store, clock):
        working = works(Scripted(Unavailable("Busy.", 10**6)))
        row = await create(store)
        await until(working, row, clock, WordsStatus.unavailable)
        assert (await store.get(row.id)).run_after == clock() + HOUR_MS

    async def test_where_nothing_is_to_be_recovered_it_is_over_at_once(self, works, store, clock, files):
        working = works(Scripted(DOWN), recovery_hours=0)
        row = await create(store)
        await until(working, row, clock, WordsStatus.unavailable)
        row = await store.get(row.id)
        assert (row.step, row.run_after) == (Step.done, None)
        assert not files.exists(DIGEST)

    async def test_a_retry_is_as_patient_as_the_first_try_and_ends_like_it(self, works, store, clock):
        working = works(Scripted(DOWN))
        row = await create(store)
        await until(working, row, clock, WordsStatus.unavailable)
        again = await store.retry(row.id)
        assert again.words is WordsStatus.pending
        assert await until(working, row, clock, WordsStatus.unavailable) == [2_000, 4_000, 8_000, 16_000]
        row = await store.get(row.id)
        assert (row.status, row.ended, row.audio_until) == (Status.completed, clock(), clock() + 72 * HOUR_MS)
        assert await told(store) == [Event.acoustics_ready, Event.completed, Event.completed]

    async def test_a_provider_that_is_not_configured_any_more_may_come_back(self, store, works, clock, files):
        gone = Scripted()
        gone.name = "other"
        row = await create(store)
        await until(works(gone), row, clock, WordsStatus.unavailable)
        row = await store.get(row.id)
        assert row.words_reason == "scripted is not configured any more."
        row = await works(Scripted()).run_to_the_end(row.id, clock)
        assert row.words is WordsStatus.completed


class TestDeadline:
    @pytest.fixture
    def queued(self, works, store, clock):
        """A provider that never ends, after an hour of it."""
        self.provider = Scripted(Waiting(PLACED, 60))
        self.working = works(self.provider, transcription_seconds=600)

    async def test_one_that_takes_too_long_is_not_waited_for(self, queued, store, clock):
        row = await create(store)
        began = clock()
        assert set(await until(self.working, row, clock, WordsStatus.unavailable)) == {60_000}
        assert clock() == began + 660_000
        row = await store.get(row.id)
        assert (row.status, row.words_reason) == (
            Status.completed,
            "scripted has not finished the transcript after 660 seconds.",
        )
        assert (await store.order(row.id)).remote_id == "remote 1"
        assert await told(store) == [Event.acoustics_ready, Event.completed]

    async def test_it_is_still_asked_and_not_ordered_again(self, queued, store, clock):
        row = await create(store)
        await until(self.working, row, clock, WordsStatus.unavailable)
        self.provider.asked.clear()
        row = await store.get(row.id)
        clock.ms = row.run_after
        row = await self.working.run(row.id)
        assert row.words is WordsStatus.unavailable
        self.provider.answers = [TRANSCRIPT]
        row = await self.working.run_to_the_end(row.id, clock)
        assert (row.status, row.words) == (Status.completed, WordsStatus.completed)
        assert self.provider.asked == [PLACED, PLACED]
        assert await told(store) == [Event.acoustics_ready, Event.completed, Event.completed]

    async def test_a_webhook_helps_then_too(self, queued, store, clock):
        row = await create(store)
        await until(self.working, row, clock, WordsStatus.unavailable)
        self.provider.answers = [TRANSCRIPT]
        await store.nudge(row.id)
        row = await self.working.run(row.id)
        assert row.words is WordsStatus.completed


class TestText:
    async def test_words_in_another_language_are_kept_without_a_sentiment(self, works, store, clock):
        german = Transcript(TRANSCRIPT.text, "de", TRANSCRIPT.model, TRANSCRIPT.utterances)
        row = await works(Scripted(german)).run((await create(store)).id)
        words = Words.model_validate_json((await store.results(row.id))[Step.combine])
        assert (row.words, words.language, words.sentiment) == (WordsStatus.completed, "de", None)
        assert [(utterance.sentiment, utterance.emotion) for utterance in words.utterances] == [(None, None)] * 2

    async def test_silence_is_a_transcript_without_words(self, works, store):
        row = await works(Scripted(Transcript("", None, "universal-2", ()))).run((await create(store)).id)
        words = Words.model_validate_json((await store.results(row.id))[Step.combine])
        assert (row.words, words.text, words.utterances, words.sentiment) == (WordsStatus.completed, "", [], None)

    async def test_the_recording_is_kept_as_long_as_the_operator_says(self, works, store, clock, files):
        row = await works(Scripted(), audio_retention_hours=24).run((await create(store)).id)
        assert (row.audio, row.audio_until) == (DIGEST, clock() + 24 * HOUR_MS)
        assert files.exists(DIGEST)

    async def test_where_the_call_is_completed_already_a_fault_costs_the_words_only(
        self, works, store, clock, monkeypatch
    ):
        def broken(*_):
            raise RuntimeError("a fault")

        monkeypatch.setattr(combine, "read", broken)
        working = works(Scripted(*[DOWN] * MAX_ATTEMPTS, TRANSCRIPT))
        row = await create(store)
        await until(working, row, clock, WordsStatus.unavailable)
        await until(working, row, clock, WordsStatus.failed)
        row = await store.get(row.id)
        assert (row.status, row.step, row.problem, row.run_after) == (Status.completed, Step.done, None, None)
        assert await told(store) == [Event.acoustics_ready, Event.completed, Event.completed]
