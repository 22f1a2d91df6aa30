"""GET /analyses/{id}/events: what a client is told while it follows (server-sent events)."""

import json

import pytest

from tests.service.api.kit import begun, completed, key_for, post, problem_of, read
from tests.world import TRANSCRIBED, streamed

pytestmark = pytest.mark.anyio


def parsed(event):
    """Kind, id and data of an event."""
    fields = dict(line.split(": ", 1) for line in event.splitlines())
    assert set(fields) == {"event", "id", "data"}
    return fields["event"], int(fields["id"]), json.loads(fields["data"])


async def rest(stream):
    """All events until the stream is closed."""
    events = []
    while (event := await stream.event()) is not None:
        events.append(parsed(event))
    return events


async def test_progress_and_then_the_end(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        location = (await post(world, clip, external_id="call-42")).headers["location"]
        await world.passes()
        async with streamed(world.app, f"{location}/events") as stream:
            kind, number, progress = parsed(await stream.event())
            assert kind == "progress"
            assert (progress["id"], progress["external_id"]) == (location.removeprefix("/analyses/"), "call-42")
            assert (progress["status"], progress["step"], progress["transcript"]) == (
                "processing",
                "transcription",
                "pending",
            )
            for _ in range(3):
                await world.passes(3)
            told = await rest(stream)
        assert [kind for kind, _, _ in told] == ["progress"] * (len(told) - 1) + ["end"]
        numbers = [number, *(number for _, number, _ in told)]
        assert numbers == sorted(set(numbers))
        last = told[-1][2]
        assert (last["status"], last["step"], last["transcript"]) == ("completed", "done", "completed")
        summary = {name: value for name, value in (await read(world, location)).items() if name in last}
        assert summary | {"transcript": "completed"} == {name: last[name] for name in summary}


async def test_every_follower_is_told(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        path = f"{(await post(world, clip)).headers['location']}/events"
        async with streamed(world.app, path) as one, streamed(world.app, path) as other:
            assert await one.event() == await other.event()
            for _ in range(4):
                await world.passes(3)
            assert (await rest(one))[-1] == (await rest(other))[-1]


async def test_who_reconnects_is_told_how_it_stands(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        path = f"{(await post(world, clip)).headers['location']}/events"
        await world.passes()
        async with streamed(world.app, path) as stream:
            first = await stream.event()
        async with streamed(world.app, path) as stream:
            assert await stream.event() == first
        for _ in range(3):
            await world.passes(3)
        async with streamed(world.app, path) as stream:
            ((kind, number, progress),) = await rest(stream)
        assert (kind, progress["transcript"]) == ("end", "completed")
        assert number > parsed(first)[1]


async def test_what_has_ended_is_told_and_that_is_all(world_with, clip):
    async with world_with() as world:
        location = await completed(world, clip)
        response = await world.client.get(f"{location}/events")
        assert response.status_code == 200
        assert response.headers["content-type"].partition(";")[0] == "text/event-stream"
        assert response.headers["cache-control"] == "no-cache"
        kind, _, progress = parsed(response.text.rstrip())
        assert (kind, progress["status"], progress["transcript"]) == ("end", "completed", "none")


async def test_a_failure_is_an_end_too(world_with):
    async with world_with() as world:
        location = (await post(world, b"This is no audio.")).headers["location"]
        kind, _, progress = parsed((await world.client.get(f"{location}/events")).text.rstrip())
        assert (kind, progress["status"]) == ("end", "failed")


async def test_one_that_is_tried_again_is_followed_again(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        world.assemblyai.outcome("Transcoding failed.")
        location = await completed(world, clip)
        await world.client.post(f"{location}/retry")
        async with streamed(world.app, f"{location}/events") as stream:
            kind, _, progress = parsed(await stream.event())
            assert (kind, progress["status"], progress["transcript"]) == ("progress", "completed", "pending")
            for _ in range(4):
                await world.passes(3)
            assert (await rest(stream))[-1][0] == "end"


async def test_erased_meanwhile_the_stream_is_closed(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        location = await begun(world, clip)
        await world.passes()
        async with streamed(world.app, f"{location}/events") as stream:
            await stream.event()
            await world.client.delete(location)
            assert await stream.event() is None
        problem_of(await world.client.get(f"{location}/events"), 410, "erased-analysis")


async def test_the_stream_is_closed_when_the_service_ends(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        location = await begun(world, clip)
        await world.passes()
        async with streamed(world.app, f"{location}/events") as stream:
            await stream.event()
            world.service.stop()
            assert await stream.event() is None


async def test_a_follower_who_leaves_leaves_nothing_behind(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        location = await begun(world, clip)
        await world.passes()
        async with streamed(world.app, f"{location}/events") as stream:
            await stream.event()
        for _ in range(3):
            await world.passes(3)
        assert (await read(world, location))["transcript"]["status"] == "completed"


async def test_whose_key_is_revoked_is_told_nothing_more(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        location = (await post(world, clip)).headers["location"]
        async with streamed(world.app, f"{location}/events") as stream:
            assert parsed(await stream.event())[0] == "progress"
            await key_for(world)  # from now on nobody is let in without
            await world.passes(3)
            while (told := await stream.event()) == ": ping":
                pass
            assert told is None
