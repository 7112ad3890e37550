"""When tasks of the platform's surroundings (imports, scripts) ran last, for who watches over them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from flexmeasures.db import Base


class LatestTaskRun(Base):
    """The latest run of the task of that name: when (UTC), and whether it succeeded."""

    __tablename__ = "latest_task_run"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    datetime: Mapped[datetime]
    status: Mapped[bool]
