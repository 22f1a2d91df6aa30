"""Consent to an analysis of emotions, and what is left without it."""

import json

import pytest

from service.analyses.acoustic import NO_CONSENT, WITHHELD
from tests.service.api.kit import completed, post, problem_of, read
from tests.world import TRANSCRIBED

pytestmark = pytest.mark.anyio

REFUSED = json.dumps({"emotion_analysis": False})


async def test_without_it_no_emotion_is_read_from_the_voice_and_how_the_call_went_is_told(world_with, call):
    async with world_with() as world:
        answer = (await post(world, call, channel_roles="customer,agent", consent=REFUSED)).json()
    assert answer["consent"] == {"emotion_analysis": False}
    assert answer["timeline"] == []
    assert [(each["status"], each["reason"], each["overall"]) for each in answer["channels"]] == [
        ("withheld", NO_CONSENT, None),
        ("withheld", WITHHELD, None),
    ]
    assert all(each["speech_ms"] > 0 for each in answer["channels"])
    assert answer["conversation"]["dynamics"]["talk_ms"] > 0
    assert answer["conversation"]["voice_valence"] is None


async def test_without_it_the_deployer_cannot_allow_the_agent_either(world_with, call):
    async with world_with(agent_emotions=True) as world:
        answer = (await post(world, call, channel_roles="customer,agent", consent=REFUSED)).json()
    assert [each["reason"] for each in answer["channels"]] == [NO_CONSENT] * 2


async def test_without_it_the_words_are_written_down_and_not_read(world_with, call):
    async with world_with(**TRANSCRIBED) as world:
        words = (await read(world, await completed(world, call, consent=REFUSED)))["transcript"]["words"]
    assert words["text"]
    assert (words["sentiment"], words["text_models"]) == (None, [])
    for utterance in words["utterances"]:
        assert (utterance["sentiment"], utterance["emotion"], utterance["voice"]) == (None, None, None)


@pytest.mark.parametrize("consent", [None, {"emotion_analysis": True}])
async def test_with_it_or_where_nothing_is_said_all_is_read(world_with, clip, consent):
    fields = {} if consent is None else {"consent": json.dumps(consent)}
    async with world_with() as world:
        answer = (await post(world, clip, **fields)).json()
    assert answer["consent"] == consent
    assert answer["timeline"]


async def test_a_link_may_have_it_too(world_with, clip):
    async with world_with() as world:
        body = {"audio_url": "https://crm.example.com/call.wav", "consent": {"emotion_analysis": False}}
        answer = await world.client.post("/analyze-audio", json=body, headers={"Prefer": "respond-async"})
        assert answer.json()["consent"] == {"emotion_analysis": False}


@pytest.mark.parametrize("consent", ["yes", "{}", "[]", '{"emotion_analysis": "perhaps"}', '{"emotions": true}'])
async def test_what_is_no_consent_is_refused_rather_than_guessed(world_with, clip, consent):
    async with world_with() as world:
        problem = problem_of(await post(world, clip, consent=consent), 422, "invalid-request")
        assert {error["field"].partition(".")[0] for error in problem["errors"]} == {"consent"}
