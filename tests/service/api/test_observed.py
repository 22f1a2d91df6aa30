"""What is told of a request, and how its id goes through."""

import json
import logging

import anyio
import pytest
from fastapi import APIRouter

from service.observability.logs import JsonFormatter
from tests.service.api.kit import post, problem_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def lines(caplog):
    """The lines so far, as JSON says them: ``lines("service.api.observed")`` those of one logger."""
    caplog.set_level(logging.INFO, "service")
    caplog.handler.setFormatter(JsonFormatter())

    def read(logger=None):
        found = [json.loads(line) for line in caplog.text.splitlines()]
        return [line for line in found if logger in (None, line["logger"])]

    return read


async def test_a_request_is_one_line_with_the_template_of_its_route(world_with, lines):
    async with world_with() as world:
        await world.client.get("/analyses?external_id=swordfish")
        await world.client.get("/analyses/swordfish")
        await world.client.get("/swordfish")
        await world.client.get("/problems/swordfish")
        await world.client.get("/docs")
        await world.client.request("SWORDFISH", "/models")
    told = lines("service.api.observed")
    assert [(line["method"], line["route"], line["status"]) for line in told] == [
        ("GET", "/analyses", 200),
        ("GET", "/analyses/{analysis_id}", 404),
        ("GET", "other", 404),
        ("GET", "/problems/{name}", 404),
        ("GET", "/docs", 200),
        ("other", "/models", 405),
    ]
    assert all(line["duration_ms"] >= 0 and line["message"].endswith(str(line["status"])) for line in told)
    assert [line for line in lines() if "swordfish" in json.dumps(line).lower()] == []


async def test_probes_are_told_of_where_all_is_told(world_with, lines, caplog):
    async with world_with() as world:
        for path in ("/healthz", "/readyz", "/metrics"):
            await world.client.get(path)
        assert lines("service.api.observed") == []
        caplog.set_level(logging.DEBUG, "service")
        await world.client.get("/healthz")
    assert [line["route"] for line in lines("service.api.observed")] == ["/healthz"]


async def test_what_is_refused_before_its_route_is_looked_for_is_told_under_it(world_with, lines):
    async with world_with(max_json_bytes=10) as world:
        problem_of(await world.client.post("/analyze-text", json={"text": "much too long"}), 413, "too-large")
        problem_of(await world.client.delete("/analyze-text"), 405, "method-not-allowed")
    assert [line["route"] for line in lines("service.api.observed")] == ["/analyze-text"] * 2


@pytest.mark.parametrize("sent", ["8e03978e-40d5-43e8-bc93-6894a57f9324", "a" * 64, "call.42_A"])
async def test_a_request_keeps_its_id(world_with, lines, sent):
    async with world_with() as world:
        response = await world.client.get("/models", headers={"X-Request-ID": sent})
    assert response.headers["x-request-id"] == sent
    assert [line["request_id"] for line in lines("service.api.observed")] == [sent]


@pytest.mark.parametrize("sent", [None, "", "short", "a" * 65, "Anna Smith, again", "id\u00e9e-id\u00e9e"])
async def test_a_request_without_an_id_that_is_well_formed_gets_one(world_with, sent):
    async with world_with() as world:
        headers = {} if sent is None else {"X-Request-ID": sent.encode("latin-1")}
        ids = [(await world.client.get("/healthz", headers=headers)).headers["x-request-id"] for _ in range(2)]
    assert all(each.startswith("req_") for each in ids)
    assert ids[0] != ids[1]


async def test_every_answer_has_an_id_whoever_gives_it(world_with):
    async with world_with(max_json_bytes=10) as world:
        for response in (
            await world.client.get("/nowhere"),
            await world.client.post("/analyze-text", json={"text": "much too long"}),
            await world.client.get("/analyses", headers={"X-API-Key": "v2v_nobody"}),
        ):
            assert response.is_error
            assert response.headers["x-request-id"]


async def test_lines_of_an_analysis_have_its_id_and_that_of_its_request(world_with, lines):
    async with world_with() as world:
        request_id = "8e03978e-40d5-43e8-bc93-6894a57f9324"
        failed = await post(world, b"This is no audio.", {"X-Request-ID": request_id})
        analysis_id = failed.headers["location"].removeprefix("/analyses/")
        await world.client.get(f"/analyses/{analysis_id}")
    accepted, asked = lines("service.api.observed")
    assert (accepted["analysis_id"], accepted["request_id"]) == (analysis_id, request_id)
    assert asked["analysis_id"] == analysis_id
    assert asked["request_id"] != request_id


async def test_an_error_that_nobody_foresaw_is_answered_and_left_to_who_serves(world_with, lines):
    router = APIRouter()

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("swordfish")

    async with world_with() as world:
        world.app.include_router(router)
        told = []

        async def send(message):
            told.append(message)

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/broken",
            "headers": [],
            "query_string": b"",
            "root_path": "",
        }
        with pytest.raises(RuntimeError):
            await world.app(scope, receive, send)
        metrics = (await world.client.get("/metrics")).text
    start, body = told[0], b"".join(message.get("body", b"") for message in told[1:])
    assert start["status"] == 500
    assert {b"content-type": b"application/problem+json"}.items() <= dict(start["headers"]).items()
    assert b"x-request-id" in dict(start["headers"])
    assert json.loads(body)["type"] == "/problems/internal-error"
    assert b"swordfish" not in body
    assert [line["status"] for line in lines("service.api.observed")] == [500]
    assert 'v2v_http_request_seconds_count{method="GET",route="/broken",status="500"} 1.0' in metrics


async def test_a_request_that_is_cut_off_is_told_of_as_such(world_with, lines):
    async def cut_off():
        cut.cancel()
        await anyio.sleep_forever()

    async def nobody(_):
        pass

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/analyze-text",
        "headers": [(b"content-type", b"application/json")],
        "query_string": b"",
        "root_path": "",
    }
    async with world_with() as world:
        with anyio.CancelScope() as cut:
            await world.app(scope, cut_off, nobody)
    assert [(line["route"], line["status"]) for line in lines("service.api.observed")] == [("/analyze-text", 499)]
