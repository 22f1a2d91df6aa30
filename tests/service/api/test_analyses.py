"""The analyses that were made: read, listed, tried again."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator

from tests.assemblyai import Operation, rejection
from tests.service.api.kit import begun, completed, listed, post, problem_of, read
from tests.world import START, TRANSCRIBED

pytestmark = pytest.mark.anyio

MANY = 23


def at(seconds):
    return datetime.fromtimestamp(START / 1000 + seconds, UTC).isoformat()


@pytest.mark.parametrize("analysis_id", ["an_01kg9h1s00zzzzzzzzzzzzzzzz", "x", "a%00b", "%F0%9F%92%A9", "x" * 5000])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/retry"),
        ("GET", "/callbacks"),
        ("POST", "/callbacks/redeliver"),
        ("GET", "/events"),
    ],
)
def test_an_analysis_that_never_was(client, analysis_id, method, path):
    problem_of(client.request(method, f"/analyses/{analysis_id}{path}"), 404, "unknown-analysis")


class TestList:
    @pytest.fixture
    def many(self, world_with):
        """A world with MANY analyses; a second passes after every third, and every other is for another call."""

        @asynccontextmanager
        async def start():
            async with world_with() as world:
                for number in range(MANY):
                    await post(world, b"No audio.", external_id=f"call-{number % 2}", metadata=f'{{"n": {number}}}')
                    world.clock.ms += 1000 * (number % 3 == 2)
                yield world

        return start

    async def walk(self, world, path):
        """What the pages hold, from ``path`` to the last one."""
        while path is not None:
            page = await read(world, path)
            yield page["analyses"]
            path = page["next"]

    async def numbers(self, world, path):
        return [item["metadata"]["n"] async for page in self.walk(world, path) for item in page]

    async def test_all_are_listed_once_newest_first_whatever_the_size_of_a_page(self, many):
        async with many() as world:
            for limit in (1, 7, MANY - 1, MANY, MANY + 1, 100):
                pages = [page async for page in self.walk(world, f"/analyses?limit={limit}")]
                assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
                assert 0 < len(pages[-1]) <= limit
                numbers = [item["metadata"]["n"] for page in pages for item in page]
                assert numbers == list(reversed(range(MANY)))

    async def test_a_page_has_twenty_unless_something_else_is_asked_for(self, many):
        async with many() as world:
            assert [len(page) async for page in self.walk(world, "/analyses")] == [20, 3]

    async def test_what_is_new_does_not_disturb_a_walk(self, many):
        async with many() as world:
            numbers = []
            async for page in self.walk(world, "/analyses?limit=5"):
                numbers += [item["metadata"]["n"] for item in page]
                await post(world, b"No audio.", metadata='{"n": -1}')
            assert numbers == list(reversed(range(MANY)))

    async def test_filters_hold_over_all_pages(self, many):
        async with many() as world:
            assert await self.numbers(world, "/analyses?external_id=call-1&limit=4") == list(range(21, 0, -2))
            assert await self.numbers(world, "/analyses?external_id=call") == []
            assert await self.numbers(world, "/analyses?status=completed") == []
            assert len(await self.numbers(world, "/analyses?status=failed&limit=10")) == MANY
            query = {
                "created_from": at(2),
                "created_to": at(4),
                "limit": 2,
                "external_id": "call-0",
                "status": "failed",
            }
            first = await world.client.get("/analyses", params=query)
            rest = [number async for number in self.following(world, first.json())]
            assert rest == [10, 8, 6]

    async def following(self, world, page):
        for item in page["analyses"]:
            yield item["metadata"]["n"]
        if page["next"]:
            for number in await self.numbers(world, page["next"]):
                yield number

    async def test_times_are_from_and_including_to_and_not_including(self, many):
        async with many() as world:
            assert set(await self.times(world, created_from=at(3))) == {3, 4, 5, 6, 7}
            assert set(await self.times(world, created_to=at(3))) == {0, 1, 2}
            assert set(await self.times(world, created_from=at(3), created_to=at(4))) == {3}
            berlin = at(3).replace("08:00:03+00:00", "09:00:03+01:00")
            assert set(await self.times(world, created_from=berlin, created_to=at(4))) == {3}

    async def times(self, world, **query):
        return [item["metadata"]["n"] // 3 for item in (await listed(world, **query)).values()]

    async def test_what_was_found_is_not_listed(self, world_with, clip):
        async with world_with() as world:
            location = await completed(world, clip, external_id="call-42")
            (item,) = (await listed(world)).values()
            whole = await read(world, location)
            assert set(item) == {"id", "status", "created_at", "completed_at", "external_id", "metadata"}
            assert item == {name: whole[name] for name in item}

    def test_a_service_without_analyses(self, client_with):
        with client_with() as client:
            assert client.get("/analyses").json() == {"analyses": [], "next": None}

    @pytest.mark.parametrize(
        "query",
        [
            "cursor=x",
            "cursor=",
            "cursor=%25%25%25",
            "cursor=AA==",
            "cursor=%C3%BC",
            "cursor=YW5fMQ==",
            "cursor=" + "x" * 200,
            "limit=0",
            "limit=101",
            "limit=many",
            "status=done",
            "external_id=" + "x" * 201,
            "external_id=a%00",
            "created_from=yesterday",
            "created_from=2026-01-31T08:00:00",
            "created_to=2026-01-31",
        ],
    )
    def test_a_question_that_is_no_question(self, client, query):
        problem_of(client.get(f"/analyses?{query}"), 422, "invalid-request")


class TestFormat:
    """The whole of each payload is tested in tests/service/crm."""

    async def test_a_call_as_each_crm_takes_it(self, world_with, clip):
        async with world_with() as world:
            metadata = '{"from_number": "+14155550100", "queue": "billing"}'
            location = await completed(world, clip, external_id="call-42", metadata=metadata)
            hubspot = (await read(world, f"{location}?format=hubspot"))["properties"]
            assert hubspot["hs_timestamp"] == "2026-01-31T08:00:00.000Z"
            assert (hubspot["hs_call_title"], hubspot["hs_call_from_number"]) == ("Call call-42", "+14155550100")
            assert "hs_call_to_number" not in hubspot
            salesforce = await read(world, f"{location}?format=salesforce")
            assert set(salesforce) == {"CallDurationInSeconds", "FromPhoneNumber", "Description"}
            zendesk = (await read(world, f"{location}?format=zendesk"))["ticket"]
            assert (zendesk["external_id"], zendesk["comment"]["public"]) == ("call-42", False)
            assert "voice_comment" not in zendesk

    async def test_the_document_describes_what_is_answered(self, world_with, clip):
        async with world_with() as world:
            document = (await world.client.get("/openapi.json")).json()
            answered = document["paths"]["/analyses/{analysis_id}"]["get"]["responses"]["200"]["content"]
            schema = {**answered["application/json"]["schema"], "components": document["components"]}
            location = await completed(world, clip)
            for crm, kind in [
                ("hubspot", "HubSpotCall"),
                ("salesforce", "SalesforceVoiceCall"),
                ("zendesk", "ZendeskTicket"),
            ]:
                assert {"$ref": f"#/components/schemas/{kind}"} in schema["anyOf"]
                payload = await read(world, f"{location}?format={crm}")
                alone = {"$ref": f"#/components/schemas/{kind}", "components": document["components"]}
                Draft202012Validator(alone).validate(payload)
                assert set(payload) <= set(document["components"]["schemas"][kind]["properties"])

    async def test_what_is_under_way_is_not_logged_yet(self, world_with, clip):
        async with world_with(**TRANSCRIBED) as world:
            location = (await post(world, clip)).headers["location"]
            problem = problem_of(await world.client.get(f"{location}?format=hubspot"), 409, "not-completed")
            assert "when the callback analysis.completed has come" in problem["detail"]

    async def test_what_failed_is_not_logged(self, world_with):
        async with world_with() as world:
            location = (await post(world, b"This is no audio.")).headers["location"]
            problem = problem_of(await world.client.get(f"{location}?format=zendesk"), 409, "not-completed")
            assert f"POST {location}/retry" in problem["detail"]

    async def test_another_crm(self, world_with, clip):
        async with world_with() as world:
            location = await completed(world, clip)
            problem = problem_of(await world.client.get(f"{location}?format=siebel"), 422, "invalid-request")
            assert problem["errors"][0]["field"] == "format"


class TestRetry:
    async def test_what_lacks_nothing_is_not_tried_again(self, world_with, clip):
        async with world_with() as world:
            location = await completed(world, clip)
            problem_of(await world.client.post(f"{location}/retry"), 409, "not-retryable")

    async def test_what_is_under_way_is_not_tried_again(self, world_with, clip):
        async with world_with(**TRANSCRIBED) as world:
            location = (await post(world, clip)).headers["location"]
            problem_of(await world.client.post(f"{location}/retry"), 409, "not-retryable")

    async def test_what_can_never_be_analysed_is_not_tried_again(self, world_with):
        async with world_with() as world:
            location = (await post(world, b"This is no audio.")).headers["location"]
            problem = problem_of(await world.client.post(f"{location}/retry"), 409, "not-retryable")
            assert "post it again" in problem["detail"]

    async def test_words_that_were_refused_are_asked_for_again(self, world_with, clip):
        async with world_with(**TRANSCRIBED) as world:
            world.assemblyai.outcome("Transcoding failed.")
            location = await completed(world, clip)
            assert (await read(world, location))["transcript"]["status"] == "failed"
            response = await world.client.post(f"{location}/retry")
            assert response.status_code == 202
            progress = response.json()
            assert (progress["status"], progress["step"], progress["transcript"]) == (
                "completed",
                "transcription",
                "pending",
            )
            assert "retry-after" in (await world.client.get(location)).headers
            problem_of(await world.client.post(f"{location}/retry"), 409, "not-retryable")
            for _ in range(4):
                await world.passes(3)
            transcript = (await read(world, location))["transcript"]
            assert (transcript["status"], transcript["reason"]) == ("completed", None)
            assert transcript["words"]["text"]

    async def test_words_that_are_not_available_may_be_asked_for_at_once(self, world_with, clip):
        async with world_with(**TRANSCRIBED) as world:
            world.assemblyai.plan(Operation.upload, *[rejection(401, "no")] * 5)
            location = await begun(world, clip)
            for _ in range(5):
                await world.passes(60)
            assert (await read(world, location))["transcript"]["status"] == "unavailable"
            assert (await world.client.post(f"{location}/retry")).status_code == 202
            for _ in range(4):
                await world.passes(3)
            assert (await read(world, location))["transcript"]["status"] == "completed"

    async def test_after_its_time_the_recording_is_gone(self, world_with, clip):
        async with world_with(**TRANSCRIBED, recovery_hours=1) as world:
            world.assemblyai.outcome("Transcoding failed.")
            location = await completed(world, clip)
            world.clock.ms += 3_600_000
            await world.service.housekeeping.purge()
            problem = problem_of(await world.client.post(f"{location}/retry"), 409, "not-retryable")
            assert "not kept any more" in problem["detail"]

    async def test_what_failed_through_no_fault_of_its_own_begins_where_it_failed(self, world_with, clip):
        async with world_with(concurrency=1) as world:
            limiter, place = world.service.limiter, object()
            await limiter.acquire_on_behalf_of(place)
            location = await begun(world, clip)
            (path,) = world.service.settings.data_dir.glob("audio/??/*")
            path.unlink()
            limiter.release_on_behalf_of(place)
            for _ in range(6):
                await world.passes(60)
            assert (await read(world, location))["problem"]["type"] == "/problems/internal-error"
            path.write_bytes(clip)
            response = await world.client.post(f"{location}/retry")
            assert (response.status_code, response.json()["status"]) == (202, "processing")
            await world.passes()
            again = await read(world, location)
            assert (again["status"], again["problem"]) == ("completed", None)


@pytest.mark.parametrize("time", ["0", "0.5", "1795431475"])
def test_a_number_is_no_time(client, time):
    problem = problem_of(client.get("/analyses", params={"created_to": time}), 422, "invalid-request")
    assert "2026-01-31T08:00:00Z" in problem["detail"]
