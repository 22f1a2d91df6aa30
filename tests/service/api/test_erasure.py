"""DELETE /analyses/{id}: everything goes, and only a receipt without content stays."""

import pytest
from sqlalchemy import select

from service.analyses.rows import Analysis, AudioFile, Base, Callback, Delivery, IdempotencyKey, Result
from service.security.keys import USUAL
from service.security.webhooks import Secrets, new_secret
from tests.assemblyai import DOWN, Operation
from tests.service.api.kit import begun, completed, listed, post, problem_of, read
from tests.world import PUBLIC_URL, TRANSCRIBED

pytestmark = pytest.mark.anyio

SIGNED = {"callback_secrets": Secrets({"*": [new_secret(b"x" * 32)]})}


def recordings(world):
    return list(world.service.settings.data_dir.glob("audio/??/*"))


async def test_everything_goes(world_with, clip):
    async with world_with(audio_retention_hours=1, **TRANSCRIBED, **SIGNED) as world:
        words = {"external_id": "swordfish", "metadata": '{"note": "swordfish"}'}
        fields = {"callback_url": "https://crm.example.com/swordfish", **words}
        await world.client.post("/analyze-audio", files={"file": clip}, headers={"Idempotency-Key": '"swordfish"'})
        location = await completed(world, clip, **fields)
        await world.passes()
        assert len(recordings(world)) == 1
        response = await world.client.delete(location)
        assert response.status_code == 200
        receipt = response.json()
        assert (receipt["id"], receipt["reason"]) == (location.removeprefix("/analyses/"), "request")
        assert receipt["erased_at"]
        (other,) = await listed(world)
        await world.client.delete(f"/analyses/{other}")
        await world.passes(60)
        assert recordings(world) == []
        for rows in (Analysis, AudioFile, Result, Callback, Delivery, IdempotencyKey):
            assert await world.count(rows) == 0, rows
        async with world.service.database.reading() as session:
            for table in Base.metadata.sorted_tables:
                assert "swordfish" not in repr((await session.execute(select(table))).all())


async def test_it_is_gone_for_everybody(world_with, clip):
    async with world_with() as world:
        location = await completed(world, clip)
        await world.client.delete(location)
        assert await listed(world) == {}
        for method, path in [
            ("GET", ""),
            ("POST", "/retry"),
            ("GET", "/callbacks"),
            ("POST", "/callbacks/redeliver"),
            ("GET", "/events"),
        ]:
            problem_of(await world.client.request(method, location + path), 410, "erased-analysis")


async def test_the_receipt_is_given_again(world_with, clip):
    async with world_with() as world:
        location = await completed(world, clip)
        first = (await world.client.delete(location)).json()
        world.clock.ms += 3_600_000
        again = await world.client.delete(location)
        assert (again.status_code, again.json()) == (200, first)
        assert set(first) == {"id", "erased_at", "reason", "provider", "provider_erased_at"}


async def test_a_recording_that_another_analysis_needs_stays(world_with, clip):
    async with world_with(audio_retention_hours=1) as world:
        one, other = await completed(world, clip), await completed(world, clip)
        (path,) = recordings(world)
        await world.client.delete(one)
        assert recordings(world) == [path]
        assert path.read_bytes() == clip
        await world.client.delete(other)
        assert recordings(world) == []


async def test_a_twin_that_is_still_to_be_analysed_is_not_disturbed(world_with, clip):
    async with world_with(concurrency=1) as world:
        limiter, place = world.service.limiter, object()
        await limiter.acquire_on_behalf_of(place)
        one, other = await begun(world, clip), await begun(world, clip)
        await world.client.delete(one)
        limiter.release_on_behalf_of(place)
        await world.passes()
        assert (await read(world, other))["status"] == "completed"
        problem_of(await world.client.get(one), 410, "erased-analysis")


async def test_what_is_erased_in_the_middle_of_its_work_does_not_come_back(world_with, clip):
    async with world_with(concurrency=1, **TRANSCRIBED) as world:
        limiter, place = world.service.limiter, object()
        await limiter.acquire_on_behalf_of(place)
        location = await begun(world, clip)
        await world.client.delete(location)
        limiter.release_on_behalf_of(place)
        for _ in range(3):
            await world.passes(60)
        assert (await world.count(Analysis), await world.count(Result)) == (0, 0)
        assert recordings(world) == []
        assert world.assemblyai.orders == {}
        problem_of(await world.client.get(location), 410, "erased-analysis")


