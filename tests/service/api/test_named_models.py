"""``model`` in POST /analyze-audio: any emotion model under the models' folder, in place of the default one."""

import hashlib
import json
import logging

import anyio
import pytest

from service.audio.features import FrontEnd
from service.emotions import SPEECH_EMOTIONS, VOCAL_BURST_EMOTIONS
from tests.doubles import link_bundled_models, write_emotion_model
from tests.service.api.kit import listed, post, problem_of, read
from tests.world import reply

pytestmark = pytest.mark.anyio

NAMED = {
    "ravdess_cnn2d_mfcc": (SPEECH_EMOTIONS, FrontEnd(features=("mfcc",))),
    "ravdess_cnn_bilstm_combined": (SPEECH_EMOTIONS, FrontEnd(features=("mfcc", "chroma", "zcr"), hop_length=276)),
    "emogator_rf_mel": (VOCAL_BURST_EMOTIONS, FrontEnd(statistics=True)),
}
URL = "https://crm.example.com/calls/1.wav"


@pytest.fixture
def folder(models_dir, tmp_path):
    """The models that the service cannot do without, and beside them those of ``NAMED``."""
    folder = tmp_path / "models"
    link_bundled_models(models_dir, folder)
    for name, (labels, front_end) in NAMED.items():
        write_emotion_model(folder / name, labels, front_end=front_end)
    return folder


def spoil(folder, name):
    with (folder / name / "model.onnx").open("ab") as model:
        model.write(b"x")


async def state(world, name):
    """The entry of the list, and no more than one."""
    (entry,) = [model for model in (await world.client.get("/models")).json()["models"] if model["name"] == name]
    return entry


@pytest.mark.parametrize("name", NAMED)
async def test_it_stands_in_for_the_default_of_its_task(world_with, folder, clip, name):
    labels, _ = NAMED[name]
    source, other = ("speech", "burst_encoder") if labels == SPEECH_EMOTIONS else ("vocal_burst", "speech_encoder")
    async with world_with(models_dir=folder) as world:
        answer = (await post(world, clip, model=name)).json()
        default = (await post(world, clip)).json()
    used = {model["source"]: model for model in answer["models"]}
    assert {model["name"] for model in answer["models"]} == {name, other}
    assert used[source]["sha256"] == hashlib.sha256((folder / name / "model.onnx").read_bytes()).hexdigest()
    speech = [segment for segment in answer["timeline"] if segment["source"] == "speech"]
    by_default = [segment for segment in default["timeline"] if segment["source"] == "speech"]
    assert speech
    assert (speech != by_default) == (source == "speech")


async def test_a_link_may_name_it_too(world_with, folder, clip):
    async with world_with(models_dir=folder, callers=lambda _: reply(200, clip)) as world:
        linked = await world.client.post("/analyze-audio", json={"audio_url": URL, "model": "ravdess_cnn2d_mfcc"})
        uploaded = await post(world, clip, model="ravdess_cnn2d_mfcc")
    assert linked.status_code == uploaded.status_code == 200
    assert linked.json()["timeline"] == uploaded.json()["timeline"]
    assert linked.json()["models"] == uploaded.json()["models"]


async def test_it_is_listed_before_and_after_its_first_use(world_with, folder, clip):
    async with world_with(models_dir=folder) as world:
        before = await state(world, "emogator_rf_mel")
        assert before == {
            "name": "emogator_rf_mel",
            "task": "vocal-burst",
            "status": "available",
            "reason": None,
            "version": None,
            "sha256": None,
            "labels": {"emotion": list(VOCAL_BURST_EMOTIONS)},
        }
        (used,) = [
            model
            for model in (await post(world, clip, model="emogator_rf_mel")).json()["models"]
            if model["source"] == "vocal_burst"
        ]
        after = await state(world, "emogator_rf_mel")
        assert after == before | {"status": "loaded", "version": used["version"], "sha256": used["sha256"]}
        assert (await state(world, "ravdess_cnn2d_mfcc"))["status"] == "available"


