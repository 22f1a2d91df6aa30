"""Callbacks on their way, on both databases."""

import asyncio

import pytest

from service.analyses.callbacks import SCHEDULE, Outcome
from service.analyses.outbox import Outbox
from service.analyses.rows import Callback, Delivery
from service.analyses.states import CallbackStatus, ErasureReason, Event, Step
from service.analyses.store import Outcome as StepOutcome
from tests.service.analyses.kit import CALLBACK_URL, create, rows

pytestmark = pytest.mark.anyio

DELIVERED = Outcome(200, None, None, 12)
DOWN = Outcome(503, "The endpoint answered 503.", None, 12)
GONE = Outcome(410, "The endpoint answered 410.", None, 12)


class Post:
    """Sends nothing; ``answers`` come one after the other, the last one again and again."""

    def __init__(self):
        self.answers = [DELIVERED]
        self.sent = []
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def send(self, url, message_id, body):
        self.sent.append((url, message_id, body))
        self.begun.set()
        await self.go_on.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def outbox(database, ambient, post):
    return Outbox(database, post, ambient)


@pytest.fixture
async def callback(store, anyio_backend):
    """A callback that is due."""
    row = await create(store)
    held = await store.take(row.id)
    await store.settle(held, StepOutcome(Step.done, None, events=[Event.completed]), keep=False)
    (callback,) = await rows(store.database, Callback)
    return callback


async def stored(database):
    (callback,) = await rows(database, Callback)
    return callback


async def test_it_is_sent_as_it_was_stored_and_recorded(outbox, post, callback, database, clock):
    await outbox.deliver(callback.id)
    assert post.sent == [(CALLBACK_URL, callback.id, callback.body.encode())]
    after = await stored(database)
    assert (after.status, after.run_after, after.lease) == (CallbackStatus.delivered, None, None)
    (delivery,) = await rows(database, Delivery)
    assert (delivery.number, delivery.at, delivery.http_status, delivery.error, delivery.duration_ms) == (
        1,
        clock(),
        200,
        None,
        12,
    )


async def test_it_is_sent_once_however_many_hints_there_are(outbox, post, callback):
    await asyncio.gather(*(outbox.deliver(callback.id) for _ in range(6)))
    await outbox.deliver(callback.id)
    await outbox.deliver("msg_unknown")
    assert len(post.sent) == 1


async def test_it_is_tried_again_by_the_schedule_and_given_up_in_the_end(outbox, post, callback, database, clock):
    post.answers = [DOWN]
    waits = []
    while (callback := await stored(database)).run_after is not None:
        waits.append((callback.run_after - clock()) / 1000)
        clock.ms = callback.run_after
        await outbox.deliver(callback.id)
    assert waits == list(SCHEDULE)
    assert callback.status is CallbackStatus.failed
    assert [delivery.number for delivery in await rows(database, Delivery)] == list(range(1, len(SCHEDULE) + 1))
    assert len(set(post.sent)) == 1  # the same bytes under the same id


async def test_an_endpoint_that_is_gone_is_left_alone(outbox, post, callback, database):
    post.answers = [GONE]
    await outbox.deliver(callback.id)
    after = await stored(database)
    assert (after.status, after.run_after) == (CallbackStatus.failed, None)


async def test_trouble_that_passes_is_forgotten(outbox, post, callback, database, clock):
    post.answers = [DOWN, DELIVERED]
    await outbox.deliver(callback.id)
    assert (await stored(database)).status is CallbackStatus.pending
    await outbox.deliver(callback.id)  # too early
    clock.ms += 5_000
    await outbox.deliver(callback.id)
    assert (await stored(database)).status is CallbackStatus.delivered
    assert [(each.number, each.http_status) for each in await rows(database, Delivery)] == [(1, 503), (2, 200)]


