"""The tables of durable analyses"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audio_files",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "receipts",
        sa.Column("analysis_id", sa.String(), nullable=False),
        sa.Column("erased", sa.BigInteger(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum("request", "retention", name="erasurereason", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("provider_erased", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("analysis_id"),
    )
    op.create_table(
        "transcript_orders",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("analysis_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column(
            "phase",
            sa.Enum("new", "uploaded", "submitting", "submitted", name="phase", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("upload_url", sa.String(), nullable=True),
        sa.Column("remote_id", sa.String(), nullable=True),
        sa.Column("run_after", sa.BigInteger(), nullable=True),
        sa.Column("enqueue_after", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("transcript_orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_transcript_orders_analysis_id"), ["analysis_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_transcript_orders_run_after"), ["run_after"], unique=False)

    op.create_table(
        "analyses",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("queued", "processing", "completed", "failed", name="status", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column(
            "step",
            sa.Enum(
                "fetch",
                "acoustics",
                "transcription",
                "text",
                "combine",
                "done",
                name="step",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("options", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("provider_erased", sa.BigInteger(), nullable=True),
        sa.Column(
            "words",
            sa.Enum(
                "none",
                "pending",
                "completed",
                "unavailable",
                "failed",
                name="wordsstatus",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("words_reason", sa.String(), nullable=True),
        sa.Column("nudged", sa.Boolean(), nullable=False),
        sa.Column("separate", sa.Boolean(), nullable=False),
        sa.Column("audio_url", sa.String(), nullable=True),
        sa.Column("audio", sa.String(), nullable=True),
        sa.Column("audio_until", sa.BigInteger(), nullable=True),
        sa.Column("callback_url", sa.String(), nullable=True),
        sa.Column("problem", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("run_after", sa.BigInteger(), nullable=True),
        sa.Column("enqueue_after", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["audio"],
            ["audio_files.digest"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("analyses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_analyses_audio"), ["audio"], unique=False)
        batch_op.create_index(batch_op.f("ix_analyses_created"), ["created"], unique=False)
        batch_op.create_index(batch_op.f("ix_analyses_external_id"), ["external_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_analyses_run_after"), ["run_after"], unique=False)
        batch_op.create_index("ix_analyses_status_id", ["status", "id"], unique=False)

    op.create_table(
        "callbacks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("analysis_id", sa.String(), nullable=False),
        sa.Column(
            "event",
            sa.Enum("acoustics_ready", "completed", "failed", name="event", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("pending", "delivered", "failed", name="callbackstatus", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("run_after", sa.BigInteger(), nullable=True),
        sa.Column("enqueue_after", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("analysis_id", "event", "ordinal"),
    )
    with op.batch_alter_table("callbacks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_callbacks_run_after"), ["run_after"], unique=False)

    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("analysis_id", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("answered", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_keys_analysis_id"), ["analysis_id"], unique=False)

    op.create_table(
        "results",
        sa.Column("analysis_id", sa.String(), nullable=False),
        sa.Column(
            "step",
            sa.Enum(
                "fetch",
                "acoustics",
                "transcription",
                "text",
                "combine",
                "done",
                name="step",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("analysis_id", "step"),
    )
    op.create_table(
        "deliveries",
        sa.Column("callback_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("http_status", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["callback_id"], ["callbacks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("callback_id", "number"),
    )


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("results")
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotency_keys_analysis_id"))

    op.drop_table("idempotency_keys")
    with op.batch_alter_table("callbacks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_callbacks_run_after"))

    op.drop_table("callbacks")
    with op.batch_alter_table("analyses", schema=None) as batch_op:
        batch_op.drop_index("ix_analyses_status_id")
        batch_op.drop_index(batch_op.f("ix_analyses_run_after"))
        batch_op.drop_index(batch_op.f("ix_analyses_external_id"))
        batch_op.drop_index(batch_op.f("ix_analyses_created"))
        batch_op.drop_index(batch_op.f("ix_analyses_audio"))

    op.drop_table("analyses")
    with op.batch_alter_table("transcript_orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_transcript_orders_run_after"))
        batch_op.drop_index(batch_op.f("ix_transcript_orders_analysis_id"))

    op.drop_table("transcript_orders")
    op.drop_table("receipts")
    op.drop_table("audio_files")
