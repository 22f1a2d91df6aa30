"""The trace in which each analysis was asked for"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("analyses", sa.Column("traceparent", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("analyses", "traceparent")
