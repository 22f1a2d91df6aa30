"""Callbacks on their way: delivered, recorded, delivered again.

The messages are rows that :mod:`service.analyses.store` wrote together with what they tell, so none is lost and each
keeps its id over all its deliveries (Standard Webhooks: a receiver drops an id that it has seen).
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from sqlalchemy import func, select, update

from service.analyses import leases
from service.analyses.ambient import Ambient
from service.analyses.callbacks import SECONDS, Outcome, delay
from service.analyses.database import Database
from service.analyses.leases import LostLease
from service.analyses.rows import Analysis, Callback, Delivery
from service.analyses.states import CallbackStatus
from service.problems import internal_error

logger = logging.getLogger(__name__)

# A delivery gives no signs of life; its lease outlives the time that it may take.
_LEASE_MS: Final = 1000 * (SECONDS + 5)


class Post(Protocol):
    """What carries a message, as :class:`~service.analyses.callbacks.Sender` does."""

    async def send(self, url: str, message_id: str, body: bytes) -> Outcome: ...


async def traceparent(database: Database, callback_id: str) -> str | None:
    """That of the analysis which the callback tells of."""
    query = select(Analysis.traceparent).join(Callback, Callback.analysis_id == Analysis.id)
    async with database.reading() as session:
        return await session.scalar(query.where(Callback.id == callback_id))


class Outbox:
    """The callbacks of all analyses."""

    def __init__(self, database: Database, sender: Post, ambient: Ambient) -> None:
        self._database = database
        self._sender = sender
        self._ambient = ambient

    async def deliver(self, callback_id: str) -> None:
        """Try to deliver the callback if it is due, and record how that went."""
        token, now = self._ambient.new_id("lease"), self._ambient.now()
        async with self._database.writing() as session:
            row = await leases.claim(session, Callback, callback_id, token=token, now=now, lease_ms=_LEASE_MS)
        if row is None:
            return
        try:
            outcome = await self._sender.send(row.url, row.id, row.body.encode())
        except Exception:
            logger.exception("callback %s could not be sent", row.id)
            outcome = Outcome(None, internal_error().detail, None, self._ambient.now() - now)
        wait = None if outcome.delivered else delay(row.attempts, outcome, self._ambient.jitter())
        later = None if wait is None else self._ambient.now() + round(1000 * wait)
        status = CallbackStatus.pending if later else CallbackStatus.failed
        values = {
            "lease": None,
            "run_after": later,
            "enqueue_after": later or 0,
            "status": CallbackStatus.delivered if outcome.delivered else status,
        }
        async with self._database.writing() as session:
            # Locked, so that deliveries are numbered one after the other.
            stored = select(Callback.id).where(Callback.id == row.id).with_for_update()
            if (await session.execute(stored)).first() is None:
                return  # erased meanwhile
            with suppress(LostLease):  # to be delivered once more, as somebody has asked meanwhile
                await leases.change(session, Callback, row.id, token=token, values=values)
            before = select(func.count()).where(Delivery.callback_id == row.id)
            session.add(
                Delivery(
                    callback_id=row.id,
                    number=(await session.execute(before)).scalar_one() + 1,
                    at=now,
                    http_status=outcome.status,
                    error=outcome.error,
                    duration_ms=outcome.duration_ms,
                )
            )

    async def of(self, analysis_id: str) -> Sequence[tuple[Callback, Sequence[Delivery]]]:
        """The callbacks of an analysis in the order of what they tell, each with its deliveries."""
        async with self._database.reading() as session:
            mine = select(Callback).where(Callback.analysis_id == analysis_id).order_by(Callback.id)
            callbacks = (await session.execute(mine)).scalars().all()
            tries = (
                select(Delivery)
                .where(Delivery.callback_id.in_([callback.id for callback in callbacks]))
                .order_by(Delivery.number)
            )
            deliveries = (await session.execute(tries)).scalars().all()
        return [(callback, [d for d in deliveries if d.callback_id == callback.id]) for callback in callbacks]

    async def redeliver(self, analysis_id: str) -> None:
        """Deliver all callbacks of an analysis once more, under their old ids."""
        async with self._database.writing() as session:
            now = self._ambient.now()
            again = {"attempts": 0, "lease": None, "run_after": now, "enqueue_after": now}
            await session.execute(
                update(Callback)
                .where(Callback.analysis_id == analysis_id)
                .values(status=CallbackStatus.pending, **again)
            )
