"""A database that cannot do its work just now: how it is recognised, told to users, and logged."""

from __future__ import annotations

import errno
import logging
import threading
import time

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flexmeasures.db.engine import db

# What of SQLite's OperationalErrors is no fault in a statement: BUSY, LOCKED, IOERR, FULL, CANTOPEN.
_SQLITE_AWAY = {5, 6, 10, 13, 14}
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_FULL = (13, "53100")  # SQLITE_FULL, and the state that PostgreSQL gives


def is_away(error: BaseException) -> bool:
    """Whether an error means that the database cannot do its work just now, rather than a fault in a statement."""
    if isinstance(error, PoolTimeout) or getattr(error, "connection_invalidated", False):
        return True
    if isinstance(error, OSError):  # of the files beside an SQLite database
        return error.errno in _NO_ROOM
    cause = getattr(error, "orig", error)
    driver = db.engine.dialect.loaded_dbapi
    # COPY speaks to the driver itself.
    raw = isinstance(error, driver.OperationalError | driver.InterfaceError)
    if not (raw or isinstance(error, OperationalError | InterfaceError)):
        return False
    code = getattr(cause, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _SQLITE_AWAY


def is_of_database(error: BaseException) -> bool:
    """Whether an error comes from the database: it is away, or refuses a statement."""
    return isinstance(error, SQLAlchemyError) or is_away(error)


def is_full(error: BaseException) -> bool:
    """Whether the database has no room left on its disk."""
    cause = getattr(error, "orig", error)
    return (
        getattr(cause, "sqlite_errorcode", None) == _FULL[0]
        or getattr(cause, "sqlstate", None) == _FULL[1]
        or getattr(cause, "errno", None) in _NO_ROOM
    )


def reason_of(error: BaseException) -> str:
    """What a database says, as one line for users: without the statement, its parameters and the driver's hints."""
    if is_full(error):
        return "the disk of the database is full"
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause).strip().partition("\n")[0] or type(cause).__name__


class _Outage:
    """What was logged of an outage by this process: a line a minute, with the number of those left out."""

    EVERY = 60.0  # seconds

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0.0
        self._left_out = 0

    def note(self, log: logging.Logger, who: str, error: BaseException) -> None:
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                self._left_out += 1
                return
            left_out, self._left_out, self._next = self._left_out, 0, now + self.EVERY
        more = f" ({left_out} more such lines were left out)" if left_out else ""
        log.error("%s cannot use the database: %s%s", who, reason_of(error), more)


_outage = _Outage()


def log_outage(log: logging.Logger, who: str, error: BaseException) -> None:
    """Log that the database is away, without a traceback and at most once a minute in this process."""
    _outage.note(log, who, error)
