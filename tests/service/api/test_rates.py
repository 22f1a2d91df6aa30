"""How much each API key may use, and how it is told."""

from contextlib import AsyncExitStack

import pytest
from anyio.lowlevel import checkpoint

from service.analyses.rows import Usage
from service.analyses.usage import WINDOW_MS
from service.problems import TooManyRequests
from service.security.rates import Rates
from tests.service.api.kit import begun, key_for, post, problem_of
from tests.world import TRANSCRIBED

pytestmark = pytest.mark.anyio

CLIP_S = 6
"""The clip lasts a little longer than this."""


async def asked(world, key):
    return await world.client.get("/analyses", headers=key)


class TestRequests:
    async def test_are_not_counted_where_there_is_no_limit(self, world_with):
        async with world_with() as world:
            response = await asked(world, await key_for(world))
            assert not {"ratelimit", "ratelimit-policy"} & set(response.headers)
            assert await world.count(Usage) == 0

    async def test_are_refused_when_there_were_too_many_until_the_minute_is_over(self, world_with):
        async with world_with(requests_per_minute=2) as world:
            world.clock.ms += 500
            key = await key_for(world)
            told = []
            for _ in range(2):
                response = await asked(world, key)
                assert response.status_code == 200
                assert response.headers["ratelimit-policy"] == '"requests";q=2;w=60'
                told.append(response.headers["ratelimit"])
            assert told == ['"requests";r=1;t=60', '"requests";r=0;t=60']
            world.clock.ms += 20_000
            for _ in range(2):
                response = await asked(world, key)
                problem = problem_of(response, 429, "too-many-requests")
                assert problem["violated-policies"] == ["requests"]
                assert response.headers["retry-after"] == "40"
                assert response.headers["ratelimit"] == '"requests";r=0;t=40'
                assert response.headers["ratelimit-policy"] == '"requests";q=2;w=60'
            world.clock.ms += 39_500
            assert (await asked(world, key)).headers["ratelimit"] == '"requests";r=1;t=60'

    async def test_of_each_key_are_counted_apart(self, world_with):
        async with world_with(requests_per_minute=1) as world:
            one, other = await key_for(world), await key_for(world)
            assert (await asked(world, one)).status_code == 200
            problem_of(await asked(world, one), 429, "too-many-requests")
            assert (await asked(world, other)).status_code == 200

    async def test_without_a_key_are_counted_together(self, world_with):
        async with world_with(requests_per_minute=1) as world:
            assert (await asked(world, {})).status_code == 200
            problem_of(await asked(world, {}), 429, "too-many-requests")
            assert (await world.client.get("/healthz")).status_code == 200

    async def test_of_all_processes_count(self, world_with):
        async with world_with(requests_per_minute=3) as world:
            service = world.service
            others = [Rates(service.database, service.store.ambient, service.settings) for _ in range(2)]
            for rates in (*others, service.rates):
                await rates.count("one", audio=False)
            for rates in (*others, service.rates):
                with pytest.raises(TooManyRequests):
                    await rates.count("one", audio=False)

    async def test_that_are_refused_again_and_again_do_not_reach_the_database(self, world_with):
        async with world_with(requests_per_minute=1) as world:
            key = await key_for(world)
            for _ in range(5):
                response = await asked(world, key)
            problem_of(response, 429, "too-many-requests")
            async with world.service.database.reading() as session:
                used = (await session.get_one(Usage, (key["Authorization"][11:27], "requests", world.clock()))).amount
            assert used == 2


class TestAudio:
    async def test_is_refused_when_the_seconds_of_the_hour_are_used_up(self, world_with, clip):
        async with world_with(audio_seconds_per_hour=CLIP_S + 1) as world:
            key = await key_for(world)
            first = await post(world, clip, key)
            assert first.headers["ratelimit-policy"] == f'"audio-seconds";q={CLIP_S + 1};qu="audio-seconds";w=3600'
            assert first.headers["ratelimit"] == f'"audio-seconds";r={CLIP_S + 1};t=3600'
            second = await post(world, clip, key)
            problem = problem_of(second, 429, "too-many-requests")
            assert problem["violated-policies"] == ["audio-seconds"]
            assert second.headers["retry-after"] == "3600"
            assert (await asked(world, key)).status_code == 200
            world.clock.ms += WINDOW_MS["audio"]
            assert (await post(world, clip, key)).status_code == 200

    async def test_counts_once_however_far_its_analysis_goes(self, world_with, clip):
        async with world_with(audio_seconds_per_hour=1000, **TRANSCRIBED) as world:
            key = await key_for(world)
            location = await begun(world, clip, key)
            for _ in range(4):
                await world.passes(3)
            left = (await post(world, clip, key)).headers["ratelimit"]
            duration_ms = (await world.client.get(location, headers=key)).json()["audio"]["duration_ms"]
            assert CLIP_S * 1000 < duration_ms < (CLIP_S + 1) * 1000
            assert left.startswith(f'"audio-seconds";r={1000 - CLIP_S - 1};')

    async def test_that_was_erased_stays_counted(self, world_with, clip):
        async with world_with(audio_seconds_per_hour=1) as world:
            key = await key_for(world)
            await world.client.delete((await post(world, clip, key)).headers["location"], headers=key)
            problem_of(await post(world, clip, key), 429, "too-many-requests")

    async def test_that_is_over_the_limit_is_not_received(self, world_with, clip):
        async def body():
            raise AssertionError("the body was read")
            yield b""

        async with world_with(audio_seconds_per_hour=1) as world:
            await post(world, clip)
            problem_of(await world.client.post("/analyze-audio", content=body()), 429, "too-many-requests")


async def test_both_limits_are_told_of_a_recording(world_with, clip):
    async with world_with(requests_per_minute=10, audio_seconds_per_hour=100) as world:
        response = await post(world, clip)
        assert response.headers["ratelimit"] == '"requests";r=9;t=60, "audio-seconds";r=100;t=3600'


async def test_what_was_used_is_forgotten_when_its_time_is_over(world_with, clip):
    async with world_with(requests_per_minute=10) as world:
        await post(world, clip)
        assert await world.count(Usage) == 2
        world.clock.ms += WINDOW_MS["audio"] - 1
        await world.service.housekeeping.purge()
        assert await world.count(Usage) == 2
        world.clock.ms += 1
        await world.service.housekeeping.purge()
        assert await world.count(Usage) == 0


async def test_no_more_recordings_are_taken_than_may_wait(world_with, clip):
    async def body():
        raise AssertionError("the body was read")
        yield b""

    async with world_with(audio_queue=2) as world, AsyncExitStack() as stack:
        for _ in range(world.service.settings.concurrency):
            await stack.enter_async_context(_place(world.service.limiter))
        for _ in range(2):
            await begun(world, clip)
        await checkpoint()
        response = await world.client.post("/analyze-audio", content=body())
        problem_of(response, 503, "busy")
        assert int(response.headers["retry-after"]) > 0
        await stack.aclose()
        await world.passes()
        assert (await post(world, clip)).status_code == 200


class _place:  # noqa: N801 (a context manager)
    """A place of the limiter, held by somebody else."""

    def __init__(self, limiter):
        self._limiter = limiter

    async def __aenter__(self):
        await self._limiter.acquire_on_behalf_of(self)

    async def __aexit__(self, *_):
        self._limiter.release_on_behalf_of(self)
