"""Latest runs of tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from flexmeasures.db import UtcTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "latest_task_run",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("datetime", UtcTime(), nullable=False),
        sa.Column("status", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_latest_task_run")),
    )


def downgrade() -> None:
    op.drop_table("latest_task_run")
