"""The table of tokens."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from flexmeasures.db import plugin_base
from flexmeasures.models import User

Base = plugin_base("machine_tokens")
LONGEST_NAME = 80


class MachineToken(Base):  # type: ignore[misc, valid-type]
    """A token of a user. digest: SHA-256 of it, hexadecimal; ends_at: None for never; used_at: to the hour."""

    __tablename__ = "machine_tokens_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey(User.__table__.c.id, ondelete="CASCADE"), index=True, nullable=False
    )
    name: Mapped[str] = mapped_column(sa.String(LONGEST_NAME), nullable=False)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True, nullable=False)
    created_at: Mapped[datetime] = mapped_column(nullable=False)
    ends_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
