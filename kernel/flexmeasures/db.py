"""Engine and session, the declarative Base, column types, and write transactions, on SQLite and PostgreSQL."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Dialect, Engine, MetaData, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator, TypeEngine

from flexmeasures.timing import MILLISECOND, from_ms, to_ms

if TYPE_CHECKING:
    from flask.sansio.app import App

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


class _Database(SQLAlchemy):
    def init_app(self, app: App) -> None:
        super().init_app(app)
        # It would end asynchronous sessions, of which we have none, in a thread and an event loop made for each
        # request and job: 0.6 ms.
        functions = app.teardown_appcontext_funcs
        functions[:] = [function for function in functions if not iscoroutinefunction(function)]


db = _Database(session_options={"expire_on_commit": False}, engine_options={"json_serializer": _to_json})


_transaction = threading.local()


def prepare_engine(engine: Engine) -> None:
    """Set SQLite up: WAL, full synchronisation, foreign keys, and transactions that say when they write."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "do_connect")
    def keep_private(*_: Any) -> None:
        # SQLite gives its other files the mode of the database, which holds password hashes.
        path = engine.url.database
        if path and path != ":memory:" and not path.startswith("file:"):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver's own transaction handling is off
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "busy_timeout = 10000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads before it writes fails at once under a second writer, unless it began so.
        if not getattr(_transaction, "writes", False):
            connection.exec_driver_sql("BEGIN")
            return
        lasting = getattr(_transaction, "lasting", True)
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if lasting else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def is_sqlite(session: Session | None = None) -> bool:
    """Whether the session's database is SQLite (otherwise it is PostgreSQL)."""
    bind = (db.session if session is None else session).get_bind()
    return bind.dialect.name == "sqlite"


def dialect_insert(table: Any, session: Session | None = None) -> Any:
    """An INSERT into a table that can say what to do ON CONFLICT, of the session's kind of database."""
    from sqlalchemy.dialects import postgresql, sqlite

    return sqlite.insert(table) if is_sqlite(session) else postgresql.insert(table)


# What of SQLite's OperationalErrors is no fault in a statement: BUSY, LOCKED, IOERR, FULL, CANTOPEN.
_SQLITE_AWAY = {5, 6, 10, 13, 14}
_FULL = (13, "53100")  # SQLITE_FULL, and the state that PostgreSQL gives


def is_away(error: BaseException) -> bool:
    """Whether an error means that the database cannot do its work just now, rather than a fault in a statement."""
    if isinstance(error, PoolTimeout) or getattr(error, "connection_invalidated", False):
        return True
    cause = getattr(error, "orig", error)
    driver = db.engine.dialect.loaded_dbapi
    raw = isinstance(
        error, driver.OperationalError | driver.InterfaceError
    )  # COPY speaks to the driver itself
    if not (raw or isinstance(error, OperationalError | InterfaceError)):
        return False
    code = getattr(cause, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _SQLITE_AWAY


def is_full(error: BaseException) -> bool:
    """Whether the database has no room left on its disk."""
    cause = getattr(error, "orig", error)
    return (
        getattr(cause, "sqlite_errorcode", None) == _FULL[0] or getattr(cause, "sqlstate", None) == _FULL[1]
    )


@contextmanager
def _gate(engine: Engine) -> Iterator[None]:
    """Let one write transaction in at a time: SQLite's own waiting is unfair between processes."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path == ":memory:":
        yield
        return
    descriptor = os.open(f"{Path(path)}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def beginning_immediately(lasting: bool = True) -> Iterator[None]:
    """Let transactions that begin inside take SQLite's write lock at once (used for forms).

    lasting: see `writing`.
    """
    before = getattr(_transaction, "writes", False), getattr(_transaction, "lasting", True)
    _transaction.writes, _transaction.lasting = True, lasting
    try:
        yield
    finally:
        _transaction.writes, _transaction.lasting = before


@contextmanager
def writing(lasting: bool = True) -> Iterator[Session]:
    """A write transaction on the context's session: committed at the end, rolled back when something raises.

    lasting: False for what may be forgotten if the machine loses its power; SQLite does not wait for the disk
    then. (PostgreSQL would forget it also when it is killed itself, so it does wait.)

    Everything that stores goes through here. Nested uses join the outermost. What a read transaction of
    the same session saw before is given up first, so look things up inside when it matters. Functions
    passed to `after_commit` run once the outermost has committed.
    """
    session = db.session
    if session.info.get("writing"):
        yield session
        return
    engine = session.get_bind().engine
    if engine.dialect.name == "sqlite":
        session.commit()  # PostgreSQL's statements see what others have committed in any case
    session.info["after_commit"] = []
    try:
        with _gate(engine), beginning_immediately(lasting):
            session.info["writing"] = True
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                session.info["after_commit"] = []
                raise
            finally:
                session.info["writing"] = False
    finally:
        callbacks = session.info.pop("after_commit", [])
    for callback in callbacks:
        callback()


def after_commit(callback: Callable[[], None]) -> None:
    """Run `callback` after the current write transaction has committed; not at all if it rolls back."""
    callbacks: list[Callable[[], None]] | None = db.session.info.get("after_commit")
    if callbacks is None:
        raise RuntimeError("after_commit() needs an open `with writing():` transaction.")
    callbacks.append(callback)


class _Together:
    """Items of one transaction that one function is to be called with."""

    def __init__(self, function: Callable[[list[Any]], None]) -> None:
        self.function, self.items = function, list[Any]()

    def __call__(self) -> None:
        self.function(self.items)


def after_commit_together(function: Callable[[list[Any]], None], item: Any) -> None:
    """As after_commit, but `function` is called once, with all items that the transaction gave for it."""
    callbacks = db.session.info.get("after_commit") or []
    together = next((c for c in callbacks if isinstance(c, _Together) and c.function == function), None)
    if together is None:
        together = _Together(function)
        after_commit(together)
    together.items.append(item)
