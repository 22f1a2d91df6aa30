"""What callers are told without asking (Standard Webhooks), over the API."""

import json
import time

import pytest
from standardwebhooks import Webhook

from service.analyses.rows import Callback, Delivery
from service.schemas import CallbackMessage
from service.security.webhooks import Secrets, new_secret
from tests.service.api.kit import begun, completed, post, problem_of, read
from tests.service.security.endpoints import Names
from tests.world import TRANSCRIBED, Clock, reply

pytestmark = pytest.mark.anyio

URL = "https://crm.example.com/hooks?token=swordfish"
SECRET = new_secret(b"x" * 32)
SIGNED = {"callback_secrets": Secrets({"https://crm.example.com/": [SECRET]})}


async def messages(world):
    """The messages that were sent, whose signatures the reference library has verified."""
    for request in world.callers.requests:
        Webhook(SECRET).verify(await request.aread(), request.headers)
    return [(request.headers["webhook-id"], json.loads(request.content)) for request in world.callers.requests]


@pytest.fixture
def today():
    """The reference library takes no messages of another time than its own."""
    return Clock(time.time_ns() // 1_000_000)


async def test_how_it_sounded_is_told_and_then_that_the_words_are_there(world_with, clip, today):
    async with world_with(clock=today, **TRANSCRIBED, **SIGNED) as world:
        fields = {"callback_url": URL, "external_id": "call-42", "metadata": '{"queue": "billing"}'}
        location = await completed(world, clip, **fields)
        await world.passes()
        told = await messages(world)
        assert [message["type"] for _, message in told] == ["analysis.acoustics_ready", "analysis.completed"]
        assert len({key for key, _ in told}) == 2
        for _, message in told:
            CallbackMessage.model_validate(message)
            assert message["data"]["id"] == location.removeprefix("/analyses/")
            assert (message["data"]["external_id"], message["data"]["metadata"]) == ("call-42", {"queue": "billing"})
            assert await read(world, message["data"]["url"])
        transcripts = [message["data"]["transcript"] for _, message in told]
        assert transcripts == ["pending", "completed"]
        assert {request.headers["host"] for request in world.callers.requests} == {"crm.example.com"}
        assert {request.url.raw_path for request in world.callers.requests} == {b"/hooks?token=swordfish"}


async def test_nothing_of_what_was_heard_or_said_is_told(world_with, clip, today):
    async with world_with(clock=today, **TRANSCRIBED, **SIGNED) as world:
        location = await completed(world, clip, callback_url=URL)
        analysis = await read(world, location)
        told = json.dumps(await messages(world))
        assert analysis["transcript"]["words"]["utterances"][0]["text"] not in told
        assert "scores" not in told


async def test_without_words_to_come_the_end_alone_is_told(world_with, clip, today):
    async with world_with(clock=today, **SIGNED) as world:
        await post(world, clip, callback_url=URL)
        await world.passes()
        ((_, message),) = await messages(world)
        assert (message["type"], message["data"]["status"]) == ("analysis.completed", "completed")


async def test_a_failure_is_told(world_with, today):
    async with world_with(clock=today, **SIGNED) as world:
        problem = (await post(world, b"This is no audio.", callback_url=URL)).json()
        await world.passes()
        ((_, message),) = await messages(world)
        assert message["type"] == "analysis.failed"
        assert message["data"]["problem"]["type"] == problem["type"]


async def test_what_was_told_is_listed_with_every_try(world_with, clip, today):
    answers = iter([reply(503), reply(302, location="https://elsewhere.example.com/"), reply(200)])
    async with world_with(clock=today, callers=lambda _: next(answers), **SIGNED) as world:
        location = await completed(world, clip, callback_url=URL)
        (pending,) = (await read(world, f"{location}/callbacks"))["callbacks"]
        assert (pending["type"], pending["status"]) == ("analysis.completed", "pending")
        assert pending["next_attempt_at"] is not None
        assert "swordfish" not in json.dumps(pending)
        await world.passes(6)
        await world.passes(330)
        (delivered,) = (await read(world, f"{location}/callbacks"))["callbacks"]
        assert (delivered["id"], delivered["status"]) == (pending["id"], "delivered")
        assert delivered["next_attempt_at"] is None
        assert [attempt["status"] for attempt in delivered["attempts"]] == [503, 302, 200]
        assert [attempt["error"] is None for attempt in delivered["attempts"]] == [False, False, True]
        assert {request.headers["webhook-id"] for request in world.callers.requests} == {pending["id"]}
        bodies = {await request.aread() for request in world.callers.requests}
        assert len(bodies) == 1


async def test_an_endpoint_that_is_gone_is_left_alone(world_with, clip, today):
    async with world_with(clock=today, callers=lambda _: reply(410), **SIGNED) as world:
        location = await completed(world, clip, callback_url=URL)
        await world.passes(86_400)
        (callback,) = (await read(world, f"{location}/callbacks"))["callbacks"]
        assert (callback["status"], callback["next_attempt_at"]) == ("failed", None)
        assert len(callback["attempts"]) == len(world.callers.requests) == 1


async def test_an_endpoint_that_leads_inside_is_not_called(world_with, clip, today):
    async with world_with(clock=today, resolve=Names(["10.0.0.5"]), **SIGNED) as world:
        location = await completed(world, clip, callback_url=URL)
        (callback,) = (await read(world, f"{location}/callbacks"))["callbacks"]
        (attempt,) = callback["attempts"]
        assert attempt["status"] is None
        assert "crm.example.com is not a public host" in attempt["error"]
        assert world.callers.requests == []


async def test_all_is_told_once_more_to_who_asks_for_it(world_with, clip, today):
    async with world_with(clock=today, **TRANSCRIBED, **SIGNED) as world:
        location = await completed(world, clip, callback_url=URL)
        await world.passes()
        first = await messages(world)
        response = await world.client.post(f"{location}/callbacks/redeliver")
        assert response.status_code == 202
        assert [callback["status"] for callback in response.json()["callbacks"]] == ["pending", "pending"]
        await world.passes()
        told = await messages(world)
        assert len(told) == 4
        assert sorted(map(repr, told[2:])) == sorted(map(repr, first))
        callbacks = (await read(world, f"{location}/callbacks"))["callbacks"]
        assert [callback["status"] for callback in callbacks] == ["delivered", "delivered"]
        assert [len(callback["attempts"]) for callback in callbacks] == [2, 2]


async def test_what_was_given_up_is_told_when_it_is_asked_for(world_with, clip, today):
    async with world_with(clock=today, callers=lambda _: reply(410), **SIGNED) as world:
        location = await completed(world, clip, callback_url=URL)
        await world.passes()
        world.callers.handler = lambda _: reply(204)
        await world.client.post(f"{location}/callbacks/redeliver")
        await world.passes()
        (callback,) = (await read(world, f"{location}/callbacks"))["callbacks"]
        assert callback["status"] == "delivered"


async def test_who_gave_no_address_is_told_nothing(world_with, clip):
    async with world_with(**SIGNED) as world:
        location = await completed(world, clip)
        assert await read(world, f"{location}/callbacks") == {"callbacks": []}
        response = await world.client.post(f"{location}/callbacks/redeliver")
        assert (response.status_code, response.json()) == (202, {"callbacks": []})
        assert world.callers.requests == []


async def test_of_an_erased_analysis_nothing_more_is_told(world_with, clip, today):
    async with world_with(clock=today, callers=lambda _: reply(503), **SIGNED) as world:
        location = await begun(world, clip, callback_url=URL)
        await world.passes()
        assert len(world.callers.requests) == 1
        await world.client.delete(location)
        await world.passes(3600)
        assert len(world.callers.requests) == 1
        assert (await world.count(Callback), await world.count(Delivery)) == (0, 0)
        problem_of(await world.client.get(f"{location}/callbacks"), 410, "erased-analysis")
        problem_of(await world.client.post(f"{location}/callbacks/redeliver"), 410, "erased-analysis")
