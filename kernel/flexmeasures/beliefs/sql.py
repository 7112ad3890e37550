"""The rows of beliefs, in and out of each kind of database; flexmeasures.beliefs is the door to them.

SQL stands here because the speed of the product is decided here: PostgreSQL takes COPY in its binary format
and answers with one value of bytes, which numpy writes and reads as record arrays; SQLite takes one
executemany. All runs on the driver's own connection, in the transaction of the session.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from flexmeasures.db import db, is_sqlite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures.timeseries import Floats

    Integers = NDArray[np.int64]


# From here on, COPY into a temporary table beats arrays as parameters (measured on PostgreSQL 15).
_COPY_FROM_ROWS = 500
_EPOCH_2000_MS = 946_684_800_000


@dataclass(frozen=True)
class Rows:
    """Beliefs of one sensor and source on their way in; starts and horizons in milliseconds, shape (n,)."""

    sensor_id: int
    source_id: int
    starts: Integers
    horizons: Integers
    values: Floats

    def keyed(self) -> Iterable[tuple[int, int, int, int, float]]:
        return zip(
            repeat(self.sensor_id),
            self.starts.tolist(),
            self.horizons.tolist(),
            repeat(self.source_id),
            self.values.tolist(),
            strict=False,
        )


def insert(rows: Rows, replace: bool) -> tuple[int, int]:
    """Store rows whose key is new, and where `replace` is set the changed values of others: how many of each."""
    return (_insert_sqlite if is_sqlite() else _insert_postgresql)(rows, replace)


def _insert_sqlite(rows: Rows, replace: bool) -> tuple[int, int]:
    cursor = _driver().cursor()
    cursor.executemany(
        "INSERT OR IGNORE INTO belief (sensor_id, event_start, horizon, source_id, value) VALUES (?, ?, ?, ?, ?)",
        rows.keyed(),
    )
    new, total = cursor.rowcount, len(rows.values)
    replaced = 0
    if new < total and replace:
        cursor.executemany(
            "INSERT INTO belief (sensor_id, event_start, horizon, source_id, value) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
            rows.keyed(),
        )
        replaced = cursor.rowcount
    cursor.close()
    return new, replaced


_FROM_ARRAYS = (
    "(SELECT timestamptz 'epoch' + ms * interval '1 millisecond' AS event_start, horizon, value"
    " FROM unnest(%(starts)s::bigint[], %(horizons)s::bigint[], %(values)s::float8[]) AS rows (ms, horizon, value))"
)


def _insert_postgresql(rows: Rows, replace: bool) -> tuple[int, int]:
    parameters: dict[str, Any] = {"sensor": rows.sensor_id, "source": rows.source_id}
    with _driver().cursor() as cursor:
        if len(rows.values) < _COPY_FROM_ROWS:
            table = _FROM_ARRAYS
            parameters |= {
                "starts": rows.starts.tolist(),
                "horizons": rows.horizons.tolist(),
                "values": rows.values.tolist(),
            }
        else:
            table = "incoming_belief"
            _copy_in(cursor, rows)
        cursor.execute(
            "INSERT INTO belief (sensor_id, event_start, horizon, source_id, value)"
            f" SELECT %(sensor)s, event_start, horizon, %(source)s, value FROM {table} AS incoming"
            " ON CONFLICT DO NOTHING",
            parameters,
        )
        new, total = cursor.rowcount, len(rows.values)
        replaced = 0
        if new < total and replace:
            cursor.execute(
                f"UPDATE belief SET value = incoming.value FROM {table} AS incoming"
                " WHERE belief.sensor_id = %(sensor)s AND belief.source_id = %(source)s"
                " AND belief.event_start = incoming.event_start AND belief.horizon = incoming.horizon"
                " AND belief.value <> incoming.value",
                parameters,
            )
            replaced = cursor.rowcount
    return new, replaced


def _copy_in(cursor: Any, rows: Rows) -> None:
    """Fill the temporary table by PostgreSQL's binary COPY format, which numpy writes as one record array."""
    import numpy as np

    cursor.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_belief"
        " (event_start timestamptz, horizon bigint, value float8) ON COMMIT DELETE ROWS"
    )
    cursor.execute("TRUNCATE incoming_belief")
    records = np.empty(len(rows.values), dtype=_COPY_ROW)
    records["fields"] = 3
    records["size_start"] = records["size_horizon"] = records["size_value"] = 8
    records["start"] = (rows.starts - _EPOCH_2000_MS) * 1000
    records["horizon"] = rows.horizons
    records["value"] = rows.values
    with cursor.copy("COPY incoming_belief (event_start, horizon, value) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(_COPY_HEADER + records.tobytes() + _COPY_TRAILER)


# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": a header of 19 bytes, then for each
# row a count of fields and for each field its size and its big-endian bytes, then a trailer of -1.
_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_COPY_ROW = [
    ("fields", ">i2"),
    ("size_start", ">i4"),
    ("start", ">i8"),
    ("size_horizon", ">i4"),
    ("horizon", ">i8"),
    ("size_value", ">i4"),
    ("value", ">f8"),
]


MS = "interval '1 millisecond'"
_COLUMNS = {"sensor": "sensor_id", "start": "event_start", "horizon": "horizon", "value": "value"}


@dataclass(frozen=True)
class Slots:
    """Where to look for one event each: from start to end in ms, a half before slots begin to a half after."""

    start: int
    end: int
    step: int


def where(ids: Iterable[int], numbers: list[tuple[str, int]], source_ids: Iterable[int] | None) -> str:
    """Conditions of a search; all that stands in them are integers of ours.

    numbers: pairs of a condition with `?` and its number, of times in ms; `recorded` stands for the belief time less
    one event resolution.
    """
    found = [f"sensor_id IN ({_listed(ids)})"]
    if source_ids is not None:
        found.append(f"source_id IN ({_listed(source_ids)})")
    recorded = "event_start - horizon" if is_sqlite() else f"event_start - horizon * {MS}"
    for text, number in numbers:
        plain = is_sqlite() or text.startswith("horizon")
        value = str(number) if plain else f"timestamptz 'epoch' + {number} * {MS}"
        found.append(text.replace("recorded", recorded).replace("?", value))
    return " AND ".join(found)


def _listed(items: Iterable[int]) -> str:
    return ", ".join(str(int(each)) for each in items) or "NULL"


def count(ids: Iterable[int], starts: Iterable[int]) -> int:
    """How many beliefs there are about the events that start at some moments (ms)."""
    moment = "{}" if is_sqlite() else f"timestamptz 'epoch' + {{}} * {MS}"
    listed = ", ".join(moment.format(int(each)) for each in starts)
    text = f"SELECT count(*) FROM belief WHERE sensor_id IN ({_listed(ids)}) AND event_start IN ({listed})"
    return int(_driver().execute(text).fetchone()[0])


# The event of a slot; then the horizon of its beliefs is found by the key as well.
_FIRST = (
    "(SELECT first_of.event_start FROM belief AS first_of WHERE first_of.sensor_id = id"
    " AND first_of.event_start >= first AND first_of.event_start < first + {step} ORDER BY 1 LIMIT 1)"
)


def fetch(
    ids: list[int], where: str, order: str, *, newest: bool, slots: Slots | None = None
) -> dict[str, Any]:
    """Columns sensor, start, horizon (int64, times in milliseconds) and value (float64) of the sensors' beliefs.

    where: as of that function; order: within a sensor. newest: only the first row of each event, and no column
    horizon. slots: look each of them up, which is faster where events have many rows.
    """
    names = [name for name in _COLUMNS if not (newest and name == "horizon")]
    return (_fetch_sqlite if is_sqlite() else _fetch_postgresql)(names, ids, where, order, slots)


def _fetch_sqlite(
    names: list[str], ids: list[int], where: str, order: str, slots: Slots | None
) -> dict[str, Any]:
    import numpy as np

    text = f"SELECT {', '.join(_COLUMNS[name] for name in names)} FROM belief WHERE {where} ORDER BY sensor_id, {order}"
    given = [] if slots is None else [str(list(range(slots.start, slots.end, slots.step)))]
    if slots is not None:
        # The sign keeps SQLite from looking through the whole window for each slot.
        where = where.replace("event_start >", "+event_start >").replace("event_start <", "+event_start <")
        text = (
            "WITH slot (first) AS (SELECT value FROM json_each(?)),"
            f" ids (id) AS (VALUES {', '.join(f'({each})' for each in ids)})"
            f" SELECT id, first + {slots.step // 2}, (SELECT value FROM belief WHERE {where} AND sensor_id = id"
            f" AND event_start = {_FIRST.format(step=slots.step)} ORDER BY {order} LIMIT 1)"
            " FROM ids CROSS JOIN slot"  # in this order of loops, which is that of the rows
        )
    rows = np.array(_driver().execute(text, given).fetchall(), dtype=np.float64).reshape(-1, len(names))
    if slots is not None:
        rows = rows[~np.isnan(rows[:, -1])]
    columns: dict[str, Any] = {
        name: rows[:, k] if name == "value" else rows[:, k].astype(np.int64) for k, name in enumerate(names)
    }
    if "horizon" not in names and len(rows) > 1:
        first = np.ones(len(rows), dtype=bool)
        first[1:] = (np.diff(columns["start"]) != 0) | (np.diff(columns["sensor"]) != 0)
        if not first.all():
            columns = {name: column[first] for name, column in columns.items()}
    return columns


# How PostgreSQL sends a value of each column: the function that makes its bytes, and how numpy reads them.
_SENT = {
    "sensor": ("int4send", ">i4"),
    "start": ("timestamptz_send", ">i8"),
    "horizon": ("int8send", ">i8"),
    "value": ("float8send", ">f8"),
}


def _fetch_postgresql(
    names: list[str], ids: list[int], where: str, order: str, slots: Slots | None
) -> dict[str, Any]:
    """All rows come as one value, since the driver takes a Python step for each row, of COPY too."""
    import numpy as np

    found = f"FROM belief WHERE {where}"
    if slots is not None:
        found = (
            f"FROM unnest(ARRAY[{_listed(ids)}]) AS ids (id), (SELECT timestamptz 'epoch' + ms * {MS} AS first"
            f" FROM generate_series({slots.start}, {slots.end - 1}, {slots.step}) AS every (ms)) AS slot,"
            f" LATERAL (SELECT sensor_id, event_start, value {found} AND sensor_id = id"
            f" AND event_start = {_FIRST.format(step=f'{slots.step} * {MS}')} ORDER BY {order} LIMIT 1) AS newest"
        )
    elif "horizon" not in names:
        first = "SELECT DISTINCT ON (sensor_id, event_start) sensor_id, event_start, value"
        found = f"FROM ({first} {found} ORDER BY sensor_id, {order}) AS newest"
    order = order if "horizon" in names else "event_start"
    row = " || ".join(f"{_SENT[name][0]}({_COLUMNS[name]})" for name in names)
    with _driver().cursor(binary=True) as cursor:
        cursor.execute(f"SELECT string_agg({row}, ''::bytea ORDER BY sensor_id, {order}) {found}")
        (data,) = cursor.fetchone()
    rows = np.frombuffer(data or b"", dtype=[(name, _SENT[name][1]) for name in names])
    columns: dict[str, Any] = {
        name: rows[name].astype(np.float64 if name == "value" else np.int64) for name in names
    }
    columns["start"] = columns["start"] // 1000 + _EPOCH_2000_MS
    return columns


def _driver() -> Any:
    """The driver's own connection, in the transaction of the session."""
    return db.session.connection().connection.driver_connection
