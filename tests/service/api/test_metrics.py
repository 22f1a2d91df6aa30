"""What Prometheus reads."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service import __version__
from service.security.webhooks import Secrets, new_secret
from tests.assemblyai import DOWN, Operation
from tests.service.api.kit import begun, post
from tests.world import TRANSCRIBED, reply

pytestmark = pytest.mark.anyio

SIGNED = {"callback_secrets": Secrets({"*": [new_secret(b"x" * 32)]})}


class Samples(dict):
    """Samples by name and labels."""

    def total(self, name, **labels):
        """The sum of those that have these labels."""
        return sum(
            value for (of, having), value in self.items() if of == name and labels.items() <= dict(having).items()
        )


async def scrape(world):
    response = await world.client.get("/metrics")
    assert response.status_code == 200
    families = text_string_to_metric_families(response.text)
    return Samples(
        {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for each in families
            for sample in each.samples
        }
    )


async def test_it_is_the_text_of_prometheus(world_with):
    async with world_with() as world:
        response = await world.client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain")
        openmetrics = await world.client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
        assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
        assert openmetrics.text.endswith("# EOF\n")
        assert (await scrape(world)).total("v2v_build_info", version=__version__) == 1


async def test_processes_do_not_share_them(world_with, tmp_path):
    async with world_with() as one, world_with(data_dir=tmp_path / "other") as other:
        await one.client.get("/models")
        assert (await scrape(one)).total("v2v_http_request_seconds_count", route="/models") == 1
        assert (await scrape(other)).total("v2v_http_request_seconds_count", route="/models") == 0


async def test_requests_by_template_and_status_and_never_by_what_a_caller_sends(world_with):
    async with world_with() as world:
        await world.client.get("/analyses/swordfish?swordfish")
        await world.client.get("/swordfish")
        await world.client.request("SWORDFISH", "/models")
        samples = await scrape(world)
        assert samples.total("v2v_http_request_seconds_count", route="/analyses/{analysis_id}", status="404") == 1
        assert samples.total("v2v_http_request_seconds_count", route="other") == 1
        assert samples.total("v2v_http_request_seconds_count", method="other", route="/models", status="405") == 1
        assert "swordfish" not in repr(samples).lower()


async def test_what_models_do_and_say(world_with, call):
    async with world_with() as world:
        answer = (await post(world, call, channel_roles="customer,agent")).json()
        samples = await scrape(world)
        for stage, model in [
            ("decode", ""),
            ("voice_activity", "voice_activity"),
            ("speech", "speech_encoder"),
            ("vocal_burst", "burst_encoder"),
        ]:
            assert samples.total("v2v_inference_seconds_count", stage=stage, model=model) > 0
        labels = [segment["label"] for segment in answer["timeline"]]
        assert labels
        for label in set(labels):
            assert samples.total("v2v_predictions_total", head="emotion", label=label) == labels.count(label)
        assert samples.total("v2v_confidence_count", head="emotion") == len(labels)
        doubted = [segment for segment in answer["timeline"] if segment["abstained"]]
        assert samples.total("v2v_abstentions_total") == len(doubted)
        assert samples.total("v2v_audio_seconds_total") == pytest.approx(answer["audio"]["duration_ms"] / 1000)


async def test_texts_are_read_by_models_too(world_with):
    async with world_with() as world:
        await world.client.post("/analyze-text", json={"text": "The app is great."})
        samples = await scrape(world)
        assert samples.total("v2v_inference_seconds_count", stage="text", model="text_minilm") == 1
        assert samples.total("v2v_predictions_total", model="text_minilm", head="sentiment", label="positive") == 1
        assert samples.total("v2v_predictions_total", model="text_minilm", head="emotion") == 1


async def test_the_queue_is_what_the_rows_say(world_with, clip):
    async with world_with(concurrency=1) as world:
        limiter, place = world.service.limiter, object()
        await limiter.acquire_on_behalf_of(place)
        await begun(world, clip)
        await begun(world, clip)
        while limiter.statistics().tasks_waiting == 0:
            await world.client.get("/healthz")
        world.clock.ms += 5_000
        samples = await scrape(world)
        assert samples.total("v2v_queue", work="acoustics", lane="cpu", state="running") == 1
        assert samples.total("v2v_queue", work="acoustics", lane="cpu", state="due") == 1
        assert samples.total("v2v_queue_age_seconds", work="acoustics", lane="cpu") == 5
        limiter.release_on_behalf_of(place)
        await world.passes()
        samples = await scrape(world)
        assert (samples.total("v2v_queue"), samples.total("v2v_queue_age_seconds")) == (0, 0)
        assert samples.total("v2v_step_seconds_count", step="acoustics", outcome="done") == 2


async def test_providers_steps_and_callbacks_by_outcome(world_with, clip):
    async with world_with(**TRANSCRIBED, **SIGNED) as world:
        world.assemblyai.plan(Operation.upload, DOWN)
        world.callers.handler = lambda _: reply(503)
        await begun(world, clip, callback_url="https://crm.example.com/hooks")
        await world.passes()
        samples = await scrape(world)
        assert samples.total("v2v_provider_call_seconds_count", phase="new", outcome="unavailable") == 1
        assert samples.total("v2v_step_seconds_count", step="transcription", outcome="again") == 1
        assert samples.total("v2v_queue", work="transcription", lane="io", state="later") == 1
        assert samples.total("v2v_callback_seconds_count", outcome="refused") == 1
        assert samples.total("v2v_queue", work="callback", state="later") == 1
        world.callers.handler = lambda _: reply()
        for _ in range(6):
            await world.passes(10)
        samples = await scrape(world)
        assert samples.total("v2v_provider_call_seconds_count", phase="submitted", outcome="ok") >= 1
        assert samples.total("v2v_provider_call_seconds_count", phase="forget", outcome="ok") == 1
        assert samples.total("v2v_callback_seconds_count", outcome="delivered") == 2
        for step in ("transcription", "text", "combine"):
            assert samples.total("v2v_step_seconds_count", step=step, outcome="done") == 1


async def test_what_fails_is_told_from_what_broke(world_with, clip):
    async with world_with(concurrency=1) as world:
        await post(world, b"This is no audio.")
        limiter, place = world.service.limiter, object()
        await limiter.acquire_on_behalf_of(place)
        await begun(world, clip)
        (path,) = world.service.settings.data_dir.glob("audio/??/*")
        path.unlink()
        limiter.release_on_behalf_of(place)
        await world.service.tasks.drain(30)
        samples = await scrape(world)
        assert samples.total("v2v_step_seconds_count", step="acoustics", outcome="failed") == 1
        assert samples.total("v2v_step_seconds_count", step="acoustics", outcome="error") == 1
