"""The same rows without FlexMeasures: a table of the belief's columns and key, written and read by the drivers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from flask import Flask
    from numpy.typing import NDArray

WRITES = {"sqlite": "executemany into a bare table", "postgresql": "COPY into a bare table"}
READS = {"sqlite": "fetchall from a bare table", "postgresql": "binary fetch from a bare table"}
COLUMNS = "sensor_id, event_start, horizon, source_id, value"
KEY = "PRIMARY KEY (sensor_id, event_start, horizon, source_id)"


class Table(Protocol):
    """A table with the columns and the key of beliefs."""

    def write(self, start: datetime, step: timedelta, values: NDArray[np.float64]) -> None:
        """Insert rows and commit."""

    def read(self, start: datetime, end: datetime) -> int:
        """Fetch rows in order of time; how many there were."""

    def size(self) -> int:
        """Bytes of the table and its key."""


@contextmanager
def table(database: str, app: Flask) -> Iterator[Table]:
    """A bare table: in an SQLite file of its own, or in the app's PostgreSQL database."""
    if database == "sqlite":
        with TemporaryDirectory() as folder:
            yield _Sqlite(Path(folder) / "bare.db")
    else:
        import psycopg

        uri = app.config["SQLALCHEMY_DATABASE_URI"].replace("+psycopg", "")
        with psycopg.connect(uri) as connection:
            yield _Postgresql(connection)


def _starts(start: datetime, step: timedelta, values: NDArray[np.float64]) -> list[int]:
    first, each = int(start.timestamp() * 1000), step // timedelta(milliseconds=1)
    return [first + each * k for k in range(len(values))]


class _Sqlite:
    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        types = "sensor_id INTEGER, event_start INTEGER, horizon INTEGER, source_id INTEGER, value REAL"
        self.connection.execute(f"CREATE TABLE bare ({types}, {KEY}) WITHOUT ROWID")

    def write(self, start: datetime, step: timedelta, values: NDArray[np.float64]) -> None:
        rows = [(1, at, 0, 1, v) for at, v in zip(_starts(start, step, values), values.tolist(), strict=True)]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(f"INSERT INTO bare ({COLUMNS}) VALUES (?, ?, ?, ?, ?)", rows)
        self.connection.execute("COMMIT")

    def read(self, start: datetime, end: datetime) -> int:
        query = (
            "SELECT event_start, value FROM bare"
            " WHERE sensor_id = 1 AND event_start >= ? AND event_start < ? ORDER BY event_start"
        )
        window = (int(start.timestamp() * 1000), int(end.timestamp() * 1000))
        return len(self.connection.execute(query, window).fetchall())

    def size(self) -> int:
        pages, page = (
            self.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
        )
        return int(pages * page)


class _Postgresql:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        types = (
            "sensor_id integer, event_start timestamptz, horizon bigint, source_id integer,"
            " value double precision"
        )
        connection.execute(f"CREATE TABLE bare ({types}, {KEY})")
        connection.commit()

    def write(self, start: datetime, step: timedelta, values: NDArray[np.float64]) -> None:
        with self.connection.cursor() as cursor, cursor.copy(f"COPY bare ({COLUMNS}) FROM STDIN") as copy:
            for at, value in zip(_starts(start, step, values), values.tolist(), strict=True):
                copy.write_row((1, datetime.fromtimestamp(at / 1000, UTC), 0, 1, value))
        self.connection.commit()

    def read(self, start: datetime, end: datetime) -> int:
        query = (
            "SELECT event_start, value FROM bare"
            " WHERE sensor_id = 1 AND event_start >= %s AND event_start < %s ORDER BY event_start"
        )
        with self.connection.cursor(binary=True) as cursor:
            rows = cursor.execute(query, (start, end)).fetchall()
        self.connection.commit()
        return len(rows)

    def size(self) -> int:
        size = self.connection.execute("SELECT pg_total_relation_size('bare')").fetchone()[0]
        self.connection.commit()
        return int(size)
