"""The tables. Times are milliseconds since 1970 (UTC); the migrations in ``migrations`` make what is described here."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Enum, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from service.analyses.states import CallbackStatus, ErasureReason, Event, Resource, Status, Step, WordsStatus
from service.transcription import Phase


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger, dict[str, Any]: JSON(none_as_null=True)} | {
        kind: Enum(kind, native_enum=False, length=32)
        for kind in (Status, Step, WordsStatus, Event, CallbackStatus, ErasureReason, Phase, Resource)
    }


class Work:
    """A row that some process has to work on, one at a time.

    Attributes:
        run_after: from when on a process may take it; None where nothing is left to do. Whoever takes it moves it on by
            the length of a lease and keeps moving it on: a process that dies gives the row back by doing nothing.
        enqueue_after: from when on the sweeper hands it to the queue again, so that it does not do so on each round.
        lease: the token of the process that took it last.
        attempts: how often it was taken since something came of it.
    """

    run_after: Mapped[int | None] = mapped_column(index=True)
    enqueue_after: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)


class Analysis(Work, Base):
    """One analysis of one recording.

    Attributes:
        tenant: whose it is; empty where it was asked for without an API key.
        key_prefix: names the API key that it was asked for with.
        revision: grows with every change that a caller can see.
        provider_erased: when the provider had deleted what it held.
        nudged: the provider says that the transcript is ready.
        separate: every channel holds one speaker, as the acoustics found.
        audio: digest of the recording, while it is kept.
        audio_until: how long it is kept once nothing is left to do.
        traceparent: the trace in which it was asked for (W3C Trace Context); None where none is kept.
    """

    __tablename__ = "analyses"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(default="", server_default=text("''"))
    key_prefix: Mapped[str] = mapped_column(default="", server_default=text("''"))
    created: Mapped[int] = mapped_column(index=True)
    updated: Mapped[int]
    ended: Mapped[int | None]
    status: Mapped[Status] = mapped_column(default=Status.queued)
    step: Mapped[Step]
    revision: Mapped[int] = mapped_column(default=1)
    external_id: Mapped[str | None] = mapped_column(index=True)
    options: Mapped[dict[str, Any]]
    provider: Mapped[str | None]
    provider_erased: Mapped[int | None]
    words: Mapped[WordsStatus]
    words_reason: Mapped[str | None]
    nudged: Mapped[bool] = mapped_column(default=False)
    separate: Mapped[bool] = mapped_column(default=False)
    audio_url: Mapped[str | None]
    audio: Mapped[str | None] = mapped_column(ForeignKey("audio_files.digest"), index=True)
    audio_until: Mapped[int | None]
    callback_url: Mapped[str | None]
    problem: Mapped[dict[str, Any] | None]
    traceparent: Mapped[str | None]


class AudioFile(Base):
    """A recording in the store. Whoever adds or removes the file holds this row's lock while doing so."""

    __tablename__ = "audio_files"

    digest: Mapped[str] = mapped_column(primary_key=True)
    held: Mapped[int]


class Result(Base):
    """What a step found, as JSON: one for each step that finds something, never replaced."""

    __tablename__ = "results"

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[Step] = mapped_column(primary_key=True)
    body: Mapped[str] = mapped_column(Text)


class TranscriptOrder(Work, Base):
    """What a provider holds for an analysis. The one without ``run_after`` is under way; the others are to be deleted
    at the provider, and outlive their analysis until they are."""

    __tablename__ = "transcript_orders"

    id: Mapped[str] = mapped_column(primary_key=True)
    analysis_id: Mapped[str] = mapped_column(index=True)
    provider: Mapped[str]
    created: Mapped[int]
    phase: Mapped[Phase]
    upload_url: Mapped[str | None]
    remote_id: Mapped[str | None]


class Callback(Work, Base):
    """Something to tell the caller. The body is stored, so that every delivery carries the same bytes."""

    __tablename__ = "callbacks"
    __table_args__ = (UniqueConstraint("analysis_id", "event", "ordinal"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"))
    event: Mapped[Event]
    ordinal: Mapped[int]
    created: Mapped[int]
    status: Mapped[CallbackStatus] = mapped_column(default=CallbackStatus.pending)
    url: Mapped[str]
    body: Mapped[str] = mapped_column(Text)


class Delivery(Base):
    """One try to deliver a callback."""

    __tablename__ = "deliveries"

    callback_id: Mapped[str] = mapped_column(ForeignKey("callbacks.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int]
    http_status: Mapped[int | None]
    error: Mapped[str | None]
    duration_ms: Mapped[int]


class IdempotencyKey(Base):
    """A key that a caller has used, and for what. ``answered`` is when the first answer went out."""

    __tablename__ = "idempotency_keys"

    tenant: Mapped[str] = mapped_column(primary_key=True, default="", server_default=text("''"))
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"), index=True)
    created: Mapped[int]
    answered: Mapped[int | None]


class Receipt(Base):
    """That an analysis was erased, and nothing of what it said."""

    __tablename__ = "receipts"

    analysis_id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(default="", server_default=text("''"))
    erased: Mapped[int]
    reason: Mapped[ErasureReason]
    provider: Mapped[str | None]
    provider_erased: Mapped[int | None]


class ApiKey(Base):
    """Who may ask, and for what (:mod:`service.security.keys`). A row outlives the key: that there was one counts."""

    __tablename__ = "api_keys"

    prefix: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    scopes: Mapped[str]
    sha256: Mapped[str]
    created: Mapped[int]
    expires: Mapped[int | None]
    revoked: Mapped[int | None]


class Usage(Base):
    """What was used with an API key in the window of time from ``begins`` on: requests, or milliseconds of audio."""

    __tablename__ = "usage"

    key_prefix: Mapped[str] = mapped_column(primary_key=True)
    resource: Mapped[Resource] = mapped_column(primary_key=True)
    begins: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]


Index("ix_analyses_status_id", Analysis.status, Analysis.id)
Index("ix_analyses_tenant_id", Analysis.tenant, Analysis.id)
