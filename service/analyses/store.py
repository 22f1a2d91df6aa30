"""Analyses as rows: created, changed by their steps, listed, erased.

Whatever belongs together is one transaction: a result with the step that comes after it, an event with what it tells, a
recording with the analysis that needs it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from service import presentation
from service.analyses import leases, orders, usage
from service.analyses.ambient import Ambient
from service.analyses.database import Database
from service.analyses.leases import LostLease
from service.analyses.recordings import Recording, Recordings
from service.analyses.rows import Analysis, Callback, IdempotencyKey, Receipt, Result, TranscriptOrder
from service.analyses.states import ErasureReason, Event, Resource, Status, Step, WordsStatus
from service.observability import traces
from service.problems import ErasedAnalysis, NotRetryable, UnknownAnalysis
from service.security.keys import Caller
from service.transcription import Order


@dataclass(frozen=True, slots=True)
class NewAnalysis:
    """What a caller hands over: a recording, or the address of one."""

    options: dict[str, Any]
    external_id: str | None
    provider: str | None
    words: WordsStatus
    words_reason: str | None
    callback_url: str | None
    caller: Caller
    recording: Recording | None = None
    audio_url: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step comes to.

    Attributes:
        step: the step that is next.
        wait_ms: how long until it is due; None where nothing is left to do.
        result: what the step found, as JSON.
        order: what is to be remembered of the transcript's order.
        recording: what the step fetched.
        changes: further columns.
        audio_ms: what is charged to the key of the caller.
        events: what the caller is told.
        progress: something came of it, so that the attempts are counted anew.
        visible: the caller can see the change.
    """

    step: Step
    wait_ms: int | None = 0
    result: str | None = None
    order: Order | None = None
    recording: Recording | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    audio_ms: int = 0
    events: Sequence[Event] = ()
    progress: bool = True
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Filters:
    """Which analyses a list holds: one tenant's. Times are milliseconds, ``before`` is an id."""

    tenant: str
    status: Status | None = None
    external_id: str | None = None
    created_from: int | None = None
    created_to: int | None = None
    before: str | None = None


