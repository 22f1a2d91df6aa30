"""The Idempotency-Key of POST /analyze-audio (draft-ietf-httpapi-idempotency-key-header-07)."""

import anyio
import httpx2
import pytest
from anyio.lowlevel import checkpoint

from service.analyses.housekeeping import KEY_HOURS
from service.analyses.rows import Analysis
from tests.service.api.kit import listed, post, problem_of
from tests.world import TRANSCRIBED

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}


@pytest.mark.parametrize(
    "headers",
    [
        [("Idempotency-Key", "8e03978e")],
        [("Idempotency-Key", "")],
        [("Idempotency-Key", '""')],
        [("Idempotency-Key", '"one"'), ("Idempotency-Key", '"one"')],
        [("Idempotency-Key", '"one", "two"')],
    ],
)
async def test_a_malformed_key_is_refused(world_with, clip, headers):
    async with world_with() as world:
        problem_of(await post(world, clip, headers), 400, "malformed-idempotency-key")
        assert await world.count(Analysis) == 0


async def test_a_repeated_request_is_answered_with_the_first_analysis(world_with, clip):
    async with world_with() as world:
        first = await post(world, clip, KEY, external_id="call-42")
        again = await post(world, clip, KEY, external_id="call-42")
        assert first.status_code == again.status_code == 200
        assert first.headers["location"] == again.headers["location"]
        assert first.json() == again.json()
        assert await world.count(Analysis) == 1


async def test_a_repeated_request_finds_how_far_the_first_has_come(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        assert (await post(world, clip, KEY)).status_code == 202
        for _ in range(4):
            await world.passes(3)
        again = await post(world, clip, KEY)
        assert again.status_code == 200
        assert again.json()["transcript"]["words"]
        assert list(world.assemblyai.ordered.values()) == [1]


async def test_a_repeated_request_may_wait_for_the_words_too(world_with, clip):
    async with world_with(**TRANSCRIBED) as world, anyio.create_task_group() as tasks:
        assert (await post(world, clip, KEY)).status_code == 202
        answers = []

        async def wait():
            answers.append(await post(world, clip, {**KEY, "Prefer": "wait=20"}))

        tasks.start_soon(wait)
        for _ in range(4):
            await world.passes(3)
    assert (answers[0].status_code, answers[0].headers["preference-applied"]) == (200, "wait=20")


async def test_a_repeated_request_meets_the_problem_of_the_first(world_with):
    async with world_with() as world:
        first = problem_of(await post(world, b"This is no audio.", KEY), 415, "not-audio")
        assert problem_of(await post(world, b"This is no audio.", KEY), 415, "not-audio") == first
        assert await world.count(Analysis) == 1


@pytest.mark.parametrize("other", ["recording", "field", "source"])
async def test_a_key_is_for_one_request_only(world_with, clip, other):
    async with world_with() as world:
        await post(world, clip, KEY, external_id="call-42")
        if other == "recording":
            response = await post(world, clip[:-1], KEY, external_id="call-42")
        elif other == "field":
            response = await post(world, clip, KEY, external_id="call-43")
        else:
            link = {"audio_url": "https://crm.example.com/call.wav", "external_id": "call-42"}
            response = await world.client.post("/analyze-audio", json=link, headers=KEY)
        problem_of(response, 422, "reused-key")
        assert await world.count(Analysis) == 1


async def test_a_refused_request_does_not_use_its_key_up(world_with, clip):
    async with world_with() as world:
        problem_of(await post(world, clip, KEY, model="mind_reading"), 404, "unknown-model")
        assert (await post(world, clip, KEY)).status_code == 200


async def test_other_keys_are_other_requests(world_with, clip):
    async with world_with() as world:
        locations = {(await post(world, clip, header)).headers["location"] for header in (None, None, KEY)}
        assert len(locations) == 3


async def test_while_the_first_request_is_under_way_the_next_is_told_so(world_with, clip):
    async with world_with(concurrency=1) as world, anyio.create_task_group() as tasks:
        limiter, place, answers = world.service.limiter, object(), []

        async def first():
            answers.append(await post(world, clip, KEY))

        await limiter.acquire_on_behalf_of(place)  # so that nothing is analysed yet
        tasks.start_soon(first)
        while not limiter.statistics().tasks_waiting:
            await checkpoint()
        problem = problem_of(await post(world, clip, KEY), 409, "still-running")
        problem_of(await post(world, clip, KEY, external_id="call-43"), 422, "reused-key")
        assert list(await listed(world)) == [problem["instance"].removeprefix("/analyses/")]
        limiter.release_on_behalf_of(place)
        while not answers:
            await checkpoint()
        again = await post(world, clip, KEY)
        assert again.status_code == answers[0].status_code == 200
        assert again.json() == answers[0].json()


async def test_a_first_request_that_was_never_answered_is_not_waited_for(world_with, clip):
    async with world_with(wait_seconds=30, concurrency=1, lease_seconds=3600) as world:
        async with anyio.create_task_group() as tasks:
            limiter, place = world.service.limiter, object()
            await limiter.acquire_on_behalf_of(place)
            tasks.start_soon(post, world, clip, KEY)
            while not limiter.statistics().tasks_waiting:
                await checkpoint()
            tasks.cancel_scope.cancel()
        problem_of(await post(world, clip, KEY), 409, "still-running")
        world.clock.ms += 36_000
        limiter.release_on_behalf_of(place)
        again = await post(world, clip, KEY)
        assert again.status_code == 200
        assert await world.count(Analysis) == 1


async def test_twins_at_the_same_time_make_one_analysis(world_with, clip):
    async with world_with() as world:
        answers: list[httpx2.Response] = []

        async def send():
            answers.append(await post(world, clip, KEY))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(send)
        assert await world.count(Analysis) == 1
        assert {response.status_code for response in answers} <= {200, 409}
        assert 200 in {response.status_code for response in answers}


async def test_a_key_is_forgotten_after_a_day(world_with, clip):
    async with world_with() as world:
        first = await post(world, clip, KEY)
        world.clock.ms += KEY_HOURS * 3_600_000 + 1
        await world.service.housekeeping.purge()
        again = await post(world, clip, KEY)
        assert again.headers["location"] != first.headers["location"]
        assert await world.count(Analysis) == 2


async def test_with_its_analysis_a_key_is_forgotten_at_once(world_with, clip):
    async with world_with() as world:
        first = await post(world, clip, KEY)
        await world.client.delete(first.headers["location"])
        again = await post(world, clip, KEY)
        assert again.status_code == 200
        assert again.headers["location"] != first.headers["location"]
