"""Recordings and who needs them. Several analyses may need the same one: it is stored once and removed with the last.

A file is only ever added or removed under the lock of its row, so that nobody removes what somebody else just found.
"""

from dataclasses import dataclass
from typing import BinaryIO

import anyio.to_thread
from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from service.analyses.audio_files import AudioFiles
from service.analyses.database import Database
from service.analyses.rows import Analysis, AudioFile


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

    async def release(self, session: AsyncSession, digest: str) -> None:
        """Remove the file unless an analysis still needs it."""
        await session.execute(select(AudioFile).where(AudioFile.digest == digest).with_for_update())
        needed = await session.execute(select(func.count()).where(Analysis.audio == digest))
        if needed.scalar_one() == 0:
            await anyio.to_thread.run_sync(self.files.delete, digest)
            await session.execute(delete(AudioFile).where(AudioFile.digest == digest))

    async def remove_orphans(self, database: Database, now: int, *, older_than: int) -> None:
        """Remove files that were stored before ``older_than`` and that no analysis needs: it never came to be."""
        for digest in await anyio.to_thread.run_sync(lambda: list(self.files.older_than(older_than))):
            async with database.writing() as session:
                await self._lock(session, digest, now)
                await self.release(session, digest)

    async def _lock(self, session: AsyncSession, digest: str, now: int) -> None:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        row = insert(AudioFile).values(digest=digest, held=now)
        await session.execute(row.on_conflict_do_update(index_elements=["digest"], set_={"held": row.excluded.held}))
