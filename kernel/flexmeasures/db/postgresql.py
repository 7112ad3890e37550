"""Connections to PostgreSQL that do not wait for ever, where a client waits for the answer of a request.

A server that is frozen still accepts connections and acknowledges packets (its operating system does), so neither
the limits of the server nor those of TCP end a statement. A statement of a request that takes long is therefore
looked into over a second connection: when that gets no answer, or the statement waits for a lock, it is ended.
A statement that works is left alone. Commands and workers may wait: their work has limits of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import Any

import psycopg
from flask import has_request_context

SILENT_AFTER = 2.0  # seconds after which a statement is looked into, and again after as many
ANSWERS_WITHIN = (
    2  # seconds that a connection may take to come about, the least that PostgreSQL's library knows
)
DOWN_FOR = 2.0  # seconds for which a server that did not answer is not asked again
INTERVAL = 0.1  # seconds between two looks at the clock
_WAITS_FOR_LOCK = (
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
)

_down_until = 0.0
_lock = threading.Lock()


class WatchedConnection(psycopg.Connection[Any]):
    """A connection whose statements end when the server hangs, in a request."""

    parameters: dict[str, Any]

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """What the generator of psycopg's protocol gives. Raises OperationalError when the server hangs."""
        if has_request_context():
            gen = self._watched(gen)
        return super().wait(gen, *arguments, **options)

    def _watched(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The same generator, which is woken a few times a second (INTERVAL) and then looks at the clock."""
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
        pid = self.info.backend_pid
        try:
            if _is_down():
                raise psycopg.OperationalError("the server did not answer a moment ago")
            with psycopg.Connection.connect(**self.parameters, connect_timeout=ANSWERS_WITHIN) as other:
                waits = other.execute(_WAITS_FOR_LOCK, [pid]).fetchone()
        except psycopg.Error:
            _set_down()
            self.pgconn.finish()
            raise psycopg.OperationalError("the server does not answer") from None
        if waits is not None:
            self.pgconn.finish()
            raise psycopg.OperationalError("what is asked for is locked by another transaction")


def connect(arguments: list[Any], parameters: dict[str, Any]) -> WatchedConnection:
    """A new connection; soon an OperationalError when a server does not answer to a request."""
    known = {name: value for name, value in parameters.items() if name not in ("context", "connect_timeout")}
    if has_request_context():
        if _is_down():
            raise psycopg.OperationalError("the server did not answer a moment ago")
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
    with _lock:
        _down_until = time.monotonic() + DOWN_FOR
