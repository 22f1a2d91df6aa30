"""Spans across the request, the steps, the provider and the callbacks, and what is not in them."""

import sys

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.observability.traces import current
from service.runtime import Ports, running
from service.security.webhooks import Secrets, new_secret
from service.settings import SettingsError
from tests.service.api.kit import begun, post
from tests.world import TRANSCRIBED, reply

pytestmark = pytest.mark.anyio

SIGNED = {"callback_secrets": Secrets({"*": [new_secret(b"x" * 32)]})}
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


class Collected(InMemorySpanExporter):
    """What came to its end."""

    def named(self, name):
        return [span for span in self.get_finished_spans() if span.name == name]


@pytest.fixture
def spans():
    return Collected()


def trace_of(span):
    return f"{span.context.trace_id:032x}"


async def test_one_trace_holds_all_that_is_done_for_an_analysis(world_with, clip, spans):
    async with world_with(spans=spans, **TRANSCRIBED, **SIGNED) as world:
        await begun(world, clip, {"traceparent": PARENT}, callback_url="https://crm.example.com/hooks")
        for _ in range(4):
            await world.passes(3)
    (request,) = spans.named("POST /analyze-audio")
    assert (trace_of(request), f"{request.parent.span_id:016x}") == (TRACE_ID, PARENT.split("-")[2])
    for name in ("step acoustics", "step transcription", "step text", "step combine", "callback"):
        found = spans.named(name)
        assert found, name
        for span in found:
            assert span.parent.span_id == request.context.span_id, name
            assert trace_of(span) == TRACE_ID
    calls = spans.named("assemblyai submitted")
    assert {call.parent.span_id for call in calls} <= {
        step.context.span_id for step in spans.named("step transcription")
    }
    assert all(trace_of(call) == TRACE_ID for call in calls)
    assert {span.resource.attributes["service.name"] for span in spans.get_finished_spans()} == {"voice-to-value"}


async def test_a_request_that_names_no_trace_or_a_broken_one_begins_one(world_with, spans):
    async with world_with(spans=spans) as world:
        for headers in ({}, {"traceparent": "swordfish"}, {"traceparent": f"00-{'0' * 32}-{'0' * 16}-01"}):
            await world.client.get("/models", headers=headers)
    found = spans.named("GET /models")
    assert [span.parent for span in found] == [None] * 3
    assert len({trace_of(span) for span in found}) == 3


async def test_what_went_wrong_is_told_by_its_kind(world_with, clip, spans):
    async with world_with(spans=spans, **SIGNED) as world:
        world.callers.handler = lambda _: reply(503)
        await post(world, b"This is no audio.", callback_url="https://crm.example.com/swordfish")
        await world.passes()
    (step,) = spans.named("step acoustics")
    assert (step.status.is_ok, step.attributes["error.type"]) == (False, "NotAudio")
    (callback,) = spans.named("callback")
    assert callback.attributes == {"v2v.outcome": "refused", "http.response.status_code": 503, "error.type": "refused"}
    assert [span.events for span in spans.get_finished_spans()] == [()] * len(spans.get_finished_spans())


async def test_without_the_setting_there_are_none(world_with, clip):
    async with world_with() as world:
        location = await begun(world, clip, {"traceparent": PARENT})
        await world.passes()
        row = await world.service.store.get(location.removeprefix("/analyses/"))
        assert row.traceparent is None
    assert current.get() is None


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://"])
async def test_an_address_that_is_none_is_a_fault_of_the_settings(settings, tmp_path, endpoint):
    changed = settings.model_copy(update={"otlp_endpoint": endpoint, "data_dir": tmp_path})
    with pytest.raises(SettingsError, match="V2V_OTLP_ENDPOINT"):
        async with running(changed, Ports()):
            pass


async def test_without_the_extra_it_says_so(settings, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "service.observability.otel", None)
    changed = settings.model_copy(update={"otlp_endpoint": "http://collector:4318", "data_dir": tmp_path})
    with pytest.raises(SettingsError, match=r"voice-to-value\[otel\]"):
        async with running(changed, Ports()):
            pass
