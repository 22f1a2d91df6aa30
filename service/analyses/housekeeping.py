"""What nobody asks for but everybody expects: recordings and results leave when their time is over, and providers
delete what they hold."""

import logging
from collections.abc import Mapping
from typing import Final

from sqlalchemy import delete, or_, select, update

from service.analyses import leases
from service.analyses.rows import Analysis, IdempotencyKey, Receipt, TranscriptOrder, Usage
from service.analyses.states import ErasureReason
from service.analyses.store import Store
from service.analyses.usage import WINDOW_MS
from service.transcription import Order, Provider, Unavailable

logger = logging.getLogger(__name__)

KEY_HOURS: Final = 24
"""How long an idempotency key is remembered."""

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_FORGET_LEASE_MS: Final = 300_000
_BATCH: Final = 100


class Housekeeping:
    """Purges what is over and has providers forget."""

    def __init__(self, store: Store, providers: Mapping[str, Provider], result_days: float) -> None:
        self._store = store
        self._providers = providers
        self._result_ms = round(result_days * _DAY_MS)

    async def purge(self) -> None:
        """Remove what is over by now."""
        now = self._store.ambient.now()
        idle = Analysis.run_after.is_(None)
        over = Analysis.ended <= now - self._result_ms  # also while its words are still tried for
        kept = or_(Analysis.audio.is_not(None), Analysis.audio_url.is_not(None))
        unneeded = (idle, kept, or_(Analysis.audio_until.is_(None), Analysis.audio_until <= now))
        async with self._store.database.reading() as session:
            expired = (await session.execute(select(Analysis.id).where(over).limit(_BATCH))).scalars().all()
            silent = (await session.execute(select(Analysis.id).where(*unneeded).limit(_BATCH))).scalars().all()
        for analysis_id in silent:
            await self._store.release_audio(analysis_id)
        for analysis_id in expired:
            await self._store.erase(analysis_id, ErasureReason.retention)
        async with self._store.database.writing() as session:
            await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created < now - KEY_HOURS * _HOUR_MS))
            await session.execute(delete(Usage).where(Usage.begins <= now - max(WINDOW_MS.values())))
        await self._store.recordings.remove_orphans(self._store.database, now, older_than=now - _HOUR_MS)

    async def forget(self, order_id: str) -> None:
        """Have the provider delete what it holds of an order, if that is due."""
        token, now = self._store.ambient.new_id("lease"), self._store.ambient.now()
        async with self._store.database.writing() as session:
            row = await leases.claim(
                session, TranscriptOrder, order_id, token=token, now=now, lease_ms=_FORGET_LEASE_MS
            )
        if row is None:
            return
        try:
            if row.provider not in self._providers:
                raise Unavailable(f"{row.provider} is not configured any more.")
            await self._providers[row.provider].forget(Order(row.phase, row.upload_url, row.remote_id))
        except Unavailable as trouble:
            logger.warning("the transcript of %s is not deleted yet: %s", row.analysis_id, trouble.reason)
            wait_ms = max(min(1000 * 2 ** min(row.attempts, 20), _DAY_MS), round(1000 * (trouble.retry_after or 0)))
            later = {"lease": None, "run_after": now + wait_ms, "enqueue_after": now + wait_ms}
            async with self._store.database.writing() as session:
                await leases.change(session, TranscriptOrder, order_id, token=token, values=later)
            return
        async with self._store.database.writing() as session:
            # The analysis first, as whoever erases it locks it first.
            erased = {"provider_erased": self._store.ambient.now()}
            await session.execute(update(Analysis).where(Analysis.id == row.analysis_id).values(erased))
            await session.execute(delete(TranscriptOrder).where(TranscriptOrder.id == order_id))
            left = select(TranscriptOrder.id).where(TranscriptOrder.analysis_id == row.analysis_id).exists()
            receipt = update(Receipt).where(Receipt.analysis_id == row.analysis_id, ~left)
            await session.execute(receipt.values(erased))
