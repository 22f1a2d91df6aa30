"""What people say and who they are appears in no line of the log, metric, trace, or answer to somebody else."""

import json
import logging

import httpx2
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr
from sqlalchemy import text

from service.analyses.states import Step
from service.observability.logs import OWN, JsonFormatter
from service.security.keys import USUAL
from service.security.webhooks import Secrets, new_secret
from tests.assemblyai import Line, Operation, rejection
from tests.service.api.kit import post
from tests.world import TRANSCRIBED, reply

pytestmark = pytest.mark.anyio

PHONE = "+14155550100"
NAME = "Ottoline Featherstonehaugh"
SENTENCE = "the parrot has eaten my passport"
TOKEN = "t0k3n-of-the-recording"  # noqa: S105 - nobody's
KEY = "assemblyai-key-nobody-may-see"
CALLBACK_SECRET = new_secret(b"x" * 32)
CALLBACK_URL = f"https://crm.example.com/hooks?token={TOKEN}"
WHO = {"external_id": NAME, "metadata": json.dumps({"from_number": PHONE, "note": SENTENCE})}


def planted(api_key):
    """Whatever may not be seen, in the pieces in which it might be."""
    return [
        PHONE[1:],
        "Ottoline",
        "Featherstonehaugh",
        "parrot",
        "passport",
        TOKEN,
        KEY,
        CALLBACK_SECRET[8:],
        api_key[-40:],
    ]


async def _all_that_goes_well(world, call, caller):
    await completed_call(world, call, caller)
    await world.client.get("/analyses", params={"external_id": NAME}, headers=caller)
    await world.client.post("/analyze-text", json={"text": SENTENCE, "external_id": NAME}, headers=caller)


async def completed_call(world, call, caller):
    location = (
        await post(world, call, {"Prefer": "respond-async", **caller}, callback_url=CALLBACK_URL, **WHO)
    ).headers["location"]
    for _ in range(6):
        await world.passes(3)
    return location


async def _all_that_callers_do_wrong(world, call, caller):
    await post(world, SENTENCE.encode(), caller, **WHO)
    await post(world, call, caller, channel_roles=NAME, language=SENTENCE, **{SENTENCE: PHONE})
    await post(world, call, caller, metadata=SENTENCE)
    await world.client.post("/analyze-text", content=f'{{"text": "{SENTENCE}', headers=caller)
    await world.client.get(f"/analyses/{NAME}?token={TOKEN}", headers=caller)
    await world.client.get(f"/{SENTENCE}", headers={"X-Request-ID": NAME, "User-Agent": NAME, **caller})
    await world.client.get("/analyses", headers={"X-API-Key": caller["X-API-Key"][:-1] + "a"})


async def _all_that_others_do_wrong(world, call, caller):
    def unreachable(request):
        raise httpx2.ConnectError(f"{request.url} {SENTENCE}")

    def broken(request):
        raise RuntimeError(f"{request.url} {SENTENCE}")

    link = {"audio_url": f"https://crm.example.com/call.wav?token={TOKEN}", "callback_url": CALLBACK_URL}
    for handler in (unreachable, lambda _: reply(403), lambda _: reply(503, SENTENCE.encode())):
        world.callers.handler = handler
        await world.client.post("/analyze-audio", json=link, headers={"Prefer": "respond-async", **caller})
        await world.passes()
    for handler in (unreachable, broken):
        world.callers.handler = handler
        await completed_call(world, call, caller)
    world.callers.handler = lambda _: reply()
    said = f"{SENTENCE}, says {NAME}"
    gone = rejection(403, f"Cannot access uploaded file. {said}")
    world.assemblyai.plan(Operation.upload, rejection(400, said), rejection(500, said), gone)
    await completed_call(world, call, caller)
    await completed_call(world, call, caller)
    world.assemblyai.outcome(said)
    await completed_call(world, call, caller)
    world.assemblyai.plan(Operation.delete, rejection(400, said), rejection(400, said))
    world.assemblyai.plan(Operation.list, rejection(400, said))
    await completed_call(world, call, caller)
    await world.passes(60)


async def _all_that_breaks_here(world, call, caller):
    async def fall(*_args):
        raise RuntimeError(f"{SENTENCE} {NAME} {PHONE} {TOKEN}")

    steps = world.service.pipeline.steps
    acoustics, steps[Step.acoustics] = steps[Step.acoustics], fall
    await completed_call(world, call, caller)
    steps[Step.acoustics] = acoustics
    async with world.service.database.writing() as session:
        await session.execute(text("ALTER TABLE analyses RENAME TO gone"))
    for request in (
        lambda: post(world, call, caller, **WHO),
        lambda: world.client.get("/analyses", params={"external_id": NAME}, headers=caller),
    ):
        with pytest.raises(Exception, match="no such table") as error:
            await request()
        logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error.value)  # as it does
    async with world.service.database.writing() as session:
        await session.execute(text("ALTER TABLE gone RENAME TO analyses"))


async def test_nothing_personal_and_no_secret_is_told_to_anybody_else(world_with, clip, caplog):
    caplog.set_level(logging.WARNING)
    for own in OWN:
        caplog.set_level(logging.DEBUG, own)
    caplog.handler.setFormatter(JsonFormatter())
    spans = InMemorySpanExporter()
    settings = {
        **TRANSCRIBED,
        "assemblyai_api_key": SecretStr(KEY),
        "callback_secrets": Secrets({"*": [CALLBACK_SECRET]}),
        "redact_transcripts": False,
        "allow_anonymous": True,
    }
    async with world_with(spans=spans, **settings) as world:
        world.assemblyai._key = KEY
        world.assemblyai.lines = [Line(1, f"{SENTENCE}, call me at {PHONE}, says {NAME}", 240, 9_000)]
        api_key = await world.service.keyring.create("acme", USUAL, None)
        caller, clip = {"X-API-Key": api_key}, clip[:32_000]  # two seconds
        await _all_that_goes_well(world, clip, caller)
        await _all_that_callers_do_wrong(world, clip, caller)
        await _all_that_others_do_wrong(world, clip, caller)
        await _all_that_breaks_here(world, clip, caller)
        mine = [row["id"] for row in (await world.client.get("/analyses?limit=100", headers=caller)).json()["analyses"]]
        others = [await world.client.get(f"/analyses/{each}{path}") for each in mine for path in ("", "/callbacks")]
        metrics = (await world.client.get("/metrics")).text
    assert {answer.status_code for answer in others} == {404}
    finished = spans.get_finished_spans()
    told = {
        "logs": caplog.text,
        "metrics": metrics,
        "traces": "\n".join(span.to_json() for span in finished),
        "answers to others": "\n".join(f"{answer.headers} {answer.text}" for answer in others),
    }
    for where, content in told.items():
        assert [each for each in planted(api_key) if each.lower() in content.lower()] == [], where
    # All of that was told of.
    for word in (
        "no recording for",
        "no words for",
        "could not be sent",
        "is not deleted yet",
        "acoustics of",
        "RuntimeError",
    ):
        assert word in told["logs"], word
    for name in ("POST /analyze-audio", "step acoustics", "assemblyai new", "callback"):
        assert name in {span.name for span in finished}
