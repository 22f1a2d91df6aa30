"""Waiting for an analysis to change, whichever process changes it."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from service.analyses.database import Database
from service.analyses.rows import Analysis


class Watcher:
    """One who waits for changes of one analysis."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        self._event.set()

    async def change(self, seconds: float) -> None:
        """Return when the analysis may have changed since the last call, or after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


class Watch:
    """Wakes whoever waits for an analysis.

    Changes made in this process are announced. For those of others :meth:`look` asks after all that are waited for in
    one query.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: defaultdict[str, set[Watcher]] = defaultdict(set)
        self._seen: dict[str, int | None] = {}

    @contextmanager
    def on(self, analysis_id: str) -> Iterator[Watcher]:
        """Start this before the analysis is read, and no change after the reading is missed."""
        watcher = Watcher()
        self._watchers[analysis_id].add(watcher)
        try:
            yield watcher
        finally:
            self._watchers[analysis_id].discard(watcher)
            if not self._watchers[analysis_id]:
                del self._watchers[analysis_id]

    def announce(self, analysis_id: str) -> None:
        for watcher in self._watchers.get(analysis_id, ()):
            watcher.wake()

    def wake_all(self) -> None:
        for analysis_id in self._watchers:
            self.announce(analysis_id)

    async def look(self) -> None:
        """Wake those whose analysis another process has changed since the last look."""
        if not self._watchers:
            return
        async with self._database.reading() as session:
            query = select(Analysis.id, Analysis.revision).where(Analysis.id.in_(list(self._watchers)))
            found = {row.id: row.revision for row in await session.execute(query)}
        before, self._seen = self._seen, {key: found.get(key) for key in self._watchers}  # None: erased
        for analysis_id, revision in self._seen.items():
            if before.get(analysis_id, 0) != revision:
                self.announce(analysis_id)
