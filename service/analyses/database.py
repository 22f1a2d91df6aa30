"""The database: SQLite in a file, or PostgreSQL by its address, brought up to date when it is opened."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from anyio import CancelScope
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from service.settings import Settings, SettingsError

_DRIVERS: Final = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
# Any number will do, as long as nobody else in this database locks it.
_MIGRATION_LOCK: Final = 0x5632_5600
_TOO_OLD: Final = "V2V_DATABASE_URL: its tables are not up to date; run: python -m service migrate"
_TOO_NEW: Final = "V2V_DATABASE_URL: a later version of the service has changed its tables; run that one, or a backup"


class Database:
    """Sessions of one database. On SQLite a writing session takes the write lock at its beginning: SQLite cannot turn
    a reading transaction into a writing one while another writes.

    A session is not cancelled half-way, as when the client hangs up: the connection could not be used again, and its
    driver leaves pieces of itself behind.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._write = async_sessionmaker(engine, expire_on_commit=False)
        reader = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._read = async_sessionmaker(reader, expire_on_commit=False)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session whose every query stands for itself."""
        with CancelScope(shield=True):
            async with self._read() as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction, committed at the end."""
        with CancelScope(shield=True):
            async with self._write.begin() as session:
                yield session

    async def migrate(self) -> None:
        """Bring the tables up to date. Of several processes that start at once, one does it and the others wait.

        Raises:
            SettingsError: a later version of the service has changed the tables.
        """
        async with self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            await connection.run_sync(_upgrade)

    async def check(self) -> None:
        """Raises: SettingsError: the tables are not as this version needs them."""
        async with self.engine.connect() as connection:
            await connection.run_sync(_compare)

    async def close(self) -> None:
        await self.engine.dispose()


def open_database(settings: Settings) -> Database:
    """Raises: SettingsError: the address is no database address, or its driver is not installed."""
    default = URL.create("sqlite", database=str(settings.data_dir / "voice-to-value.db"))
    try:
        url = make_url(settings.database_url.get_secret_value() or default)
        url = url.set(drivername=_DRIVERS[url.drivername.partition("+")[0]])
        if not url.password and url.drivername.startswith("postgresql"):
            url = url.set(password=settings.database_password.get_secret_value() or None)
        if "sslmode" in url.query:  # as libpq and every provider of databases writes it; asyncpg has another name
            url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": url.query["sslmode"]})
        _check(url)
        # An error of the database's is to name no value that was to be stored.
        engine = create_async_engine(url, hide_parameters=True, pool_pre_ping=url.drivername.startswith("postgresql"))
    except (ArgumentError, KeyError, ValueError):
        raise SettingsError(
            "V2V_DATABASE_URL: give sqlite:///path/of/file.db or postgresql://user:password@host/name"
        ) from None
    except ImportError:
        raise SettingsError(
            "V2V_DATABASE_URL: PostgreSQL needs the extra postgres: pip install 'voice-to-value[postgres]'"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
    return Database(engine)


def _check(url: URL) -> None:
    """Raises: ValueError: SQLite in memory, which would be another database for each connection, or with options."""
    if url.drivername.startswith("sqlite") and (url.database in (None, "", ":memory:") or url.query):
        raise ValueError


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # no BEGIN but ours
    cursor = connection.cursor()
    # With a write-ahead log readers and the writer do not wait for each other. The file stays so once it is; whoever
    # finds it locked, by the first process to open it, need not wait to say the same.
    with suppress(sqlite3.OperationalError):
        cursor.execute("PRAGMA journal_mode=WAL")
    # FULL makes each commit reach the disk.
    for pragma in ("synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _upgrade(connection: Connection) -> None:
    config = _alembic()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:  # its revision is none of ours
        raise SettingsError(_TOO_NEW) from None


def _compare(connection: Connection) -> None:
    """Raises: SettingsError: the tables are older or newer than this version."""
    scripts = ScriptDirectory.from_config(_alembic())
    found = MigrationContext.configure(connection).get_current_revision()
    if found == scripts.get_current_head():
        return
    known = {script.revision for script in scripts.walk_revisions()}
    raise SettingsError(_TOO_OLD if found is None or found in known else _TOO_NEW)


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files("service.analyses"))) / "migrations"))
    return config
