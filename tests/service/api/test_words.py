"""Calls with their words, end to end through a fake AssemblyAI that holds everybody to its own OpenAPI document."""

import hashlib

import pytest

from service.api import examples
from service.emotions import GOEMOTIONS, SENTIMENTS, SPEECH_EMOTIONS, TEXT_EMOTIONS
from service.security.webhooks import Secrets, new_secret
from tests.assemblyai import DOWN, SCRIPT, STUCK, TOO_MANY, Operation, rejection
from tests.recordings import SEVEN, encode, native
from tests.service.api.kit import begun, completed, post, read
from tests.service.api.test_openapi import shape
from tests.world import TRANSCRIBED

pytestmark = pytest.mark.anyio

SIGNED = {"callback_secrets": Secrets({"*": [new_secret(b"x" * 32)]})}


@pytest.fixture(scope="module")
def mono(sample_call):
    """Both voices of the sample call on one channel."""
    samples, rate = native(sample_call)
    return encode(samples[:, : 20 * rate].mean(axis=0, keepdims=True), rate, SEVEN["wav"])


def distribution(predicted, labels):
    assert tuple(predicted["scores"]) == labels
    assert sum(predicted["scores"].values()) == pytest.approx(1)
    assert predicted["confidence"] == predicted["scores"][predicted["label"]] == max(predicted["scores"].values())


async def test_a_stereo_call(world_with, call):
    async with world_with(**TRANSCRIBED) as world:
        answer = await read(world, await completed(world, call, channel_roles="customer,agent"))
        assert (answer["status"], answer["transcript"]["status"]) == ("completed", "completed")
        assert answer["transcript"]["provider"] == "assemblyai"
        words = answer["transcript"]["words"]
        utterances = words["utterances"]
        assert [(utterance["channel"], utterance["text"]) for utterance in utterances] == list(SCRIPT)
        assert [utterance["role"] for utterance in utterances] == ["customer", "agent"] * 2
        assert {utterance["speaker"] for utterance in utterances} == {None}
        assert words["text"] == " ".join(text for _, text in SCRIPT)
        assert (words["model"], words["language"]) == ("universal-3-pro", "en")
        distribution(words["sentiment"], SENTIMENTS)
        for utterance in utterances:
            distribution(utterance["sentiment"], SENTIMENTS)
            distribution(utterance["emotion"], TEXT_EMOTIONS)
            assert GOEMOTIONS[utterance["emotion"]["fine_label"]] == utterance["emotion"]["label"]
            assert [word["text"] for word in utterance["words"]] == utterance["text"].split()
            assert utterance["start_ms"] < utterance["end_ms"]
        listed = {model["name"]: model for model in (await read(world, "/models"))["models"]}
        (model,) = words["text_models"]
        assert model.pop("heads") == ["sentiment", "emotion"]
        assert model == {key: listed["text_minilm"][key] for key in ("name", "version", "sha256")}
        heard = [segment for segment in answer["timeline"] if segment["source"] == "speech"]
        for utterance in utterances:
            meanwhile = [
                segment
                for segment in heard
                if segment["channel"] == utterance["channel"]
                and segment["start_ms"] < utterance["end_ms"]
                and segment["end_ms"] > utterance["start_ms"]
            ]
            assert (utterance["voice"] is not None) == bool(meanwhile)
            if meanwhile:
                distribution(utterance["voice"], SPEECH_EMOTIONS)
        assert any(utterance["voice"] for utterance in utterances)
        assert not any(utterance["voice"] for utterance in utterances if utterance["role"] == "agent")
        (order,) = world.assemblyai.orders.values()
        assert order.parameters["multichannel"] is True
        assert "speaker_labels" not in order.parameters
        assert world.assemblyai.violations == []


async def test_a_mono_call(world_with, mono):
    async with world_with(**TRANSCRIBED) as world:
        answer = await read(world, await completed(world, mono))
        utterances = answer["transcript"]["words"]["utterances"]
        assert [(utterance["speaker"], utterance["text"]) for utterance in utterances] == [
            ("_AB"[voice], text) for voice, text in SCRIPT
        ]
        assert {(utterance["channel"], utterance["role"]) for utterance in utterances} == {(None, "unknown")}
        assert any(utterance["voice"] for utterance in utterances)
        (order,) = world.assemblyai.orders.values()
        assert order.parameters["speaker_labels"] is True
        assert "multichannel" not in order.parameters
        assert world.assemblyai.violations == []


