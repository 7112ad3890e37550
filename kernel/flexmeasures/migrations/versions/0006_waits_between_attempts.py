"""Waits between the attempts of a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from flexmeasures.db import UtcTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("job", sa.Column("not_before", UtcTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("job", "not_before")
