"""Column types, naming of constraints, and the base classes of tables (the kernel's and plugins')."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, MetaData
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

from flexmeasures.timing import MILLISECOND, from_ms, to_ms

NAMING_CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcTime(TypeDecorator[datetime]):
    """A UTC time: timestamptz on PostgreSQL, integer milliseconds since 1970 on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return to_ms(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        return from_ms(value)


class Milliseconds(TypeDecorator[timedelta]):
    """A duration, stored as whole milliseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        return None if value is None else value // MILLISECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:
        return None if value is None else value * MILLISECOND


class Base(DeclarativeBase):
    """Base of the kernel's own tables. What a plugin would map here could break the kernel's own queries."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {datetime: UtcTime, timedelta: Milliseconds}

    def __init_subclass__(cls, **options: Any) -> None:
        if cls.__module__.partition(".")[0] != "flexmeasures":
            raise TypeError(
                f"The model {cls.__name__} of {cls.__module__} stands on the kernel's Base;"
                " models of plugins stand on flexmeasures.db.plugin_base(name)"
            )
        super().__init_subclass__(**options)


plugin_bases: dict[str, type[DeclarativeBase]] = {}


def plugin_base(name: str) -> type[DeclarativeBase]:
    """A declarative base for the tables of the plugin `name`: its own registry and MetaData.

    A bad relationship there cannot break the kernel's queries. `name` is that of the plugin, with "_" for "-",
    and its tables are named `<name>_...`.
    """
    attributes = {
        "metadata": MetaData(naming_convention=NAMING_CONVENTION),
        "type_annotation_map": {datetime: UtcTime, timedelta: Milliseconds},
    }
    plugin_bases[name] = type(f"{name}_Base", (DeclarativeBase,), attributes)
    return plugin_bases[name]


def _to_json(value: Any) -> str:
    """Text for a JSON column: lists of numbers, which most of them hold, ten times as fast as by json."""
    import orjson

    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
