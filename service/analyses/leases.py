"""Who works on which row: taken for a while, kept by signs of life, given back by doing nothing.

The row is the truth. A message in a queue is only a hint that a row may be due; a lost one is made up for by
:func:`due`, a doubled one finds the row taken.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.analyses.rows import Analysis, Callback, TranscriptOrder

Row = TypeVar("Row", bound=Analysis | Callback | TranscriptOrder)


class LostLease(Exception):  # noqa: N818 (nothing went wrong here: somebody else has the row now, or it was erased)
    """The row was taken over or erased meanwhile; what was done with it must not be stored."""


async def claim(session: AsyncSession, kind: type[Row], key: str, *, token: str, now: int, lease_ms: int) -> Row | None:
    """Take the row if it is due: nobody else has it, and the time has come."""
    statement = (
        update(kind)
        .where(_key(kind) == key, kind.run_after <= now)
        .values(lease=token, run_after=now + lease_ms, enqueue_after=now + lease_ms, attempts=kind.attempts + 1)
        .returning(kind)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def renew(session: AsyncSession, kind: type[Row], key: str, *, token: str, until: int) -> None:
    """A sign of life. Raises: LostLease."""
    await change(session, kind, key, token=token, values={"run_after": until, "enqueue_after": until})


async def change(session: AsyncSession, kind: type[Row], key: str, *, token: str, values: dict[str, Any]) -> None:
    """Set columns of a row that is held under ``token``. Raises: LostLease."""
    statement = update(kind).where(_key(kind) == key, kind.lease == token).values(**values)
    if cast(CursorResult[Any], await session.execute(statement)).rowcount != 1:
        raise LostLease(key)


async def due(session: AsyncSession, kind: type[Row], *, now: int, again_after: int, limit: int = 100) -> Sequence[Row]:
    """Rows that somebody should work on now. They are not returned again before ``again_after``."""
    overdue = (
        select(_key(kind))
        .where(kind.run_after <= now, kind.enqueue_after <= now)
        .order_by(kind.run_after)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = update(kind).where(_key(kind).in_(overdue)).values(enqueue_after=again_after).returning(kind)
    return (await session.execute(statement)).scalars().all()


def _key(kind: type[Row]) -> Any:
    return kind.__mapper__.primary_key[0]
