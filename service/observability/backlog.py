"""What is left to do, as the rows say: for whoever watches the queue."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, select

from service.analyses.database import Database
from service.analyses.pipeline import Lane
from service.analyses.rows import Analysis, Callback, TranscriptOrder
from service.analyses.states import Step


class Backlog(NamedTuple):
    """So many rows that wait for the same.

    Attributes:
        work: the step of an analysis, ``callback``, or ``erasure`` at a provider.
        state: ``due``, ``running``, or ``later``.
        overdue_ms: how long the oldest has been due; None where they are not.
    """

    work: str
    lane: str
    state: str
    number: int
    overdue_ms: int | None


async def backlog(database: Database, lane: Callable[[Step, str | None], Lane], now: int) -> list[Backlog]:
    """All that is left to do. The queries read what the index of ``run_after`` leads to, not what is done."""
    async with database.reading() as session:
        steps = (await session.execute(_grouped(Analysis, now, Analysis.step, Analysis.provider))).all()
        callbacks = (await session.execute(_grouped(Callback, now))).all()
        erasures = (await session.execute(_grouped(TranscriptOrder, now))).all()
    named: list[tuple[str, Lane, Any]] = [
        *((row.step.value, lane(row.step, row.provider), row) for row in steps),
        *(("callback", Lane.io, row) for row in callbacks),
        *(("erasure", Lane.io, row) for row in erasures),
    ]
    found: dict[tuple[str, str, str], Backlog] = {}
    for work, of, row in named:
        overdue = now - row.first if row.state == "due" else None
        key = (work, of.value, row.state)
        before = found.get(key, Backlog(*key, 0, overdue))
        oldest = None if overdue is None else max(overdue, before.overdue_ms or 0)
        found[key] = Backlog(*key, before.number + row.number, oldest)
    return list(found.values())


def _grouped(rows: type[Analysis] | type[Callback] | type[TranscriptOrder], now: int, *by: Any) -> Select[Any]:
    # A row whose lease is over is due, whoever had it.
    state = case((rows.run_after <= now, "due"), (rows.lease.is_not(None), "running"), else_="later").label("state")
    number, first = func.count().label("number"), func.min(rows.run_after).label("first")
    return select(*by, state, number, first).where(rows.run_after.is_not(None)).group_by(*by, state)