class Store:
    """All that is done to analyses. Times come from ``ambient``; a lease lasts ``lease_ms``."""

    def __init__(self, database: Database, recordings: Recordings, ambient: Ambient, lease_ms: int) -> None:
        self.database = database
        self.recordings = recordings
        self.ambient = ambient
        self.lease_ms = lease_ms

    async def create(
        self, new: NewAnalysis, key: str | None, fingerprint: str
    ) -> tuple[Analysis, IdempotencyKey | None]:
        """Store the analysis with its recording, unless ``key`` was used before.

        Returns:
            The analysis, and how the key was used before: None for an analysis that is new.
        """
        if key is not None and (before := await self._used(new.caller.tenant, key)):
            return before
        if new.recording is not None:
            # Here for the slow part; under the lock it is then only looked at.
            await self.recordings.put(new.recording)
        now = self.ambient.now()
        row = Analysis(
            id=self.ambient.new_id("an"),
            tenant=new.caller.tenant,
            key_prefix=new.caller.key_prefix,
            created=now,
            updated=now,
            step=Step.fetch if new.recording is None else Step.acoustics,
            external_id=new.external_id,
            options=new.options,
            provider=new.provider,
            words=new.words,
            words_reason=new.words_reason,
            audio_url=new.audio_url,
            callback_url=new.callback_url,
            traceparent=traces.current.get(),
            run_after=now,
            enqueue_after=now + self.lease_ms,  # whoever creates it also hands it to the queue
        )
        try:
            async with self.database.writing() as session:
                if new.recording is not None:
                    await self.recordings.hold(session, new.recording, now)
                    row.audio = new.recording.digest
                session.add(row)
                await session.flush()
                if key is not None:
                    used = IdempotencyKey(tenant=row.tenant, key=key, fingerprint=fingerprint, analysis_id=row.id)
                    used.created = now
                    session.add(used)
        except IntegrityError:
            if new.recording is not None:
                await self.recordings.release(self.database, new.recording.digest, now)
            if key is None or not (before := await self._used(new.caller.tenant, key)):
                raise
            return before
        return row, None

    async def answered(self, tenant: str, key: str) -> None:
        """The first request of ``tenant`` with ``key`` was answered."""
        mine = (IdempotencyKey.tenant == tenant, IdempotencyKey.key == key, IdempotencyKey.answered.is_(None))
        async with self.database.writing() as session:
            await session.execute(update(IdempotencyKey).where(*mine).values(answered=self.ambient.now()))

    async def check_owner(self, analysis_id: str, tenant: str) -> None:
        """Raises: UnknownAnalysis: the tenant has none of this id and never had; another one may."""
        async with self.database.reading() as session:
            owner = await session.scalar(select(Analysis.tenant).where(Analysis.id == analysis_id))
            if owner is None:
                owner = await session.scalar(select(Receipt.tenant).where(Receipt.analysis_id == analysis_id))
        if owner != tenant:
            raise _unknown(analysis_id)

    async def get(self, analysis_id: str) -> Analysis:
        """Raises: UnknownAnalysis, ErasedAnalysis."""
        async with self.database.reading() as session:
            row = await session.get(Analysis, analysis_id)
            if row is not None:
                return row
            if await session.get(Receipt, analysis_id):
                raise ErasedAnalysis(f"The analysis {analysis_id} was erased.")
        raise _unknown(analysis_id)

    async def results(self, analysis_id: str) -> dict[Step, str]:
        """What the steps found so far, as JSON."""
        async with self.database.reading() as session:
            query = select(Result.step, Result.body).where(Result.analysis_id == analysis_id)
            return {row.step: row.body for row in await session.execute(query)}

    async def page(self, filters: Filters, limit: int) -> Sequence[Analysis]:
        """The newest analyses that pass ``filters``, newest first."""
        query = select(Analysis).where(Analysis.tenant == filters.tenant).order_by(Analysis.id.desc()).limit(limit)
        if filters.status is not None:
            query = query.where(Analysis.status == filters.status)
        if filters.external_id is not None:
            query = query.where(Analysis.external_id == filters.external_id)
        if filters.created_from is not None:
            query = query.where(Analysis.created >= filters.created_from)
        if filters.created_to is not None:
            query = query.where(Analysis.created < filters.created_to)
        if filters.before is not None:
            query = query.where(Analysis.id < filters.before)
        async with self.database.reading() as session:
            return (await session.execute(query)).scalars().all()

    async def queued(self, most: int) -> int:
        """How many analyses wait to be heard, or ``most`` where there are more."""
        some = select(Analysis.id).where(Analysis.status == Status.queued).limit(most).subquery()
        async with self.database.reading() as session:
            return (await session.execute(select(func.count()).select_from(some))).scalar_one()

    async def order(self, analysis_id: str) -> TranscriptOrder | None:
        """The order that is under way."""
        async with self.database.reading() as session:
            return await orders.current(session, analysis_id)

    async def settle(self, row: Analysis, outcome: Outcome, *, keep: bool) -> None:
        """Commit what a step came to. With ``keep`` the lease goes on, for the next step.

        Raises:
            LostLease: another process has taken the row meanwhile, or it was erased; nothing is stored.
        """
        now = self.ambient.now()
        if outcome.recording is not None:
            await self.recordings.put(outcome.recording)
        try:
            async with self.database.writing() as session:
                after = await self._change(session, row, outcome, now, keep=keep)
                unneeded = _let_go(after, now)
        except LostLease:
            if outcome.recording is not None:
                await self.recordings.release(self.database, outcome.recording.digest, now)
            raise
        if unneeded is not None:
            await self.recordings.release(self.database, unneeded, now)
        for name in ("step", "status", "words", "revision", "attempts", "audio", "separate", "run_after", "nudged"):
            setattr(row, name, getattr(after, name))

    async def take(self, analysis_id: str) -> Analysis | None:
        """Take the analysis under a lease if it is due."""
        async with self.database.writing() as session:
            token = self.ambient.new_id("lease")
            return await leases.claim(
                session, Analysis, analysis_id, token=token, now=self.ambient.now(), lease_ms=self.lease_ms
            )

    async def alive(self, row: Analysis) -> None:
        """A sign of life from whoever holds the row. Raises: LostLease."""
        async with self.database.writing() as session:
            until = self.ambient.now() + self.lease_ms
            await leases.renew(session, Analysis, row.id, token=row.lease or "", until=until)

    async def nudge(self, analysis_id: str) -> None:
        """The transcript is ready, says the provider: look now, or as soon as whoever holds the row is done."""
        now = self.ambient.now()
        async with self.database.writing() as session:
            mine = (Analysis.id == analysis_id, Analysis.step == Step.transcription, Analysis.run_after.is_not(None))
            await session.execute(update(Analysis).where(*mine).values(nudged=True))
            await session.execute(
                update(Analysis).where(*mine, Analysis.lease.is_(None)).values(run_after=now, enqueue_after=now)
            )

    async def retry(self, analysis_id: str) -> Analysis:
        """Try again what failed. Raises: UnknownAnalysis, ErasedAnalysis, NotRetryable."""
        now = self.ambient.now()
        row = await self.get(analysis_id)
        lacks_words = row.words in (WordsStatus.unavailable, WordsStatus.failed)
        values: dict[str, Any]
        if row.status is Status.failed:
            values = {"status": Status.processing, "ended": None, "problem": None}
        elif row.status is Status.completed and lacks_words:
            values = {"step": Step.transcription}
        else:
            raise NotRetryable(f"The analysis is {row.status} and lacks nothing.")
        if row.audio is None and row.audio_url is None:
            raise NotRetryable("The recording is not kept any more; post it again.")
        free = or_(Analysis.lease.is_(None), Analysis.run_after <= now)
        kept = or_(Analysis.audio.is_not(None), Analysis.audio_url.is_not(None))
        async with self.database.writing() as session:
            changed = await session.execute(
                update(Analysis)
                .where(Analysis.id == analysis_id, Analysis.revision == row.revision, free, kept)
                .values(
                    **values,
                    attempts=0,
                    revision=row.revision + 1,
                    updated=now,
                    lease=None,
                    run_after=now,
                    enqueue_after=now + self.lease_ms,
                    words=WordsStatus.pending if lacks_words else row.words,
                    words_reason=None if lacks_words else row.words_reason,
                )
                .returning(Analysis)
            )
            again = changed.scalar_one_or_none()
        if again is None:
            raise NotRetryable("The analysis is changing right now; ask for it again first.")
        return again

    async def erase(self, analysis_id: str, reason: ErasureReason) -> Receipt:
        """Remove all that is known of the analysis and have the provider do so too; only a receipt stays.

        An analysis that was erased before has its receipt returned. Raises: UnknownAnalysis.
        """
        now = self.ambient.now()
        async with self.database.writing() as session:
            row = (
                await session.execute(select(Analysis).where(Analysis.id == analysis_id).with_for_update())
            ).scalar_one_or_none()
            if row is None:
                receipt = await session.get(Receipt, analysis_id)
                if receipt is None:
                    raise _unknown(analysis_id)
                return receipt
            # A worker may be placing the order at this moment: it is looked for once its lease is over.
            await orders.forget(session, analysis_id, now + (self.lease_ms if row.lease else 0))
            # Locked, so that whoever has one deleted at this moment finds the receipt afterwards.
            held = select(TranscriptOrder.provider).where(TranscriptOrder.analysis_id == analysis_id).with_for_update()
            holds = (await session.execute(held)).scalars().first()
            receipt = Receipt(
                analysis_id=analysis_id,
                tenant=row.tenant,
                erased=now,
                reason=reason,
                provider=holds or (row.provider if row.provider_erased else None),
                provider_erased=None if holds else row.provider_erased,
            )
            session.add(receipt)
            digest = row.audio
            await session.execute(delete(Analysis).where(Analysis.id == analysis_id))
        if digest is not None:
            await self.recordings.release(self.database, digest, now)
        return receipt

    async def _used(self, tenant: str, key: str) -> tuple[Analysis, IdempotencyKey] | None:
        async with self.database.reading() as session:
            used = await session.get(IdempotencyKey, (tenant, key))
            row = await session.get(Analysis, used.analysis_id) if used else None
            return (row, used) if used and row else None

    async def _change(
        self, session: AsyncSession, row: Analysis, outcome: Outcome, now: int, *, keep: bool
    ) -> Analysis:
        """Everything that ``outcome`` changes. Raises: LostLease."""
        values = {**outcome.changes, "step": outcome.step}
        if outcome.visible:
            values |= {"updated": now, "revision": row.revision + 1}
        if outcome.progress:
            values["attempts"] = 0
        if outcome.recording is not None:
            await self.recordings.hold(session, outcome.recording, now)
            values["audio"] = outcome.recording.digest
        await leases.change(session, Analysis, row.id, token=row.lease or "", values=values)
        await session.execute(
            update(Analysis).where(Analysis.id == row.id).values(self._next_run(outcome, now, keep=keep))
        )
        after = (await session.execute(select(Analysis).where(Analysis.id == row.id))).scalar_one()
        if outcome.result is not None:
            session.add(Result(analysis_id=row.id, step=row.step, body=outcome.result))
        if outcome.order is not None:
            await orders.remember(session, after, outcome.order, new_id=self.ambient.new_id("order"), now=now)
        if outcome.audio_ms:
            await usage.charge(session, after.key_prefix, Resource.audio, outcome.audio_ms, now)
        for event in outcome.events:
            await self._tell(session, after, event, now)
        if outcome.step in (Step.text, Step.done):
            await orders.forget(session, row.id, now)
        return after

    def _next_run(self, outcome: Outcome, now: int, *, keep: bool) -> dict[str, Any]:
        if keep:
            return {"run_after": now + self.lease_ms, "enqueue_after": now + self.lease_ms}
        if outcome.wait_ms is None:
            return {"lease": None, "run_after": None}
        later = now + outcome.wait_ms
        return {
            "lease": None,
            "run_after": case((Analysis.nudged, now), else_=later),
            # Where there is nothing to wait for, the process that settles it also hands it to the queue.
            "enqueue_after": case((Analysis.nudged, now), else_=later if outcome.wait_ms else now + self.lease_ms),
            "nudged": False,
        }

    async def _tell(self, session: AsyncSession, row: Analysis, event: Event, now: int) -> None:
        if row.callback_url is None:
            return
        query = select(func.count()).where(Callback.analysis_id == row.id, Callback.event == event)
        told = (await session.execute(query)).scalar_one()
        session.add(
            Callback(
                id=self.ambient.new_id("msg"),
                analysis_id=row.id,
                event=event,
                ordinal=told + 1,
                created=now,
                url=row.callback_url,
                body=presentation.message(row, event, now).model_dump_json(),
                run_after=now,
            )
        )

    async def release_audio(self, analysis_id: str) -> None:
        """Delete the recording of an analysis that needs it no more, or the address of one that never came."""
        now = self.ambient.now()
        async with self.database.writing() as session:
            query = select(Analysis).where(Analysis.id == analysis_id).with_for_update()
            row = (await session.execute(query)).scalar_one_or_none()
            unneeded = None if row is None else _let_go(row, now)
        if unneeded is not None:
            await self.recordings.release(self.database, unneeded, now)


def _unknown(analysis_id: str) -> UnknownAnalysis:
    return UnknownAnalysis(f"There is no analysis {analysis_id!r}; GET /analyses lists those there are.")


def _let_go(row: Analysis, now: int) -> str | None:
    """Part with the recording if nothing is left to do and its time is over. Returns: its digest."""
    if row.run_after is not None or (row.audio_until or 0) > now:
        return None
    digest, row.audio, row.audio_url = row.audio, None, None
    return digest
