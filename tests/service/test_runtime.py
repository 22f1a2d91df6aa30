"""A process as a whole: what it takes up when it starts, and how it ends."""

import asyncio
import io
from contextlib import asynccontextmanager
from functools import cache

import httpx2
import pytest
from pydantic import SecretStr

from service.analyses.pipeline import Lane
from service.analyses.rows import Callback
from service.analyses.states import CallbackStatus, Status, Step
from service.analyses.tasks import Kind
from service.inference.registry import Registry
from service.requests import AudioOptions
from service.runtime import Ports, running
from service.security.keys import ANYONE
from service.security.webhooks import Secrets, new_secret
from service.settings import SettingsError
from tests.servers import postgres_server, redis_server
from tests.service.analyses.kit import rows
from tests.service.security.endpoints import PUBLIC, Chunks, Names, Recorder

pytestmark = pytest.mark.anyio

CALLBACK_URL = "https://crm.example.com/hooks"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def load():
    return cache(Registry.load)


@pytest.fixture
def settings(settings, tmp_path, load, monkeypatch):
    monkeypatch.setattr(Registry, "load", load)
    secrets = Secrets({"*": [new_secret(bytes(32))]})
    return settings.model_copy(update={"data_dir": tmp_path / "data", "callback_secrets": secrets})


class Crm(Recorder):
    """Takes callbacks; ``told`` is set when one has come."""

    def __init__(self) -> None:
        super().__init__(self.take)
        self.told = asyncio.Event()

    def take(self, _: httpx2.Request) -> httpx2.Response:
        self.told.set()
        return httpx2.Response(204, stream=Chunks())


@pytest.fixture
def crm():
    return Crm()


@pytest.fixture
def started(settings, crm):
    """Starts a process with some settings changed."""

    @asynccontextmanager
    async def start(**changes):
        ports = Ports(callers=crm, resolve=Names([PUBLIC]))
        async with asyncio.timeout(60), running(settings.model_copy(update=changes), ports) as runtime:
            yield runtime

    return start


@pytest.fixture(scope="module")
def clip(sample_call):
    return sample_call.read_bytes()[:60_000]


async def accept(runtime, clip):
    """Store a call, of which nobody is told yet."""
    options = AudioOptions(callback_url=CALLBACK_URL)
    row, _ = await runtime.intake.accept(options, io.BytesIO(clip), ANYONE, None, running_ms=0)
    return row


async def until(runtime, analysis_id, condition):
    """The analysis as soon as ``condition`` is true of it."""
    with runtime.watch.on(analysis_id) as watcher:
        while not condition(row := await runtime.store.get(analysis_id)):
            await watcher.change(1)
    return row


def is_over(row):
    return row.run_after is None


async def test_it_works_on_what_it_accepts_and_tells_the_caller(started, clip, crm):
    async with started() as runtime:
        row = await accept(runtime, clip)
        await runtime.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
        row = await until(runtime, row.id, is_over)
        assert row.status is Status.completed
        await crm.told.wait()
    async with started() as runtime:
        assert [each.status for each in await rows(runtime.database, Callback)] == [CallbackStatus.delivered]
    assert len(crm.requests) == 1


async def test_it_takes_up_at_once_what_another_has_left(started, clip):
    async with started() as runtime:
        row = await accept(runtime, clip)  # and it dies before the row is handed over
    async with started() as runtime:
        assert (await until(runtime, row.id, is_over)).status is Status.completed


async def test_at_the_end_a_step_is_ended_and_nothing_is_begun(started, clip, crm):
    begun, go_on = asyncio.Event(), asyncio.Event()
    async with started(concurrency=1) as runtime:
        acoustics = runtime.pipeline.steps[Step.acoustics]

        async def slow(row):
            begun.set()
            await go_on.wait()
            return await acoustics(row)

        runtime.pipeline.steps[Step.acoustics] = slow
        first, second = await accept(runtime, clip), await accept(runtime, clip)
        for row in (first, second):
            await runtime.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
        await begun.wait()
        runtime.stop()
        go_on.set()
    assert crm.requests == []
    async with started() as runtime:
        statuses = {}
        for row in (first, second):
            stored = await runtime.store.get(row.id)
            statuses[row.id] = stored.status, stored.attempts
        assert statuses[first.id] == (Status.completed, 0)
        for row in (first, second):
            assert (await until(runtime, row.id, is_over)).status is Status.completed


async def test_whoever_waits_is_woken_when_it_is_to_end(started, clip):
    async with started() as runtime:
        with runtime.watch.on("an_1") as watcher:
            runtime.stop()
            await watcher.change(10**6)
        assert runtime.stopping.is_set()


async def test_it_ends_in_an_error_too(started):
    with pytest.raises(ZeroDivisionError):
        async with started():
            raise ZeroDivisionError


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"database_url": SecretStr("mysql://user:secret@host/name")}, "V2V_DATABASE_URL"),
        ({"broker_url": SecretStr("http://:secret@host")}, "V2V_BROKER_URL"),
        ({"allowed_hosts": ("*.secret",)}, "V2V_ALLOWED_HOSTS"),
        ({"audio_store": "ftp://secret"}, "V2V_AUDIO_STORE"),
    ],
)
async def test_settings_that_cannot_be_used_are_named(started, changes, variable):
    with pytest.raises(SettingsError, match=variable):
        async with started(**changes):
            pass


async def test_it_does_not_start_on_tables_that_another_has_to_prepare(started):
    with pytest.raises(SettingsError, match="run: python -m service migrate"):
        async with started(migrate=False):
            pass
    async with started():
        pass
    async with started(migrate=False) as runtime:
        assert await rows(runtime.database, Callback) == []


async def test_assemblyai_is_preferred_where_both_are_configured(started):
    async with started() as runtime:
        assert list(runtime.providers) == []
    async with started(local_asr_model="tiny.en") as runtime:
        assert list(runtime.providers) == ["local"]
    async with started(local_asr_model="tiny.en", assemblyai_api_key=SecretStr("key")) as runtime:
        assert list(runtime.providers) == ["assemblyai", "local"]


async def test_a_worker_works_on_what_a_service_accepts(started, clip, crm):
    with postgres_server() as postgres, redis_server() as redis:
        shared = {"database_url": SecretStr(postgres.database()), "broker_url": SecretStr(redis.url)}
        async with started(**shared) as service, started(**shared) as worker, asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.tasks.run_worker())
            row = await accept(service, clip)
            await service.tasks.hand_over(Kind.analysis, row.id, Lane.cpu)
            row = await until(service, row.id, is_over)
            assert row.status is Status.completed
            await crm.told.wait()
            worker.stop()
