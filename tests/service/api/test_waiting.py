"""POST /analyze-audio: what is answered when, and what a caller prefers (RFC 7240)."""

import anyio
import pytest

from service.analyses.rows import Analysis
from tests.service.api.kit import listed, post, problem_of
from tests.world import TRANSCRIBED

pytestmark = pytest.mark.anyio


async def test_without_words_to_wait_for_the_first_answer_is_complete(world_with, clip):
    async with world_with() as world:
        response = await post(world, clip)
        assert response.status_code == 200
        assert "retry-after" not in response.headers
        assert "preference-applied" not in response.headers
        answer = response.json()
        assert (answer["status"], answer["transcript"]["status"]) == ("completed", "none")
        assert answer["timeline"]
        assert answer["completed_at"] is not None
        again = await world.client.get(response.headers["location"])
        assert again.headers["content-type"] == "application/json"
        assert again.json() == answer


async def test_while_the_words_are_to_come_the_answer_is_how_it_sounded(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        response = await post(world, clip)
        assert response.status_code == 202
        assert int(response.headers["retry-after"]) > 0
        answer = response.json()
        assert response.headers["location"] == f"/analyses/{answer['id']}"
        assert (answer["status"], answer["completed_at"]) == ("processing", None)
        assert answer["transcript"] == {"status": "pending", "reason": None, "provider": "assemblyai", "words": None}
        assert answer["timeline"]
        await world.passes()
        again = await world.client.get(response.headers["location"])
        assert int(again.headers["retry-after"]) > 0
        assert again.json() == answer


async def test_whoever_prefers_so_is_answered_before_anything_was_done(world_with, clip):
    async with world_with() as world:
        response = await post(world, clip, {"Prefer": "respond-async"})
        assert response.status_code == 202
        assert response.headers["preference-applied"] == "respond-async"
        answer = response.json()
        assert response.headers["location"] == f"/analyses/{answer['id']}"
        assert answer["status"] == "queued"
        assert [answer[part] for part in ("audio", "channels", "timeline", "models", "notes")] == [None] * 5
        await world.passes()
        again = await world.client.get(response.headers["location"])
        assert "retry-after" not in again.headers
        assert again.json()["status"] == "completed"


@pytest.mark.parametrize("prefer", ["wait=20", "respond-async, wait=20"])
async def test_whoever_waits_is_answered_with_the_words(world_with, clip, prefer):
    async with world_with(**TRANSCRIBED) as world, anyio.create_task_group() as tasks:
        answers = []

        async def wait():
            answers.append(await post(world, clip, {"Prefer": prefer}))

        tasks.start_soon(wait)
        while not await listed(world, status="processing"):
            await world.passes()
        assert answers == []
        for _ in range(3):
            await world.passes(3)
    (response,) = answers
    assert response.status_code == 200
    assert response.headers["preference-applied"] == prefer
    assert "retry-after" not in response.headers
    assert response.json()["transcript"]["words"]["text"]


async def test_nobody_waits_longer_than_the_deployer_allows(world_with, clip):
    async with world_with(**TRANSCRIBED, wait_seconds=0) as world:
        response = await post(world, clip, {"Prefer": "wait=600"})
        assert response.status_code == 202
        assert response.headers["preference-applied"] == "wait=0"
        assert (await post(world, clip)).status_code == 202


async def test_whoever_waits_is_let_go_when_the_service_ends(world_with, clip):
    async with world_with(**TRANSCRIBED) as world, anyio.create_task_group() as tasks:
        answers = []

        async def wait():
            answers.append(await post(world, clip, {"Prefer": "wait=30"}))

        tasks.start_soon(wait)
        while not await listed(world, status="processing"):
            await world.passes()
        world.service.stop()
    assert answers[0].status_code == 202


async def test_a_preference_that_is_unknown_is_not_said_to_be_applied(world_with, clip):
    async with world_with() as world:
        response = await post(world, clip, {"Prefer": "handling=lenient, wait=soon"})
        assert response.status_code == 200
        assert "preference-applied" not in response.headers


@pytest.mark.parametrize(
    ("content", "fields", "status", "kind"),
    [
        (b"This is no audio.", {}, 415, "not-audio"),
        (None, {"channel_roles": "customer"}, 422, "wrong-role-count"),
    ],
)
async def test_a_recording_that_cannot_be_analysed_is_a_problem_and_a_failed_analysis(
    world_with, clip, content, fields, status, kind
):
    async with world_with() as world:
        response = await post(world, content or clip, external_id="call-42", **fields)
        problem = problem_of(response, status, kind)
        assert response.headers["location"] == problem["instance"]
        failed = (await world.client.get(problem["instance"])).json()
        assert (failed["status"], failed["external_id"]) == ("failed", "call-42")
        assert failed["completed_at"] is not None
        assert failed["problem"] == {**problem, "instance": None, "errors": None}
        assert list(await listed(world, status="failed")) == [failed["id"]]
        assert not list(world.service.settings.data_dir.glob("audio/??/*"))


@pytest.mark.parametrize(
    ("content", "fields", "status", "kind"),
    [
        (b"", {}, 400, "empty-file"),
        (None, {"chanel_roles": "agent"}, 422, "unknown-field"),
        (None, {"model": "mind_reading"}, 404, "unknown-model"),
        (None, {"transcription": "local"}, 422, "invalid-request"),
        (None, {"language": "English"}, 422, "invalid-request"),
        (None, {"external_id": "a\0b"}, 422, "invalid-request"),
        (None, {"callback_url": "http://crm.example.com/hooks"}, 422, "refused-url"),
        (None, {"callback_url": "https://127.0.0.1/hooks"}, 422, "refused-url"),
        (None, {"callback_url": "https://crm.example.com/hooks"}, 422, "invalid-request"),  # no secret to sign with
    ],
)
async def test_of_what_is_refused_nothing_is_stored(world_with, clip, content, fields, status, kind):
    async with world_with() as world:
        problem = problem_of(await post(world, clip if content is None else content, **fields), status, kind)
        assert "instance" not in problem
        assert await world.count(Analysis) == 0
        assert not list(world.service.settings.data_dir.glob("audio/??/*"))
