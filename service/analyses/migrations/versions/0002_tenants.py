"""API keys, whose each analysis is, and what each key has used

Nothing here is a batch operation: on SQLite these may replace a table, and with the old one go all rows that refer to
it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_COLUMNS = "key, fingerprint, analysis_id, created, answered"


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("prefix"),
    )
    op.create_table(
        "usage",
        sa.Column("key_prefix", sa.String(), nullable=False),
        sa.Column(
            "resource",
            sa.Enum("requests", "audio", name="resource", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("begins", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_prefix", "resource", "begins"),
    )
    op.add_column("analyses", sa.Column("tenant", sa.String(), server_default="", nullable=False))
    op.add_column("analyses", sa.Column("key_prefix", sa.String(), server_default="", nullable=False))
    op.create_index("ix_analyses_tenant_id", "analyses", ["tenant", "id"])
    op.add_column("receipts", sa.Column("tenant", sa.String(), server_default="", nullable=False))
    _make_keys_anew(
        sa.Column("tenant", sa.String(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key"),
    )


def downgrade() -> None:
    op.execute("DELETE FROM idempotency_keys WHERE tenant <> ''")
    _make_keys_anew(sa.PrimaryKeyConstraint("key"))
    op.drop_column("receipts", "tenant")
    op.drop_index("ix_analyses_tenant_id", "analyses")
    op.drop_column("analyses", "key_prefix")
    op.drop_column("analyses", "tenant")
    op.drop_table("usage")
    op.drop_table("api_keys")


def _make_keys_anew(*different: sa.schema.SchemaItem) -> None:
    """The same keys in a table with another primary key, which SQLite cannot change in place."""
    op.execute(f"CREATE TEMPORARY TABLE kept AS SELECT {_COLUMNS} FROM idempotency_keys")  # noqa: S608 - no input
    op.drop_table("idempotency_keys")
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("analysis_id", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("answered", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], ondelete="CASCADE"),
        *different,
    )
    op.create_index("ix_idempotency_keys_analysis_id", "idempotency_keys", ["analysis_id"])
    op.execute(f"INSERT INTO idempotency_keys ({_COLUMNS}) SELECT {_COLUMNS} FROM kept")  # noqa: S608 - no input
    op.execute("DROP TABLE kept")
