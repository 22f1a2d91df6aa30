import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from service.analyses.audio_files import AudioFiles
from service.analyses.database import Database, open_database
from service.analyses.recordings import Recordings
from service.analyses.rows import Base
from service.analyses.store import Store
from service.inference.acoustic import AcousticModels
from service.inference.registry import Registry
from service.settings import Settings
from tests.servers import Postgres, postgres_server
from tests.world import Clock, Counting

LEASE_MS = 30_000


@pytest.fixture(scope="session")
def registry(settings: Settings) -> Registry:
    """The artefacts of the repository."""
    return Registry.load(settings.models_dir, settings.text_models)


@pytest.fixture(scope="session")
def models(registry: Registry) -> AcousticModels:
    return registry.acoustic("speech_emotion")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> str:
    url = postgres.database()
    asyncio.run(_migrate(url))
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # all of it in one file, which can be copied
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind with all tables; those of PostgreSQL are emptied when it is opened."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("migrated_postgres")
        return url
    path = tmp_path / "voice-to-value.db"
    shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
    return f"sqlite:///{path}"


@pytest.fixture
async def database(database_url: str, anyio_backend: str) -> AsyncIterator[Database]:
    opened = opened_at(database_url)
    if database_url.startswith("postgresql"):
        async with opened.writing() as session:
            await session.execute(text(f"TRUNCATE {', '.join(table.name for table in Base.metadata.sorted_tables)}"))
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ambient(clock: Clock) -> Counting:
    return Counting(clock)


@pytest.fixture
def files(tmp_path: Path) -> AudioFiles:
    return AudioFiles(tmp_path / "audio")


@pytest.fixture
def store(database: Database, files: AudioFiles, ambient: Counting) -> Store:
    return Store(database, Recordings(files), ambient, LEASE_MS)


def opened_at(url: str) -> Database:
    return open_database(Settings(database_url=SecretStr(url)))


async def _migrate(url: str) -> None:
    database = opened_at(url)
    await database.migrate()
    await database.close()
