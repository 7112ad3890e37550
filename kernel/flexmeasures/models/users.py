"""Users and their roles."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask_security.core import RoleMixin, UserMixin
from sqlalchemy import JSON, Column, ForeignKey, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flexmeasures.db import Base

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Sensor

roles_users = Table(
    "roles_users",
    Base.metadata,
    Column("user_id", ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
)


class Role(Base, RoleMixin):
    """A plain name, such as admin or Prosumer; comes into being when first given to a user."""

    __tablename__ = "role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str | None] = mapped_column(String(255))


class User(Base, UserMixin):
    """Somebody who can log in, own assets and post data."""

    __tablename__ = "user"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(255), unique=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    # Tokens and sessions carry this; a new one ends all of them.
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    timezone: Mapped[str] = mapped_column(String(80), default="UTC")
    last_login_at: Mapped[datetime | None]  # type: ignore[assignment]
    login_count: Mapped[int] = mapped_column(default=0)
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    roles: Mapped[list[Role]] = relationship(  # type: ignore[assignment]
        secondary=roles_users, lazy="selectin", order_by=Role.name
    )
    sensors: Mapped[list[Sensor]] = relationship(back_populates="owner", passive_deletes="all")

    @property
    def role_names(self) -> set[str]:
        """Names of the user's roles."""
        return {role.name for role in self.roles}

    @property
    def is_admin(self) -> bool:
        """Whether the user has the role admin."""
        return "admin" in self.role_names

    def __repr__(self) -> str:
        return f"<User {self.username} (ID:{self.id})>"
