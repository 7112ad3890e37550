"""Recurring jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from flexmeasures.db import UtcTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "recurring_job",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("every", sa.BigInteger(), nullable=False),
        sa.Column("next_due", UtcTime(), nullable=False),
        sa.Column("last_run", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_recurring_job")),
    )


def downgrade() -> None:
    op.drop_table("recurring_job")