async def test_what_is_sent_is_the_recording_as_it_was_received(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        await begun(world, clip)
        await world.passes()
        (upload,) = world.assemblyai.uploads.values()
        assert upload.sha256 == hashlib.sha256(clip).hexdigest()


async def test_the_answer_has_the_shape_of_its_example(world_with, call):
    async with world_with(**TRANSCRIBED) as world:
        fields = {"channel_roles": "customer,agent", "external_id": "call-42", "metadata": '{"queue": "billing"}'}
        assert shape((await post(world, call, **fields)).json()) == shape(examples.read("analyze_audio_202"))
        location = await completed(world, call, **fields)
        assert shape(await read(world, location)) == shape(examples.read("get_analysis"))


async def test_words_in_a_language_that_is_not_read_have_no_sentiment_and_no_emotion(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        words = (await read(world, await completed(world, clip, language="de")))["transcript"]["words"]
        assert words["language"] == "de"
        assert (words["sentiment"], words["text_models"]) == (None, [])
        assert {(each["sentiment"], each["emotion"]) for each in words["utterances"]} == {(None, None)}


async def test_whoever_wants_no_words_gets_none(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        response = await post(world, clip, transcription="none")
        assert response.status_code == 200
        assert response.json()["transcript"] == {
            "status": "none",
            "reason": "Not asked for.",
            "provider": None,
            "words": None,
        }
        assert world.assemblyai.requests == {}


async def test_a_provider_that_is_not_available_is_made_up_for_when_it_is(world_with, clip):
    settings = {**TRANSCRIBED, **SIGNED}
    async with world_with(**settings) as world:
        world.assemblyai.plan(Operation.upload, *[DOWN] * 8)
        location = await begun(world, clip, callback_url="https://crm.example.com/hooks")
        for _ in range(5):
            assert (await read(world, location))["transcript"]["status"] == "pending"
            await world.passes(60)
        without = await read(world, location)
        assert (without["status"], without["transcript"]["status"]) == ("completed", "unavailable")
        assert "AssemblyAI" in without["transcript"]["reason"]
        assert without["transcript"]["words"] is None
        assert without["timeline"]
        for _ in range(8):
            await world.passes(3600)
        upgraded = await read(world, location)
        assert (upgraded["status"], upgraded["transcript"]["status"]) == ("completed", "completed")
        assert upgraded["transcript"]["reason"] is None
        assert upgraded["transcript"]["words"]["utterances"]
        assert upgraded["timeline"] == without["timeline"]
        callbacks = (await read(world, f"{location}/callbacks"))["callbacks"]
        assert [callback["type"] for callback in callbacks] == [
            "analysis.acoustics_ready",
            "analysis.completed",
            "analysis.completed",
        ]
        assert list(world.assemblyai.ordered.values()) == [1]


async def test_what_stays_unavailable_is_given_up_with_its_recording(world_with, clip):
    async with world_with(recovery_hours=2, **TRANSCRIBED) as world:
        world.assemblyai.plan(Operation.upload, *[DOWN] * 1000)
        location = await begun(world, clip)
        for _ in range(12):
            await world.passes(1800)
        transcript = (await read(world, location))["transcript"]
        assert transcript["status"] == "unavailable"
        tries = world.assemblyai.requests[Operation.upload]
        await world.passes(86_400)
        assert world.assemblyai.requests[Operation.upload] == tries
        await world.service.housekeeping.purge()
        assert not list(world.service.settings.data_dir.glob("audio/??/*"))


@pytest.mark.parametrize(
    ("reason", "plan"),
    [
        ("Transcoding failed. File does not appear to contain audio.", None),
        ("Not a good order.", rejection(400, "Not a good order.")),
    ],
)
async def test_what_is_refused_has_failed_and_says_why(world_with, clip, reason, plan):
    async with world_with(**TRANSCRIBED) as world:
        if plan is None:
            world.assemblyai.outcome(reason)
        else:
            world.assemblyai.plan(Operation.create, plan)
        answer = await read(world, await completed(world, clip))
        assert answer["status"] == "completed"
        assert (answer["transcript"]["status"], answer["transcript"]["words"]) == ("failed", None)
        assert reason in answer["transcript"]["reason"]
        assert answer["timeline"]


async def test_a_transcript_that_takes_for_ever_is_waited_for_no_longer_than_allowed(world_with, clip):
    async with world_with(transcription_seconds=600, **TRANSCRIBED) as world:
        world.assemblyai.outcome(STUCK)
        location = await begun(world, clip)
        for _ in range(8):
            await world.passes(100)
        answer = await read(world, location)
        assert (answer["status"], answer["transcript"]["status"]) == ("completed", "unavailable")
        assert "has not finished" in answer["transcript"]["reason"]
        (order,) = world.assemblyai.orders.values()
        order.status = "completed"
        for _ in range(3):
            await world.passes(3600)
        assert (await read(world, location))["transcript"]["status"] == "completed"


async def test_too_many_requests_are_made_later(world_with, clip):
    async with world_with(**TRANSCRIBED) as world:
        world.assemblyai.plan(Operation.create, TOO_MANY)
        location = await begun(world, clip)
        await world.passes()
        await world.passes(6)
        assert world.assemblyai.orders == {}
        await world.passes(1)
        assert len(world.assemblyai.orders) == 1
        for _ in range(4):
            await world.passes(3)
        assert (await read(world, location))["transcript"]["status"] == "completed"
