"""POST /analyze-audio with the address of a recording."""

import json
import logging

import httpx2
import pytest
from sqlalchemy import select

from service.analyses.rows import Analysis, Base
from tests.service.api.kit import listed, problem_of
from tests.service.security.endpoints import Names
from tests.world import reply

pytestmark = pytest.mark.anyio

KEY = "swordfish"
URL = f"https://crm.example.com/calls/1.wav?key={KEY}"


def link(world, audio_url=URL, headers=None, **fields):
    return world.client.post("/analyze-audio", json={"audio_url": audio_url, **fields}, headers=headers)


async def test_the_recording_is_fetched_and_analysed(world_with, clip):
    async with world_with(callers=lambda _: reply(200, clip)) as world:
        fields = {"channel_roles": ["agent", "customer"], "external_id": "call-42", "metadata": {"queue": "billing"}}
        response = await link(world, **fields)
        assert response.status_code == 200
        answer = response.json()
        assert answer["timeline"]
        assert [channel["role"] for channel in answer["channels"]] == fields["channel_roles"]
        assert (answer["external_id"], answer["metadata"]) == (fields["external_id"], fields["metadata"])
        (request,) = world.callers.requests
        assert (request.method, request.headers["host"]) == ("GET", "crm.example.com")
        uploaded = {"file": clip}, {"channel_roles": "agent,customer"}
        same = await world.client.post("/analyze-audio", files=uploaded[0], data=uploaded[1])
        assert same.json()["timeline"] == answer["timeline"]


@pytest.mark.parametrize(
    ("body", "status", "kind", "field"),
    [
        (b"", 400, "bad-request", None),
        (b'{"audio_url": ', 400, "bad-request", None),
        (b"\xff", 400, "bad-request", None),
        (b"[]", 422, "invalid-request", None),
        (b"null", 422, "invalid-request", None),
        (b"{}", 422, "invalid-request", "audio_url"),
        (b'{"audio_url": 7}', 422, "invalid-request", "audio_url"),
        (json.dumps({"audio_url": URL + "x" * 2048}).encode(), 422, "invalid-request", "audio_url"),
        (json.dumps({"audio_url": URL, "channel_roles": ["boss"]}).encode(), 422, "invalid-request", "channel_roles.0"),
        (json.dumps({"audio_url": URL, "file": "call.wav"}).encode(), 422, "unknown-field", "file"),
    ],
)
async def test_a_body_that_names_no_recording(world_with, body, status, kind, field):
    async with world_with() as world:
        headers = {"content-type": "application/json"}
        response = await world.client.post("/analyze-audio", content=body, headers=headers)
        problem = problem_of(response, status, kind)
        assert [error["field"] for error in problem.get("errors", [])] == ([field] if field else [])
        assert KEY not in response.text
        assert await world.count(Analysis) == 0


async def test_a_json_body_has_the_limit_of_json(world_with):
    async with world_with(max_json_bytes=1000) as world:
        response = await link(world, metadata={"note": "x" * 1000})
        assert "1000 bytes" in problem_of(response, 413, "too-large")["detail"]


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.com/call.wav",
        "ftp://crm.example.com/call.wav",
        "/call.wav",
        "https://",
        "https://user:swordfish@crm.example.com/call.wav",
        "https://localhost/call.wav",
        "https://127.0.0.1/call.wav",
        "https://[::1]/call.wav",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/call.wav",
        "https://crm.internal/call.wav",
        "https://crm.example.com\\@127.0.0.1/call.wav",
        "https://crm.example.com/a b.wav",
    ],
)
async def test_an_address_that_is_not_allowed_is_refused_at_once(world_with, url):
    async with world_with() as world:
        response = await link(world, url)
        problem_of(response, 422, "refused-url")
        assert KEY not in response.text
        assert await world.count(Analysis) == 0
        assert world.callers.requests == []


