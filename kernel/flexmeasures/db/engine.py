"""Engine and session on SQLite and PostgreSQL: how connections are set up."""

from __future__ import annotations

import atexit
import os
import stat
import threading
import weakref
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from flexmeasures.db.types import _to_json

if TYPE_CHECKING:
    from flask.sansio.app import App


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
    """Set connections up.

    PostgreSQL's are watched (`postgresql`). SQLite's have WAL, full synchronisation, foreign keys, and transactions
    that say when they write.
    """
    if engine.dialect.name != "sqlite":

        @event.listens_for(engine, "do_connect")
        def connect_watched(
            dialect: Any, record: Any, arguments: list[Any], parameters: dict[str, Any]
        ) -> Any:
            from flexmeasures.db import postgresql

            return postgresql.connect(arguments, parameters)

        return

    # The last connection that is closed puts the write-ahead log into the database, whose next opening is quick then.
    mine = weakref.ref(engine)
    atexit.register(lambda: (found := mine()) and found.dispose())  # type: ignore[func-returns-value]

    @event.listens_for(engine, "do_connect")
    def keep_private(*_: Any) -> None:
        # SQLite gives its other files the mode of the database, which holds password hashes. The file is made
        # without being opened: whoever closes it, SQLite itself excepted, drops all locks that this process has.
        path = engine.url.database
        if path and path != ":memory:" and not path.startswith("file:"):
            with suppress(FileExistsError):
                os.mknod(path, 0o600 | stat.S_IFREG)

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
