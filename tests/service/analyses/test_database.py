"""The database: brought up to date, opened by its address, and what it promises about transactions."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from importlib.resources import files

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from anyio import CancelScope
from anyio.lowlevel import checkpoint
from pydantic import SecretStr
from sqlalchemy import Connection, text

from service.analyses.ambient import Ambient
from service.analyses.audio_files import AudioFiles
from service.analyses.database import open_database
from service.analyses.recordings import Recordings
from service.analyses.rows import Analysis, Base, IdempotencyKey, Receipt
from service.analyses.states import ErasureReason, Step
from service.analyses.store import Filters, Store
from service.settings import Settings, SettingsError
from tests.service.analyses.conftest import opened_at
from tests.service.analyses.kit import create, rows

MIGRATE = """
import asyncio, sys
from service.analyses.database import open_database
from service.settings import Settings

async def main():
    database = open_database(Settings(database_url=sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.read(1)
    await database.migrate()
    await database.close()

asyncio.run(main())
"""


MIGRATIONS = files("service.analyses") / "migrations"
FROM_0001 = (
    "INSERT INTO analyses (id, external_id, created, updated, status, step, revision, options, words, "
    "nudged, separate, enqueue_after, attempts) "
    "VALUES ('an_1', 'call-42', 1, 1, 'completed', 'done', 1, '{}', 'none', false, false, 0, 0)",
    "INSERT INTO idempotency_keys VALUES ('twice', 'same', 'an_1', 1, 2)",
    "INSERT INTO results VALUES ('an_1', 'acoustics', '{}')",
    "INSERT INTO receipts VALUES ('an_2', 1, 'request', NULL, NULL)",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """The address of a database that is not there yet, or has nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    return request.getfixturevalue("postgres").database()


@pytest.mark.anyio
async def test_the_migrations_make_what_the_tables_are_described_as(empty):
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, Base.metadata)

    database = opened_at(empty)
    await database.migrate()
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.migrate()  # nothing is left to do
    await database.close()


@pytest.mark.anyio
async def test_tables_that_are_not_of_this_version_are_told_apart(empty):
    """A service that does not migrate says what to do instead of failing at its first query."""
    database = opened_at(empty)
    with pytest.raises(SettingsError, match="run: python -m service migrate"):
        await database.check()
    await database.migrate()
    await database.check()
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (database.check, database.migrate):
        with pytest.raises(SettingsError, match="a later version"):
            await use()
    await database.close()


def test_of_several_processes_that_start_at_once_one_migrates(empty):
    processes = [
        subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-c", MIGRATE, empty], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        process.stdin.write(b"!")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0]


@pytest.mark.anyio
async def test_what_is_written_is_there_after_a_commit_and_not_after_an_error(database):
    receipt = {"erased": 1, "reason": ErasureReason.request, "provider": None}
    async with database.writing() as session:
        session.add(Receipt(analysis_id="an_1", **receipt))
    with suppress(ZeroDivisionError):
        async with database.writing() as session:
            session.add(Receipt(analysis_id="an_2", **receipt))
            await session.flush()
            raise ZeroDivisionError
    assert [row.analysis_id for row in await rows(database, Receipt)] == ["an_1"]


@pytest.mark.anyio
async def test_a_session_is_ended_before_its_client_is_let_go(database):
    for session_of in (database.reading, database.writing):
        with CancelScope() as scope:
            async with session_of() as session:
                scope.cancel()
                assert (await session.execute(text("SELECT 1"))).scalar_one() == 1
            await checkpoint()
        assert scope.cancelled_caught


@pytest.mark.anyio
async def test_many_write_at_once(database, store):
    """On SQLite they take turns, and none is told that the database is locked."""
    await asyncio.gather(*(create(store, b"call %d" % number) for number in range(40)))
    assert len(await rows(database, Analysis)) == 40


@pytest.mark.anyio
async def test_readers_do_not_wait_for_a_writer(database, store):
    async with database.writing() as session:
        session.add(Receipt(analysis_id="an_1", erased=1, reason=ErasureReason.request, provider=None))
        await session.flush()
        assert await rows(database, Receipt) == []
    assert len(await rows(database, Receipt)) == 1


@pytest.mark.anyio
async def test_sqlite_keeps_what_was_committed_and_holds_to_references(tmp_path):
    database = opened_at(f"sqlite:///{tmp_path / 'new.db'}")
    async with database.reading() as session:
        pragmas = {
            name: (await session.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    await database.close()


@pytest.mark.anyio
async def test_sqlite_may_be_opened_while_another_process_makes_it(tmp_path):
    """That nobody may then switch the journal is no reason not to start."""
    path = tmp_path / "new.db"
    database = opened_at(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE here (id INT)")
        async with database.reading() as session:
            assert (await session.execute(text("SELECT count(*) FROM sqlite_schema"))).scalar_one() == 0
    await database.close()


@pytest.mark.anyio
async def test_without_an_address_it_is_a_file_in_the_data_folder(tmp_path):
    folder = tmp_path / "is this 100% a folder?"
    folder.mkdir()
    database = open_database(Settings(data_dir=folder))
    await database.migrate()
    await database.close()
    with closing(sqlite3.connect(folder / "voice-to-value.db")) as file:
        assert file.execute("SELECT count(*) FROM analyses").fetchone() == (0,)


@pytest.mark.parametrize(
    "url",
    [
        "secret",
        "mysql://user:secret@host/name",
        "postgresql://user:secret@host:port/name",
        "redis://:secret@host",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:secret?mode=memory&uri=true",
    ],
)
def test_an_address_that_is_none_is_a_fault_of_the_settings_and_is_not_repeated(url):
    with pytest.raises(SettingsError, match="V2V_DATABASE_URL") as refusal:
        open_database(Settings(database_url=SecretStr(url)))
    assert "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg"])
def test_postgresql_may_be_written_as_anyone_writes_it(scheme):
    database = open_database(Settings(database_url=SecretStr(f"{scheme}://user:secret@host/name")))
    assert database.engine.url.drivername == "postgresql+asyncpg"
    assert "secret" not in repr(database.engine)


@pytest.mark.parametrize(("given", "used"), [("user", "of its own"), ("user:secret", "secret")])
def test_the_password_may_have_a_setting_of_its_own(given, used):
    settings = Settings(
        database_url=SecretStr(f"postgresql://{given}@host/name"), database_password=SecretStr("of its own")
    )
    assert open_database(settings).engine.url.password == used


def test_without_the_extra_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(SettingsError, match=r"voice-to-value\[postgres\]"):
        open_database(Settings(database_url=SecretStr("postgresql://user:secret@host/name")))


def test_tls_is_asked_for_as_everywhere_else():
    opened = open_database(Settings(database_url=SecretStr("postgresql://user:secret@host/name?sslmode=require")))
    assert dict(opened.engine.url.query) == {"ssl": "require"}


@pytest.mark.anyio
async def test_what_an_older_version_stored_is_nobodys_and_can_still_be_read(empty, tmp_path):
    database = opened_at(empty)

    def at(connection: Connection, step: Callable[[Config, str], None], revision: str) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        step(config, revision)

    async with database.engine.begin() as connection:
        await connection.run_sync(at, command.upgrade, "0001")
        for statement in FROM_0001:
            await connection.execute(text(statement))
    await database.migrate()
    store = Store(database, Recordings(AudioFiles(tmp_path / "audio")), Ambient(), 0)
    (row,) = await store.page(Filters(""), 10)
    assert (row.id, row.tenant, row.key_prefix, row.external_id) == ("an_1", "", "", "call-42")
    assert await store.results("an_1") == {Step.acoustics: "{}"}
    await store.check_owner("an_2", "")
    async with database.reading() as session:
        key = await session.get_one(IdempotencyKey, ("", "twice"))
    assert (key.fingerprint, key.analysis_id, key.created, key.answered) == ("same", "an_1", 1, 2)
    async with database.engine.begin() as connection:
        await connection.run_sync(at, command.downgrade, "0001")
        assert (await connection.execute(text("SELECT key, analysis_id FROM idempotency_keys"))).all() == [
            ("twice", "an_1")
        ]
        assert (await connection.execute(text("SELECT analysis_id FROM results"))).scalars().all() == ["an_1"]
    await database.close()
