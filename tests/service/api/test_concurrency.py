import anyio
import pytest

from service.analyses.store import Filters

UPLOADS = 20


@pytest.mark.anyio
async def test_the_service_answers_while_many_uploads_are_analysed(world_with, call):
    call = call[:100_000]  # a few seconds
    answers, answered = anyio.create_memory_object_stream[int](UPLOADS)
    async with world_with(concurrency=2) as world, anyio.create_task_group() as tasks, answers, answered:
        client = world.client

        async def upload() -> None:
            response = await client.post("/analyze-audio", files={"file": call})
            await answers.send(response.status_code)

        async def alive() -> bool:
            return (await client.get("/healthz")).status_code == 200

        limiter = world.service.limiter
        places = [object(), object()]
        for place in places:  # taken, so that nothing is analysed yet
            await limiter.acquire_on_behalf_of(place)
        for _ in range(UPLOADS):
            tasks.start_soon(upload)
        while (
            len(await world.service.store.page(Filters(""), UPLOADS)) < UPLOADS
            or not limiter.statistics().tasks_waiting
        ):
            assert await alive()
        assert limiter.statistics().tasks_waiting == 2  # all are stored, and no more are taken than are worked on
        for place in places:
            limiter.release_on_behalf_of(place)
        for _ in range(UPLOADS):
            assert await answered.receive() == 200
            assert await alive()