async def test_its_card_is_a_first_use(world_with, folder):
    async with world_with(models_dir=folder) as world:
        answer = (await world.client.get("/models/ravdess_cnn2d_mfcc")).json()
        card = json.loads((folder / "ravdess_cnn2d_mfcc" / "card.json").read_text())
        entry = await state(world, "ravdess_cnn2d_mfcc")
        assert answer == {**card, "sha256": entry["sha256"]}
        assert entry["status"] == "loaded"


@pytest.mark.parametrize(
    "name", ["ravdess_cnn2d", "voice_activity", "text_minilm", "", ".", "../models/emogator_rf_mel"]
)
async def test_one_that_is_not_there(world_with, folder, clip, name):
    async with world_with(models_dir=folder) as world:
        problem = problem_of(await post(world, clip, model=name), 404, "unknown-model")
        assert problem["detail"].endswith(
            "the emotion models are speech_encoder, burst_encoder, "
            "emogator_rf_mel, ravdess_cnn2d_mfcc, ravdess_cnn_bilstm_combined."
        )
        assert await listed(world) == {}


async def test_a_broken_one_is_named_and_the_rest_works(world_with, folder, clip):
    spoil(folder, "ravdess_cnn2d_mfcc")
    async with world_with(models_dir=folder) as world:
        assert (await world.client.get("/readyz")).status_code == 200
        for response in (
            await post(world, clip, model="ravdess_cnn2d_mfcc"),
            await world.client.get("/models/ravdess_cnn2d_mfcc"),
        ):
            (error,) = problem_of(response, 503, "not-ready")["errors"]
            assert error["field"] == "ravdess_cnn2d_mfcc"
            assert error["detail"].startswith("ravdess_cnn2d_mfcc/model.onnx does not have the hash")
            assert str(folder) not in response.text
        assert await listed(world) == {}
        entry = await state(world, "ravdess_cnn2d_mfcc")
        assert (entry["status"], entry["reason"]) == ("failed", error["detail"])
        assert (await world.client.get("/readyz")).status_code == 200
        for other in ({}, {"model": "ravdess_cnn_bilstm_combined"}):
            assert (await post(world, clip, **other)).status_code == 200


async def test_first_uses_at_once_load_it_once(world_with, folder, clip, caplog):
    answers = []
    caplog.set_level(logging.INFO, "service.inference.registry")
    async with world_with(models_dir=folder) as world, anyio.create_task_group() as tasks:

        async def ask():
            answers.append(await post(world, clip, model="ravdess_cnn2d_mfcc"))

        for _ in range(4):
            tasks.start_soon(ask)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert caplog.messages.count("ravdess_cnn2d_mfcc 0.0.0 is loaded") == 1


async def test_what_another_process_goes_on_with_is_heard_by_the_same_model(world_with, folder, clip, clock):
    async with world_with(models_dir=folder, clock=clock, callers=lambda _: reply(503)) as world:
        link = {"audio_url": URL, "model": "ravdess_cnn2d_mfcc"}
        response = await world.client.post("/analyze-audio", json=link, headers={"Prefer": "respond-async"})
        location = response.headers["location"]
        await world.passes()
        assert (await read(world, location))["models"] is None
    async with world_with(models_dir=folder, clock=clock, callers=lambda _: reply(200, clip)) as world:
        await world.passes(60)
        answer = await read(world, location)
    assert [model["name"] for model in answer["models"]] == ["ravdess_cnn2d_mfcc", "burst_encoder"]


async def test_an_analysis_whose_model_is_gone_when_its_turn_comes_says_so(world_with, folder, clip, clock):
    async with world_with(models_dir=folder, clock=clock, callers=lambda _: reply(503)) as world:
        link = {"audio_url": URL, "model": "ravdess_cnn2d_mfcc"}
        response = await world.client.post("/analyze-audio", json=link, headers={"Prefer": "respond-async"})
        await world.passes()
    async with world_with(clock=clock, callers=lambda _: reply(200, clip)) as world:
        await world.passes(60)
        answer = await read(world, response.headers["location"])
        assert (answer["status"], answer["problem"]["type"]) == ("failed", "/problems/unknown-model")
        assert "ravdess_cnn2d_mfcc" in answer["problem"]["detail"]
