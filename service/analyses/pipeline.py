"""Runs the steps of an analysis: fetch -> acoustics -> transcription -> text -> combine.

Each step is committed before the next begins, under a lease that signs of life prolong, so that a process may die
anywhere and another goes on. What cannot be done now is tried again; what can never be done fails with the problem that
the caller reads.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

from anyio import CancelScope

from service.analyses.leases import LostLease
from service.analyses.repeat import Repeat
from service.analyses.rows import Analysis
from service.analyses.states import Step
from service.analyses.steps import MAX_ATTEMPTS, Steps, backoff_ms
from service.analyses.store import Outcome, Store
from service.analyses.watch import Watch
from service.problems import Problem, internal_error
from service.transcription import Provider

logger = logging.getLogger(__name__)


class Lane(StrEnum):
    """Queues of their own, so that what computes does not wait for what waits for networks."""

    cpu = "cpu"
    io = "io"


class Pipeline:
    """Runs ``steps``. ``on_event`` is called when there is something to tell the caller."""

    def __init__(self, store: Store, work: Steps, providers: Mapping[str, Provider], watch: Watch) -> None:
        self.steps: dict[Step, Callable[[Analysis], Awaitable[Outcome]]] = work.table()
        self.stopping = False
        self._store = store
        self._work = work
        self._providers = providers
        self._watch = watch
        self.on_event: Callable[[], None] = lambda: None

    def lane(self, step: Step, provider: str | None) -> Lane:
        if step is Step.transcription:
            known = self._providers.get(provider or "")
            return Lane.cpu if known and not known.remote else Lane.io
        return Lane.io if step is Step.fetch else Lane.cpu

    async def run(self, analysis_id: str) -> Lane | None:
        """Take the analysis as far as it goes in the lane of its next step.

        Returns:
            The lane that it is to be handed to, where it can go on at once.
        """
        row = None if self.stopping else await self._store.take(analysis_id)
        if row is None:
            return None
        with suppress(LostLease):
            async with self._alive(row) as held:
                with held:
                    return await self._go(row)
        return None

    async def _go(self, row: Analysis) -> Lane | None:
        lane = self.lane(row.step, row.provider)
        while True:
            outcome = await self._attempt(row)
            next_lane = self.lane(outcome.step, row.provider)
            keep = outcome.wait_ms == 0 and next_lane is lane and not self.stopping
            with CancelScope(shield=True):
                await self._settle(row, outcome, keep=keep)
            if not keep:
                return next_lane if outcome.wait_ms == 0 else None

    async def _attempt(self, row: Analysis) -> Outcome:
        if (end := self._work.interrupted(row)) is not None:
            return end
        try:
            return await self.steps[row.step](row)
        except Exception as trouble:
            return self._after(row, trouble)

    def _after(self, row: Analysis, trouble: Exception) -> Outcome:
        """What becomes of a step that failed. The exception, in whose frames a recording may lie, is not held."""
        if isinstance(trouble, Problem) and trouble.status < 500:
            return self._work.failed(row, trouble, retryable=False)
        known = isinstance(trouble, Problem)
        reason = f": {trouble}" if known else ""
        logger.error("%s of %s failed%s", row.step, row.id, reason, exc_info=None if known else trouble)
        if row.step is Step.transcription:
            return self._work.without_words(row, internal_error().detail)
        if row.attempts < MAX_ATTEMPTS:
            return Outcome(row.step, backoff_ms(row.attempts), progress=False, visible=False)
        return self._work.failed(row, trouble if isinstance(trouble, Problem) else internal_error(), retryable=True)

    async def _settle(self, row: Analysis, outcome: Outcome, *, keep: bool) -> None:
        try:
            await self._store.settle(row, outcome, keep=keep)
        finally:
            if outcome.recording is not None:
                outcome.recording.file.close()
        if outcome.visible:
            self._watch.announce(row.id)
        if outcome.events:
            self.on_event()

    @asynccontextmanager
    async def _alive(self, row: Analysis) -> AsyncIterator[CancelScope]:
        """Signs of life while the row is worked on within the scope, which is cancelled once somebody else has the row.

        Who goes on without it might place an order that is never found.
        """
        held = CancelScope()

        async def beat() -> None:
            try:
                await self._store.alive(row)
            except LostLease:
                held.cancel()

        async with Repeat(beat, self._store.lease_ms / 3000).running():
            yield held
