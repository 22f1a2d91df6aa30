"""The work of the product, on the models of the repository."""

import hashlib
import io

import pytest

from service.analyses import compute
from service.analyses.acoustic import ChannelStatus, Layout, Role
from service.problems import InvalidRequest, NotAudio, TooLong, UnknownModel, WrongRoleCount
from service.requests import TextRequest

MODEL = "speech_encoder"


class TestAcoustics:
    def test_a_call_is_heard_on_each_channel(self, sample_call, registry, settings):
        with sample_call.open("rb") as file:
            found = compute.acoustics(file, [Role.customer, Role.agent], MODEL, registry, settings)
        assert found.audio.layout is Layout.separate
        assert [(each.role, each.status) for each in found.channels] == [
            (Role.customer, ChannelStatus.analyzed),
            (Role.agent, ChannelStatus.withheld),
        ]
        assert {each.channel for each in found.timeline} == {1}
        assert found.audio.sha256 == hashlib.sha256(sample_call.read_bytes()).hexdigest()

    def test_the_same_bytes_and_models_give_the_same_json(self, sample_call, registry, settings):
        content = sample_call.read_bytes()
        once, again = (
            compute.acoustics(io.BytesIO(content), None, MODEL, registry, settings).model_dump_json() for _ in range(2)
        )
        assert once == again

    def test_the_deployer_may_have_agents_analysed(self, sample_call, registry, settings):
        allowed = settings.model_copy(update={"agent_emotions": True})
        with sample_call.open("rb") as file:
            found = compute.acoustics(file, [Role.customer, Role.agent], MODEL, registry, allowed)
        assert {each.status for each in found.channels} == {ChannelStatus.analyzed}

    def test_what_is_wrong_with_the_request_is_a_problem(self, sample_call, registry, settings):
        short = settings.model_copy(update={"max_audio_seconds": 1})
        call = sample_call.read_bytes()
        for content, roles, model, under, problem in (
            (call, None, "text_minilm", settings, UnknownModel),
            (call, [Role.agent], MODEL, settings, WrongRoleCount),
            (call, None, MODEL, short, TooLong),
            (b"no audio at all", None, MODEL, settings, NotAudio),
        ):
            with pytest.raises(problem):
                compute.acoustics(io.BytesIO(content), roles, model, registry, under)


class TestText:
    def test_a_batch_is_planned_in_its_order(self, settings):
        request = TextRequest(texts=["I am very happy. Thank you!", "This is terrible."])
        found = compute.text_plan(request, settings)
        assert found.texts == request.texts
        assert [len(spans) for spans in found.spans] == [2, 1]

    def test_each_text_that_cannot_be_read_is_named(self, settings):
        small = settings.model_copy(update={"max_text_chars": 5})
        with pytest.raises(InvalidRequest) as refusal:
            compute.text_plan(TextRequest(texts=["fine", " ", "too long"]), small)
        assert [error["field"] for error in refusal.value.extensions["errors"]] == ["texts.1", "texts.2"]
        with pytest.raises(InvalidRequest) as refusal:
            compute.text_plan(TextRequest(text=""), small)
        assert [error["field"] for error in refusal.value.extensions["errors"]] == ["text"]

    def test_too_many_are_refused(self, settings):
        small = settings.model_copy(update={"max_texts": 1})
        with pytest.raises(InvalidRequest, match="2 texts; send at most 1"):
            compute.text_plan(TextRequest(texts=["one", "two"]), small)
