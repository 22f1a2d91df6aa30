"""Recordings and who needs them. Several analyses may need the same one: it is stored once and removed with the last.

A file is only ever added or removed under the lock of its row, so that nobody removes what somebody else just found. It
is removed after the transaction that lets go of it: a file does not come back when a transaction fails.
"""

import logging
from dataclasses import dataclass
from typing import BinaryIO

import anyio.to_thread
from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from service.analyses.audio_files import AudioFiles
from service.analyses.database import Database
from service.analyses.rows import Analysis, AudioFile

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that is held open, and the sha256 of its bytes."""

    digest: str
    file: BinaryIO


class Recordings:
    """The recordings in ``files``."""

    def __init__(self, files: AudioFiles) -> None:
        self.files = files

    async def put(self, recording: Recording) -> None:
        """Bring the file into the store; quick where it is there already. Nobody needs it yet: see :meth:`hold`."""
        recording.file.seek(0)
        await anyio.to_thread.run_sync(self.files.put, recording.digest, recording.file)

    async def hold(self, session: AsyncSession, recording: Recording, now: int) -> None:
        """Lock the recording's row until the end of the transaction and make sure that its file is there."""
        await self._lock(session, recording.digest, now)
        await self.put(recording)

    async def release(self, database: Database, digest: str, now: int) -> None:
        """Remove the file unless an analysis needs it; where that fails it is an orphan from now on."""
        try:
            await self._remove(database, digest, now)
        except OSError as error:
            logger.warning("a recording that nobody needs is not removed yet: %s", error)

    async def remove_orphans(self, database: Database, now: int, *, older_than: int) -> None:
        """Remove what was last put before ``older_than`` and no analysis needs: of one that never came to be, or that
        ended in the middle of letting go."""
        stored = await anyio.to_thread.run_sync(lambda: list(self.files.older_than(older_than)))
        async with database.reading() as session:
            known = await session.scalars(select(AudioFile.digest).where(AudioFile.held < older_than))
            needed = await session.scalars(select(Analysis.audio).where(Analysis.audio.is_not(None)).distinct())
            orphans = {*stored, *known} - set(needed)
        for digest in sorted(orphans):
            await self._remove(database, digest, now)

    async def _remove(self, database: Database, digest: str, now: int) -> None:
        async with database.writing() as session:
            await self._lock(session, digest, now)
            needed = await session.execute(select(func.count()).where(Analysis.audio == digest))
            if needed.scalar_one() == 0:
                await anyio.to_thread.run_sync(self.files.delete, digest)
                await session.execute(delete(AudioFile).where(AudioFile.digest == digest))

    async def _lock(self, session: AsyncSession, digest: str, now: int) -> None:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        row = insert(AudioFile).values(digest=digest, held=now)
        await session.execute(row.on_conflict_do_update(index_elements=["digest"], set_={"held": row.excluded.held}))