async def test_who_dies_before_it_is_recorded_has_it_sent_again_under_the_same_id(
    outbox, post, callback, database, clock
):
    class Died(BaseException):
        pass

    post.answers = [Died(), DELIVERED]
    with pytest.raises(Died):
        await outbox.deliver(callback.id)
    await outbox.deliver(callback.id)
    assert len(post.sent) == 1  # the lease holds
    clock.ms += 20_000
    await outbox.deliver(callback.id)
    assert post.sent == [(CALLBACK_URL, callback.id, callback.body.encode())] * 2
    assert (await stored(database)).status is CallbackStatus.delivered


async def test_a_fault_in_the_sending_is_a_try_that_failed(outbox, post, callback, database, clock):
    post.answers = [RuntimeError("a bug")]
    await outbox.deliver(callback.id)
    after = await stored(database)
    assert (after.status, after.run_after) == (CallbackStatus.pending, clock() + 5_000)
    (delivery,) = await rows(database, Delivery)
    assert "a bug" not in delivery.error


async def test_an_analysis_that_is_erased_meanwhile_leaves_no_record(outbox, post, callback, store, caplog):
    post.go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(outbox.deliver(callback.id))
        await post.begun.wait()
        await store.erase(callback.analysis_id, ErasureReason.request)
        post.go_on.set()
    assert await rows(store.database, Callback) == await rows(store.database, Delivery) == []


async def test_all_of_an_analysis_are_listed_with_their_deliveries(outbox, post, store, clock):
    row = await create(store)
    held = await store.take(row.id)
    await store.settle(held, StepOutcome(Step.text, events=[Event.acoustics_ready]), keep=True)
    clock.ms += 5
    await store.settle(held, StepOutcome(Step.done, None, events=[Event.completed]), keep=False)
    first, second = await rows(store.database, Callback)
    post.answers = [DOWN, DELIVERED]
    await outbox.deliver(first.id)
    clock.ms += 5_000
    await outbox.deliver(first.id)
    listed = await outbox.of(row.id)
    assert [(callback.id, [each.http_status for each in tries]) for callback, tries in listed] == [
        (first.id, [503, 200]),
        (second.id, []),
    ]
    assert await outbox.of("an_unknown") == []


class TestRedeliver:
    async def test_what_was_delivered_or_given_up_is_delivered_again_under_its_old_id(
        self, outbox, post, callback, database, clock
    ):
        post.answers = [GONE, DELIVERED]
        await outbox.deliver(callback.id)
        clock.ms += 5
        await outbox.redeliver(callback.analysis_id)
        after = await stored(database)
        assert (after.status, after.attempts, after.run_after, after.enqueue_after) == (
            CallbackStatus.pending,
            0,
            clock(),
            clock(),
        )
        await outbox.deliver(callback.id)
        assert len(set(post.sent)) == 1
        assert [each.http_status for each in await rows(database, Delivery)] == [410, 200]

    async def test_one_that_is_on_its_way_is_delivered_once_more_all_the_same(
        self, outbox, post, callback, database, clock
    ):
        """Who asks may be somebody who has just lost what comes in now."""
        post.go_on.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(outbox.deliver(callback.id))
            await post.begun.wait()
            await outbox.redeliver(callback.analysis_id)
            post.go_on.set()
        after = await stored(database)
        assert (after.status, after.run_after) == (CallbackStatus.pending, clock())
        await outbox.deliver(callback.id)
        assert len(post.sent) == 2
        assert [(each.number, each.http_status) for each in await rows(database, Delivery)] == [(1, 200), (2, 200)]

    async def test_deliveries_at_the_same_time_are_numbered_one_after_the_other(self, outbox, post, callback, database):
        post.go_on.clear()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                post.begun.clear()
                tasks.create_task(outbox.deliver(callback.id))
                await post.begun.wait()
                await outbox.redeliver(callback.analysis_id)
            post.go_on.set()
        assert sorted(each.number for each in await rows(database, Delivery)) == [1, 2, 3, 4]
