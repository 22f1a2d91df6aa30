"""POST /webhooks/assemblyai/{id}: AssemblyAI says that a transcript is ready."""

import pytest

from service.transcription.assemblyai import WEBHOOK_HEADER
from tests.assemblyai import STUCK, Early, Operation
from tests.service.api.kit import begun, problem_of, read
from tests.world import PUBLIC_URL, TRANSCRIBED

pytestmark = pytest.mark.anyio

REACHABLE = {"public_url": PUBLIC_URL, **TRANSCRIBED}


async def ordered(world, clip):
    """Where an analysis is whose transcript was ordered, and the order."""
    location = await begun(world, clip)
    await world.passes()
    return location, list(world.assemblyai.orders.values())[-1]


async def status(world, location):
    return (await read(world, location))["transcript"]["status"]


def notify(world, location, secret, transcript_id):
    path = location.replace("/analyses/", "/webhooks/assemblyai/")
    headers = {} if secret is None else {WEBHOOK_HEADER: secret}
    return world.client.post(path, headers=headers, json={"transcript_id": transcript_id, "status": "completed"})


async def test_the_transcript_is_fetched_at_once(world_with, clip):
    async with world_with(**REACHABLE) as world:
        location, order = await ordered(world, clip)
        assert await status(world, location) == "pending"
        await world.assemblyai.finish(order.id)
        assert order.webhook_status == 204
        await world.passes()
        assert await status(world, location) == "completed"


async def test_twice_is_harmless(world_with, clip):
    async with world_with(**REACHABLE) as world:
        location, order = await ordered(world, clip)
        await world.assemblyai.finish(order.id, times=2)
        await world.passes()
        done = await read(world, location)
        assert done["transcript"]["status"] == "completed"
        await world.assemblyai.finish(order.id)
        assert order.webhook_status == 403  # nobody waits for it any more
        await world.passes(3600)
        assert await read(world, location) == done
        assert list(world.assemblyai.ordered.values()) == [1]


async def test_it_may_come_before_the_order_is_answered(world_with, clip):
    async with world_with(**REACHABLE) as world:
        world.assemblyai.plan(Operation.create, Early())
        location, order = await ordered(world, clip)
        assert order.webhook_status == 204
        assert await status(world, location) == "completed"


async def test_what_it_says_is_not_believed(world_with, clip):
    async with world_with(**REACHABLE) as world:
        world.assemblyai.outcome(STUCK)
        location, order = await ordered(world, clip)
        secret = order.parameters["webhook_auth_header_value"]
        assert (await notify(world, location, secret, order.id)).status_code == 204
        await world.passes()
        assert await status(world, location) == "pending"
        assert len(world.assemblyai.orders) == 1


@pytest.mark.parametrize("secret", [None, "", "wrong", "größe".encode()])
async def test_without_the_secret_it_is_refused(world_with, clip, secret):
    async with world_with(**REACHABLE) as world:
        location, order = await ordered(world, clip)
        order.status = "completed"
        response = await notify(world, location, secret, order.id)
        problem_of(response, 403, "refused-webhook")
        assert order.parameters["webhook_auth_header_value"] not in response.text
        await world.passes()
        assert await status(world, location) == "pending"


async def test_the_secret_of_another_analysis_is_refused(world_with, clip):
    async with world_with(**REACHABLE) as world:
        _, one = await ordered(world, clip)
        location, other = await ordered(world, clip)
        assert one is not other
        problem_of(
            await notify(world, location, one.parameters["webhook_auth_header_value"], other.id), 403, "refused-webhook"
        )


async def test_a_transcript_of_another_order_is_refused(world_with, clip):
    async with world_with(**REACHABLE) as world:
        location, order = await ordered(world, clip)
        secret = order.parameters["webhook_auth_header_value"]
        problem_of(await notify(world, location, secret, "another"), 403, "refused-webhook")


async def test_of_an_erased_analysis_it_is_refused(world_with, clip):
    async with world_with(**REACHABLE) as world:
        location, order = await ordered(world, clip)
        await world.client.delete(location)
        await world.assemblyai.finish(order.id)
        assert order.webhook_status == 403


async def test_where_assemblyai_is_not_used_it_is_refused(world_with, clip):
    async with world_with() as world:
        problem_of(await notify(world, "/analyses/an_1", "secret", "1"), 403, "refused-webhook")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"transcript_id": 7}', b"\xff"])
def test_a_body_that_is_no_notification(client, body):
    response = client.post("/webhooks/assemblyai/an_1", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


async def test_without_an_address_of_its_own_the_service_asks(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        location, order = await ordered(world, clip)
        assert "webhook_url" not in order.parameters
        for _ in range(3):
            await world.passes(3)
        assert await status(world, location) == "completed"
        assert world.assemblyai.webhooks == []


async def test_a_webhook_that_is_lost_is_made_up_for(world_with, clip):
    async with world_with(**REACHABLE) as world:
        location, order = await ordered(world, clip)
        order.status = "completed"
        await world.passes(60)
        assert await status(world, location) == "completed"
