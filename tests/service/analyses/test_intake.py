"""What a caller hands over, checked before anything is stored, on both databases."""

import asyncio
import io

import pytest

from service.analyses.intake import Intake
from service.analyses.rows import Analysis, IdempotencyKey
from service.analyses.states import ErasureReason, Step, WordsStatus
from service.inference.registry import Registry
from service.problems import InvalidRequest, NotReady, RefusedUrl, ReusedKey, StillRunning, UnknownModel
from service.requests import AudioOptions
from service.security import outgoing
from service.security.keys import ANYONE
from service.security.webhooks import Secrets, new_secret
from tests.service.analyses.kit import CALL, CALLBACK_URL, Scripted, recording, rows

pytestmark = pytest.mark.anyio

RUNNING_MS = 35_000
LINK = "https://crm.example.com/call.wav?key=secret"


@pytest.fixture
def intake_with(store, registry):
    """Makes an intake; the first of the providers is preferred."""

    def make(*names, registry=registry):
        secrets = Secrets({"https://crm.example.com/": [new_secret(bytes(32))]})
        return Intake(store, registry, {name: Scripted() for name in names}, outgoing.Policy(), secrets)

    return make


@pytest.fixture
def intake(intake_with):
    return intake_with("assemblyai", "local")


async def accept(intake, source=None, key=None, **options):
    source = io.BytesIO(CALL) if source is None else source
    return await intake.accept(AudioOptions(**options), source, ANYONE, key, running_ms=RUNNING_MS)


async def test_a_recording_is_stored_with_what_was_asked_for(intake, store):
    row, new = await accept(
        intake,
        external_id="call 1",
        metadata={"queue": "billing"},
        channel_roles=["customer", "agent"],
        language="de",
        model="vocal_burst",
        rules=[{"tag": "long", "when": "call.duration_seconds > 600"}],
        callback_url=CALLBACK_URL,
    )
    assert new
    assert (row.step, row.audio, row.audio_url) == (Step.acoustics, recording().digest, None)
    assert (row.external_id, row.callback_url) == ("call 1", CALLBACK_URL)
    assert row.options == {
        "channel_roles": ["customer", "agent"],
        "language": "de",
        "model": "vocal_burst",
        "consent": None,
        "metadata": {"queue": "billing"},
        "rules": [{"tag": "long", "when": "call.duration_seconds > 600"}],
    }


async def test_an_address_is_stored_to_be_fetched(intake, files):
    row, _ = await accept(intake, LINK)
    assert (row.step, row.audio, row.audio_url) == (Step.fetch, None, LINK)


class TestRefusal:
    @pytest.mark.parametrize(
        ("source", "options", "problem"),
        [
            (None, {"model": "other"}, UnknownModel),
            ("http://crm.example.com/call.wav", {}, RefusedUrl),
            ("https://10.0.0.1/call.wav", {}, RefusedUrl),
            (None, {"callback_url": "http://crm.example.com/hooks"}, RefusedUrl),
            (None, {"callback_url": "https://localhost/hooks"}, RefusedUrl),
            (None, {"callback_url": "https://other.example.com/hooks"}, InvalidRequest),
        ],
    )
    async def test_what_cannot_be_done_is_refused_and_nothing_is_stored(
        self, intake, store, files, source, options, problem
    ):
        with pytest.raises(problem):
            await accept(intake, source, key="key", **options)
        assert await rows(store.database, Analysis) == await rows(store.database, IdempotencyKey) == []
        assert not files.exists(recording().digest)

    async def test_callbacks_that_nobody_could_verify_are_refused(self, intake):
        with pytest.raises(InvalidRequest, match="V2V_CALLBACK_SECRETS") as refusal:
            await accept(intake, callback_url="https://other.example.com/hooks")
        assert [error["field"] for error in refusal.value.extensions["errors"]] == ["callback_url"]

    async def test_models_that_are_not_loaded_are_told_of_at_once(self, intake_with, tmp_path):
        with pytest.raises(NotReady):
            await accept(intake_with(registry=Registry.load(tmp_path, ["text"])))


class TestTranscription:
    @pytest.mark.parametrize(
        ("configured", "asked", "provider", "words"),
        [
            (["assemblyai", "local"], "auto", "assemblyai", WordsStatus.pending),
            (["local"], "auto", "local", WordsStatus.pending),
            (["assemblyai", "local"], "local", "local", WordsStatus.pending),
            (["assemblyai"], "none", None, WordsStatus.none),
            ([], "auto", None, WordsStatus.none),
        ],
    )
    async def test_who_transcribes(self, intake_with, configured, asked, provider, words):
        row, _ = await accept(intake_with(*configured), transcription=asked)
        assert (row.provider, row.words) == (provider, words)
        assert (row.words_reason is None) == (words is WordsStatus.pending)

    async def test_who_is_not_configured_cannot_be_asked_for(self, intake_with):
        with pytest.raises(InvalidRequest, match="assemblyai is not configured here"):
            await accept(intake_with("local"), transcription="assemblyai")


class TestKeys:
    async def answered(self, intake, store, **options):
        row, _ = await accept(intake, key="key", **options)
        await store.answered("", "key")
        return row

    async def test_the_same_request_finds_the_same_analysis(self, intake, store):
        row = await self.answered(intake, store, metadata={"a": 1, "b": 2})
        again, new = await accept(intake, key="key", metadata={"b": 2, "a": 1})
        assert (again.id, new) == (row.id, False)
        assert len(await rows(store.database, Analysis)) == 1

    @pytest.mark.parametrize(
        ("source", "options"),
        [
            (b"another call", {}),
            (LINK, {}),
            (None, {"external_id": "call 2"}),
            (None, {"language": "de"}),
            (None, {"transcription": "none"}),
        ],
    )
    async def test_another_request_is_refused(self, intake, store, source, options):
        row = await self.answered(intake, store)
        source = io.BytesIO(source) if isinstance(source, bytes) else source
        with pytest.raises(ReusedKey):
            await accept(intake, source, key="key", **options)
        assert [each.id for each in await rows(store.database, Analysis)] == [row.id]

    async def test_another_address_is_another_request(self, intake, store):
        row, _ = await accept(intake, LINK, key="key")
        await store.answered("", "key")
        assert (await accept(intake, LINK, key="key"))[0].id == row.id
        with pytest.raises(ReusedKey):
            await accept(intake, LINK + "s", key="key")

    async def test_while_the_first_is_not_answered_it_is_still_running(self, intake, clock):
        row, _ = await accept(intake, key="key")
        clock.ms += RUNNING_MS - 1
        with pytest.raises(StillRunning) as refusal:
            await accept(intake, key="key")
        assert refusal.value.document()["instance"] == f"/analyses/{row.id}"
        with pytest.raises(ReusedKey):
            await accept(intake, key="key", external_id="another")
        clock.ms += 1  # whoever was to answer has died
        assert (await accept(intake, key="key"))[0].id == row.id

    async def test_of_many_at_once_one_is_new_and_the_others_are_told_to_wait(self, intake, store):
        made = await asyncio.gather(*(accept(intake, key="key") for _ in range(6)), return_exceptions=True)
        assert sum(isinstance(each, StillRunning) for each in made) == 5
        assert [each[1] for each in made if not isinstance(each, StillRunning)] == [True]

    async def test_a_key_of_an_erased_analysis_may_be_used_again(self, intake, store):
        row = await self.answered(intake, store)
        await store.erase(row.id, ErasureReason.request)
        _, new = await accept(intake, io.BytesIO(b"another"), key="key")
        assert new
