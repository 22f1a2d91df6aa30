"""Work that is done again and again in the background."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

logger = logging.getLogger(__name__)


class Repeat:
    """Does ``work`` every ``seconds``. A round that fails is logged, and the next one comes all the same."""

    def __init__(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._soon = asyncio.Event()
        self._over = False

    def soon(self) -> None:
        """Do it now, or again once the round under way is done."""
        self._soon.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Within it the work is done. A round under way at the end is ended, not cancelled: in the middle of a query it
        would take its connection with it."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._over = True
            self._soon.set()
            await task

    async def _run(self) -> None:
        while not self._over:
            self._soon.clear()
            try:
                await self._work()
            except Exception as error:
                logger.warning("%s failed: %s", self._work.__qualname__, type(error).__qualname__)
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if self._over else self._seconds):
                    await self._soon.wait()
