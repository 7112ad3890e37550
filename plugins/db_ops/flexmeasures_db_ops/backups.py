"""Backups: what the tables hold as files in a folder, to be loaded again with the same ids.

A backup has one file a table, JSON lines under gzip, and `backup.json`, which lists them. Rows name users by
their email addresses: what somebody owned is given back to whoever has the address then. Tables of plugins,
the reports of tasks and the times of recurring jobs are not in it.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from flask import current_app
from sqlalchemy import Column, Connection, Row, Table, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from flexmeasures import models  # noqa: F401  so that Base knows all tables
from flexmeasures.db import Base, Milliseconds, UtcTime, after_commit, db, is_sqlite, writing
from flexmeasures.errors import InputError, NotFound
from flexmeasures.models import Role, Sensor, User
from flexmeasures.models.jobs import JobState
from flexmeasures.runtime import runtime
from flexmeasures.timing import MILLISECOND, from_ms, to_ms

__all__ = ["BadBackup", "load", "place_of", "save"]

INDEX = "backup.json"
USERS = "user"
STRUCTURE = ("sensor_type", "sensor")
_KEPT = frozenset({"user", "role", "roles_users", "latest_task_run", "recurring_job"})
_BATCH = 10_000
_NAME = re.compile(r"\w[\w.-]{0,99}", re.ASCII)
_NEW_JOB = {"state": JobState.QUEUED, "attempt": 0} | dict.fromkeys(
    ("lease_token", "lease_until", "not_before", "worker", "started_at", "merge_key")
)


class BadBackup(InputError):
    """A backup lacks files, or says something that does not fit this database."""


def place_of(name: str, folder: Path | None = None) -> Path:
    """The folder of the backup of that name, below `folder` or FLEXMEASURES_DB_BACKUP_PATH.

    Raises NotFound for a name that could lead elsewhere.
    """
    if not _NAME.fullmatch(name):
        raise NotFound(
            f"{name[:80]!r} is no name of a backup.", "backup", "letters, digits, '-', '_' and '.'"
        )
    return (folder or Path(current_app.config["FLEXMEASURES_DB_BACKUP_PATH"])) / name


def tables(structure: bool, data: bool) -> list[Table]:
    """The tables of a backup, those that others refer to first. Sources go with both kinds."""
    wanted = [table for table in Base.metadata.sorted_tables if table.name not in _KEPT]
    return [t for t in wanted if t.name == "source" or (structure if t.name in STRUCTURE else data)]


# -- saving --------------------------------------------------------------------------------------------


def save(folder: Path, *, structure: bool = True, data: bool = False) -> dict[str, int]:
    """Write a backup into a folder that is not there yet, all of one moment; returns the rows of each table.

    structure: users, sensors and their types. data: beliefs, schedules and jobs. Only who runs this may read
    the folder, for it holds the users' password hashes. Raises InputError when the folder is there already.
    """
    if folder.exists():
        raise InputError(f"There is a backup {folder} already.", "name", "a name that is not taken")
    folder.parent.mkdir(parents=True, exist_ok=True)
    parts = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        counts = _write_tables(parts, structure, data)
        index = {"made_at": datetime.now(UTC).isoformat(), "rows": counts}
        (parts / INDEX).write_bytes(orjson.dumps(index, option=orjson.OPT_INDENT_2))
        parts.rename(folder)
    except BaseException:
        shutil.rmtree(parts, ignore_errors=True)
        raise
    return counts


def _write_tables(parts: Path, structure: bool, data: bool) -> dict[str, int]:
    counts: dict[str, int] = {}
    snapshot = {} if is_sqlite() else {"isolation_level": "REPEATABLE READ"}
    with db.engine.connect().execution_options(**snapshot) as connection:
        emails = {id_: email for id_, email in connection.execute(select(User.id, User.email))}  # noqa: C416
        if structure:
            counts[USERS] = _write(parts / f"{USERS}.jsonl.gz", _users())
        for table in tables(structure, data):
            rows = connection.execution_options(yield_per=_BATCH).execute(select(table))
            counts[str(table.name)] = _write(
                _file(parts, table.name), (_plain(table, row, emails) for row in rows)
            )
    return counts


def _users() -> Iterator[dict[str, Any]]:
    names = ("username", "email", "password", "active", "timezone", "attributes")
    for user in db.session.scalars(select(User).order_by(User.id)):
        yield {name: getattr(user, name) for name in names} | {"roles": sorted(user.role_names)}


def _plain(table: Table, row: Row[Any], emails: Mapping[int, str]) -> dict[str, Any]:
    pairs = zip(table.columns, row, strict=True)
    return {str(column.name): _to_plain(column, value, emails) for column, value in pairs}


def _to_plain(column: Column[Any], value: Any, emails: Mapping[int, str]) -> Any:
    if value is None:
        return None
    if _refers_to_user(column):
        return emails[value]
    if isinstance(column.type, UtcTime):
        return to_ms(value)
    return value // MILLISECOND if isinstance(column.type, Milliseconds) else value


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    with gzip.open(path, "wb", compresslevel=3) as file:
        for count, row in enumerate(rows, 1):  # noqa: B007  (the count of the last one is wanted)
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    return count


# -- loading -------------------------------------------------------------------------------------------


def load(folder: Path, *, structure: bool = True, data: bool = True, users: bool = False) -> dict[str, int]:
    """Replace what the database holds by a backup, in one transaction; returns the rows of each table.

    With structure, all beliefs, schedules and jobs of before go too, whether the backup has others or not. What
    running jobs compute is not stored; jobs that ran when the backup was made wait again. users: those of the
    backup who are missing here come into being; otherwise users stay as they are.

    Raises NotFound when there is no such backup, BadBackup when a file is missing or does not fit, such as a
    sensor of an owner who is not here; nothing is changed then.
    """
    rows = _index(folder)
    wanted = tables(structure, data)
    needed = ["source", *(STRUCTURE if structure else ())]
    missing = [name for name in needed if name not in rows]
    missing += [name for name in rows if not _NAME.fullmatch(name) or not _file(folder, name).is_file()]
    if missing:
        raise BadBackup(f"The backup {folder.name} has no {', '.join(sorted(set(missing)))}.", "backup")
    counts: dict[str, int] = {}
    try:
        with writing() as session:
            if users and USERS in rows:
                counts[USERS] = _load_users(_read(folder, USERS))
            _forget_sensors(_read(folder, "sensor") if structure else None)
            connection = session.connection()
            owners: dict[str, int] = {user.email: user.id for user in session.scalars(select(User))}
            for table in reversed(tables(structure, True)):
                connection.execute(delete(table))
            for table in wanted:
                if table.name in rows:
                    counts[str(table.name)] = _insert(connection, table, _read(folder, table.name), owners)
            _check_sensors(connection)
            session.expire_all()
    except (IntegrityError, orjson.JSONDecodeError, EOFError, gzip.BadGzipFile, KeyError, TypeError) as error:
        raise BadBackup(f"The backup {folder.name} does not fit this database: {_reason(error)}.") from error
    return counts


def _index(folder: Path) -> dict[str, int]:
    """Rows by table, as the backup says."""
    try:
        rows: dict[str, int] = orjson.loads((folder / INDEX).read_bytes())["rows"]
    except FileNotFoundError:
        known = sorted(path.parent.name for path in folder.parent.glob(f"*/{INDEX}"))
        accepted = f"one of {', '.join(known)}" if known else "none yet (flexmeasures db-ops save makes them)"
        raise NotFound(f"There is no backup {folder.name!r}.", "backup", accepted) from None
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BadBackup(f"{INDEX} of the backup {folder.name} cannot be read.", "backup") from error
    return rows


def _read(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(_file(folder, name), "rb") as file:
        for line in file:
            yield orjson.loads(line)


def _load_users(rows: Iterable[dict[str, Any]]) -> int:
    import secrets

    known = set(db.session.scalars(select(func.lower(User.email))))
    new = [row for row in rows if row["email"].lower() not in known]
    roles = {role.name: role for role in db.session.scalars(select(Role))}
    for row in new:
        names = row.pop("roles")
        roles |= {name: Role(name=name) for name in names if name not in roles}
        user = User(**row, fs_uniquifier=secrets.token_hex(16), roles=[roles[name] for name in names])
        db.session.add(user)
    db.session.flush()
    return len(new)


def _forget_sensors(rows: Iterable[dict[str, Any]] | None) -> None:
    """After the commit, tell plugins of the sensors that are not in the backup."""
    if rows is None:
        return
    staying = {(row["id"], row["kind"], row["name"]) for row in rows}
    hub = runtime()
    for sensor in db.session.scalars(select(Sensor)):
        if (sensor.id, sensor.kind, sensor.name) not in staying:
            db.session.expunge(sensor)
            after_commit(lambda gone=sensor: hub.tell("on_sensor_deleted", sensor=gone))  # type: ignore[misc]


def _insert(
    connection: Connection, table: Table, rows: Iterator[dict[str, Any]], owners: Mapping[str, int]
) -> int:
    if table.name == "sensor":  # markets before the assets that refer to them
        rows = iter(sorted(rows, key=lambda row: row["market_id"] is not None))
    count = 0
    while batch := [_from_plain(table, row, owners) for row in islice(rows, _BATCH)]:
        connection.execute(insert(table), batch)
        count += len(batch)
    if "id" in table.columns and connection.dialect.name != "sqlite":
        # An id is never given out twice: neither one of the backup, nor one of before.
        sequence = func.pg_get_serial_sequence(f'"{table.name}"', "id")
        newest = select(func.coalesce(func.max(table.columns["id"]), 0)).scalar_subquery()
        connection.execute(select(func.setval(sequence, func.greatest(func.nextval(sequence), newest))))
    return count


def _from_plain(table: Table, row: dict[str, Any], owners: Mapping[str, int]) -> dict[str, Any]:
    unknown = sorted(set(row) - set(table.columns.keys()))
    if unknown:
        raise BadBackup(f"{table.name} has no column {', '.join(unknown)}.", "backup", "one of this version")
    found = {name: _value(table.columns[name], value, row, owners) for name, value in row.items()}
    return found | _NEW_JOB if table.name == "job" and found["state"] == JobState.RUNNING else found


def _value(column: Column[Any], value: Any, row: Mapping[str, Any], owners: Mapping[str, int]) -> Any:
    if value is None:
        return None
    if _refers_to_user(column):
        owner = owners.get(value)
        if owner is None and column.name == "owner_id":
            text = f"{row['name']} belongs to {value}, who is not a user here."
            raise BadBackup(text, "backup", f"one whose owners are users; add {value} first")
        return owner
    if isinstance(column.type, UtcTime):
        return from_ms(value)
    return value * MILLISECOND if isinstance(column.type, Milliseconds) else value


def _check_sensors(connection: Connection) -> None:
    belief = Base.metadata.tables["belief"]
    known = select(Sensor.id).scalar_subquery()
    lost = connection.scalar(select(belief.c.sensor_id).where(belief.c.sensor_id.not_in(known)).limit(1))
    if lost is not None:
        raise BadBackup(
            f"The backup has values of sensor {lost}, which is not here.",
            "backup",
            "one with structure, or sensors of the same ids",
        )


def _refers_to_user(column: Column[Any]) -> bool:
    return any(key.column.table.name == "user" for key in column.foreign_keys)


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", error)).splitlines()[0]


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.jsonl.gz"
