"""Orders of transcripts: one under way for an analysis at most, and those that the provider is still to forget."""

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.analyses.rows import Analysis, TranscriptOrder
from service.transcription import Order, Phase


async def current(session: AsyncSession, analysis_id: str) -> TranscriptOrder | None:
    """The order that is under way."""
    return (await session.execute(select(TranscriptOrder).where(*_current(analysis_id)))).scalar_one_or_none()


async def remember(session: AsyncSession, row: Analysis, order: Order, *, new_id: str, now: int) -> None:
    """Store how far the order has come; under ``new_id`` where it is a new one."""
    stored = await current(session, row.id)
    if stored is None:
        stored = TranscriptOrder(id=new_id, analysis_id=row.id, provider=row.provider, created=now)
        session.add(stored)
    stored.phase, stored.upload_url, stored.remote_id = order.phase, order.upload_url, order.remote_id


async def forget(session: AsyncSession, analysis_id: str, after: int) -> None:
    """Have the provider delete from ``after`` on what it keeps."""
    mine = _current(analysis_id)
    await session.execute(delete(TranscriptOrder).where(*mine, TranscriptOrder.phase == Phase.new))
    await session.execute(update(TranscriptOrder).where(*mine).values(run_after=after))


def _current(analysis_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (TranscriptOrder.analysis_id == analysis_id, TranscriptOrder.run_after.is_(None))