async def test_a_name_that_leads_inside_is_refused_when_it_is_resolved(world_with):
    async with world_with(resolve=Names(["10.0.0.5"])) as world:
        problem = problem_of(await link(world), 422, "refused-url")
        assert list(await listed(world, status="failed")) == [problem["instance"].removeprefix("/analyses/")]
        assert world.callers.requests == []


async def test_an_address_inside_that_the_deployer_allows(world_with, clip):
    allowed = {"allowed_hosts": ("10.0.0.5:8080",)}
    async with world_with(callers=lambda _: reply(200, clip), resolve=Names(["10.0.0.5"]), **allowed) as world:
        assert (await link(world, "http://10.0.0.5:8080/call.wav")).status_code == 200


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        (lambda: reply(404), 422, "unfetchable-audio"),
        (lambda: reply(403), 422, "unfetchable-audio"),
        (lambda: reply(200, b"x", content_encoding="gzip"), 422, "unfetchable-audio"),
        (lambda: reply(302, location="https://10.0.0.5/"), 422, "refused-url"),
        (lambda: reply(200, bytes(20_001)), 413, "too-large"),
        (lambda: reply(200, b"This is no audio."), 415, "not-audio"),
    ],
)
async def test_what_is_no_recording_is_a_problem_and_a_failed_analysis(world_with, answer, status, kind):
    async with world_with(callers=lambda _: answer(), max_upload_bytes=20_000) as world:
        response = await link(world, external_id="call-42")
        problem = problem_of(response, status, kind)
        failed = (await world.client.get(problem["instance"])).json()
        assert (failed["status"], failed["external_id"]) == ("failed", "call-42")
        assert KEY not in response.text


async def test_a_server_that_is_down_is_asked_again_later(world_with, clip):
    answers = iter([reply(503), reply(503), reply(200, clip)])
    async with world_with(callers=lambda _: next(answers)) as world:
        location = (await link(world, headers={"Prefer": "respond-async"})).headers["location"]
        await world.passes()
        assert (await world.client.get(location)).json()["status"] == "queued"
        await world.passes(2)
        await world.passes(4)
        assert (await world.client.get(location)).json()["status"] == "completed"


async def test_a_server_that_stays_down_is_given_up_and_may_be_tried_again(world_with, clip):
    def down(request):
        raise httpx2.ConnectError("refused", request=request)

    async with world_with(callers=down) as world:
        location = (await link(world, headers={"Prefer": "respond-async"})).headers["location"]
        for _ in range(6):
            await world.passes(60)
        failed = (await world.client.get(location)).json()
        assert failed["problem"]["type"] == "/problems/unfetchable-audio"
        assert "crm.example.com could not be reached" in failed["problem"]["detail"]
        tries = len(world.callers.requests)
        await world.passes(3600)
        assert len(world.callers.requests) == tries
        world.callers.handler = lambda _: reply(200, clip)
        assert (await world.client.post(f"{location}/retry")).status_code == 202
        await world.passes()
        assert (await world.client.get(location)).json()["status"] == "completed"


@pytest.mark.parametrize("found", [True, False])
async def test_the_address_is_told_to_nobody(world_with, clip, caplog, found):
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # as the service does
    async with world_with(callers=lambda _: reply(200, clip) if found else reply(503)) as world:
        told = [await link(world, headers={"Prefer": "respond-async"})]
        for _ in range(6):
            await world.passes(60)
        path = told[0].headers["location"]
        paths = (path, f"{path}/events", f"{path}/callbacks", "/analyses")
        told += [await world.client.get(shown) for shown in paths]
        told.append(await world.client.delete(path))
        assert [answer for answer in told if KEY in answer.text or KEY in str(answer.headers)] == []
    assert KEY not in caplog.text


async def test_once_the_recording_is_here_its_address_is_forgotten(world_with, clip):
    async with world_with(callers=lambda _: reply(200, clip)) as world:
        await link(world)
        async with world.service.database.reading() as session:
            for table in Base.metadata.sorted_tables:
                rows = (await session.execute(select(table))).all()
                assert KEY not in repr(rows), table.name
