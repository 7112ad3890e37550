"""Sources of beliefs: found or made by name, type, model and version."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Select, select

from flexmeasures.db import db, dialect_insert
from flexmeasures.models import sources as kinds
from flexmeasures.models.sources import Source
from flexmeasures.models.users import Role, User

AnyRow = TypeVar("AnyRow", Source, Role)


# -- sources -------------------------------------------------------------------------------------------


def get_source(name: str, type: str, model: str = "", version: str = "") -> Source:  # noqa: A002 (the column's name)
    """The script source of that name, made when it is missing."""
    query = select(Source).where(
        Source.name == name, Source.type == type, Source.model == model, Source.version == version
    )
    return get_or_create(query, Source, name=name, type=type, model=model, version=version)


def source_of(user: User) -> Source:
    """The source of what a user posts, made when it is missing."""
    query = select(Source).where(Source.user_id == user.id)
    return get_or_create(query, Source, name=user.username, type=kinds.USER, user_id=user.id)


def other_than_forecasters() -> list[int]:
    """Ids of all sources but forecasters."""
    return list(db.session.scalars(select(Source.id).where(Source.type != kinds.FORECASTING_SCRIPT)))


def get_or_create(query: Select[AnyRow], table: type[AnyRow], **values: Any) -> AnyRow:
    """The row that the query finds, inserted here or, while we waited, by another process that missed it too."""
    row = db.session.scalar(query)
    if row is None:
        db.session.execute(dialect_insert(table).values(**values).on_conflict_do_nothing())
        row = db.session.scalars(query).one()
    return row
