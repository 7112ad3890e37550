"""Connections to PostgreSQL that do not wait for ever, where a client waits for the answer of a request.

A server that is frozen still accepts connections and acknowledges packets (its operating system does), so neither
the limits of the server nor those of TCP end a statement. A statement of a request that takes long is therefore
looked into over a second connection: when that gets no answer, or the statement waits for a lock, it is ended.
A statement that works is left alone. Commands and workers may wait: their work has limits of its own.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
from flask import has_request_context

SILENT_AFTER = 2.0  # seconds after which a statement is looked into, and again after as many
# Seconds that a connection may take to come about, the least that PostgreSQL's library knows.
ANSWERS_WITHIN = 2
DOWN_FOR = 2.0  # seconds for which a server that did not answer is not asked again
_WAITS_FOR_LOCK = (
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
)

_down_until = 0.0


class Silent(psycopg.OperationalError):
    """The server does not answer."""


class WatchedConnection(psycopg.Connection[Any]):
    """A connection whose statements end when the server hangs, in a request."""

    parameters: dict[str, Any]

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """What the generator of psycopg's protocol gives. Raises OperationalError when the server hangs."""
        if has_request_context():
            gen = self._watched(gen)
        return super().wait(gen, *arguments, **options)

    def _watched(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The same generator, which psycopg wakes a few times a second: then it looks at the clock."""
        next_look = time.monotonic() + SILENT_AFTER
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and (_is_down() or time.monotonic() > next_look):
                    self._look()
                    next_look = time.monotonic() + SILENT_AFTER
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _look(self) -> None:
        """End a statement that waits for a lock, or for a server that does not even answer a new connection."""
        try:
            with connect([], self.parameters) as other:
                waits = other.execute(_WAITS_FOR_LOCK, [self.info.backend_pid]).fetchone()
        except (Silent, psycopg.errors.ConnectionTimeout):
            self.pgconn.finish()
            raise Silent("the server does not answer") from None
        except psycopg.Error:  # it answers that it cannot say: the statement may well be at work
            return
        if waits is not None:
            self.pgconn.finish()
            raise psycopg.OperationalError("what is asked for is locked by another transaction")


def connect(arguments: list[Any], parameters: dict[str, Any]) -> WatchedConnection:
    """A new connection; soon an OperationalError when a server does not answer to a request."""
    known = {name: value for name, value in parameters.items() if name not in ("context", "connect_timeout")}
    if has_request_context():
        if _is_down():
            raise Silent("the server did not answer a moment ago")
        parameters = {"connect_timeout": ANSWERS_WITHIN} | parameters
    try:
        connection = WatchedConnection.connect(*arguments, **parameters)
    except psycopg.errors.ConnectionTimeout:
        _set_down()
        raise
    connection.parameters = known
    return connection


def _is_down() -> bool:
    return time.monotonic() < _down_until


def _set_down() -> None:
    global _down_until
    _down_until = time.monotonic() + DOWN_FOR