async def test_who_waits_for_it_is_told(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        location = (await post(world, clip)).headers["location"]
        await world.client.delete(location)
        problem_of(await world.client.get(location), 410, "erased-analysis")


class TestTheProvidersCopy:
    async def test_is_deleted_once_the_words_are_here(self, world_with, clip):
        async with world_with(**TRANSCRIBED) as world:
            await completed(world, clip)
            await world.passes()
            assert [order.deleted for order in world.assemblyai.orders.values()] == [True]
            assert world.assemblyai.uploads == {}

    async def test_is_deleted_and_the_receipt_says_when(self, world_with, clip):
        async with world_with(public_url=PUBLIC_URL, **TRANSCRIBED) as world:
            location = await begun(world, clip)
            await world.passes()
            (order,) = world.assemblyai.orders.values()
            receipt = (await world.client.delete(location)).json()
            assert (receipt["provider"], receipt["provider_erased_at"]) == ("assemblyai", None)
            await world.passes()
            assert not order.deleted  # AssemblyAI deletes nothing that it still works on
            await world.assemblyai.finish(order.id)
            for _ in range(4):
                await world.passes(60)
            assert order.deleted
            again = (await world.client.delete(location)).json()
            assert again["provider_erased_at"] > again["erased_at"]
            assert again | {"provider_erased_at": None} == receipt

    async def test_is_deleted_when_the_provider_can_be_reached_again(self, world_with, clip):
        async with world_with(**TRANSCRIBED) as world:
            world.assemblyai.plan(Operation.delete, DOWN, DOWN)
            await completed(world, clip)
            (order,) = world.assemblyai.orders.values()
            assert not order.deleted
            for _ in range(3):
                await world.passes(60)
            assert order.deleted

    async def test_was_never_made_where_nothing_was_transcribed(self, world_with, clip):
        async with world_with(**TRANSCRIBED) as world:
            location = await completed(world, clip, transcription="none")
            receipt = (await world.client.delete(location)).json()
            await world.passes(60)
            assert (receipt["provider"], receipt["provider_erased_at"]) == (None, None)
            assert world.assemblyai.requests == {}


async def test_after_its_time_an_analysis_is_erased_unasked(world_with, clip):
    async with world_with(result_retention_days=1) as world:
        location = await completed(world, clip)
        world.clock.ms += 86_400_000 - 1
        await world.service.housekeeping.purge()
        assert (await read(world, location))["status"] == "completed"
        world.clock.ms += 1
        await world.service.housekeeping.purge()
        problem_of(await world.client.get(location), 410, "erased-analysis")
        assert (await world.client.delete(location)).json()["reason"] == "retention"


class TestAllOfACall:
    async def test_everything_under_an_external_id_goes(self, world_with, clip):
        async with world_with() as world:
            mine = [await completed(world, clip, external_id="call 42") for _ in range(3)]
            other = await completed(world, clip, external_id="call 43")
            response = await world.client.delete("/analyses", params={"external_id": "call 42"})
            assert response.status_code == 200
            receipts = response.json()["receipts"]
            assert [f"/analyses/{receipt['id']}" for receipt in receipts] == mine[::-1]
            assert {receipt["reason"] for receipt in receipts} == {"request"}
            for location in mine:
                problem_of(await world.client.get(location), 410, "erased-analysis")
            assert list(await listed(world)) == [other.removeprefix("/analyses/")]

    async def test_it_does_not_end_with_a_page(self, world_with, monkeypatch, clip):
        monkeypatch.setattr("service.api.analyses._ERASED_AT_A_TIME", 2)
        async with world_with() as world:
            for _ in range(5):
                await completed(world, clip, external_id="call 42")
            response = await world.client.delete("/analyses", params={"external_id": "call 42"})
            assert len(response.json()["receipts"]) == 5
            assert await listed(world) == {}

    async def test_where_there_is_nothing_nothing_is_told(self, world_with):
        async with world_with() as world:
            for _ in range(2):
                response = await world.client.delete("/analyses", params={"external_id": "call 42"})
                assert (response.status_code, response.json()) == (200, {"receipts": []})

    @pytest.mark.parametrize("query", [{}, {"external_id": "a" * 201}, {"external_id": "\0"}])
    async def test_without_an_id_nothing_is_erased(self, world_with, clip, query):
        async with world_with() as world:
            await completed(world, clip)
            problem_of(await world.client.delete("/analyses", params=query), 422, "invalid-request")
            assert len(await listed(world)) == 1

    async def test_another_tenants_stay(self, world_with, clip):
        async with world_with(allow_anonymous=True) as world:
            location = await completed(world, clip, external_id="call 42")
            key = await world.service.keyring.create("acme", USUAL, None)
            headers = {"X-API-Key": key}
            await post(world, clip, headers, external_id="call 42")
            response = await world.client.delete("/analyses", params={"external_id": "call 42"}, headers=headers)
            assert len(response.json()["receipts"]) == 1
            assert (await read(world, location))["status"] == "completed"
