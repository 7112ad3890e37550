"""Sources: who says so."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from flexmeasures.db import Base

USER = "user"
FORECASTING_SCRIPT = "forecasting script"
SCHEDULING_SCRIPT = "scheduling script"
SCRIPT = "script"
DEMO_SCRIPT = "demo script"

EXPECTING = (USER, FORECASTING_SCRIPT, SCRIPT, DEMO_SCRIPT)  # who say what will happen, not what should


class Source(Base):
    """A user, a forecaster, a scheduler or a script that states beliefs.

    type: "user", "forecasting script", "scheduling script", "script", "demo script" ... A user's source
    outlives the user (its user_id becomes null). model and version: of the algorithm, "" for none.
    """

    __tablename__ = "source"
    __table_args__ = (
        Index(
            "uq_source_script",
            "name",
            "type",
            "model",
            "version",
            unique=True,
            sqlite_where=text("type <> 'user'"),
            postgresql_where=text("type <> 'user'"),
        ),
        Index("uq_source_user_id", "user_id", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(80))
    model: Mapped[str] = mapped_column(String(80), default="")
    version: Mapped[str] = mapped_column(String(40), default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))

    @property
    def description(self) -> str:
        """For people: "Seita (linear-OLS model v2)"."""
        if not self.model:
            return self.name
        return f"{self.name} ({self.model} model v{self.version})"

    def __repr__(self) -> str:
        return f"<Source {self.description} (ID:{self.id})>"
