"""Quantiles of forecasts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from flexmeasures.db import UtcTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "belief_quantile",
        sa.Column("sensor_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("event_start", UtcTime(), nullable=False),
        sa.Column("horizon", sa.BigInteger(), nullable=False),
        sa.Column("probability", sa.Float(precision=53), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint(
            "sensor_id", "event_start", "horizon", "source_id", "probability", name=op.f("pk_belief_quantile")
        ),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("belief_quantile")
