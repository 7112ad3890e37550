"""The whole database, whatever is in it: as one file, from one file, and emptied."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import MetaData

from flexmeasures import db as the_db
from flexmeasures.db import db, is_sqlite
from flexmeasures.errors import FlexMeasuresError, InputError
from flexmeasures.runtime import runtime

_MAGIC = {"sqlite": b"SQLite format 3\0", "postgresql": b"PGDMP"}


def dump(folder: Path) -> Path:
    """Write everything into a new file `pgbackup_<database>_<date>.dump` (or `sqlitebackup_...`); gives its path."""
    kind = "sqlite" if is_sqlite() else "pg"
    name = Path(db.engine.url.database or "memory").stem
    path = folder / f"{kind}backup_{name}_{datetime.now(UTC):%F-%H%M}.dump"
    if path.exists():
        raise InputError(f"There is a file {path} already; move it or wait a minute.")
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # it holds password hashes
    if is_sqlite():
        with closing(sqlite3.connect(path)) as target, closing(_sqlite()) as source:
            source.backup(target)
    else:
        _run("pg_dump", "--format=custom", f"--file={path}")
    return path


def restore(file: Path) -> None:
    """Replace everything by what a file of `dump` holds; InputError for another kind of file."""
    kind = "sqlite" if is_sqlite() else "postgresql"
    live = Path(db.engine.url.database or "")
    if is_sqlite() and live.exists() and file.samefile(live):  # whoever opens and closes it drops its locks
        raise InputError(f"{file} is the database itself.", "file", "a file made by db-ops dump")
    with file.open("rb") as opened:
        if not opened.read(16).startswith(_MAGIC[kind]):
            raise InputError(f"{file} is no dump of a {kind} database.", "file", "a file made by db-ops dump")
    if is_sqlite():
        with closing(sqlite3.connect(file)) as source, closing(_sqlite()) as target:
            source.backup(target)
    else:
        _drop_all()
        _run("pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", str(file))


def reset() -> list[str]:
    """Drop all tables, those of plugins too, and make them anew; gives the migrations that were run."""
    _drop_all()
    return the_db.upgrade(db.engine, the_db.branches(runtime().plugins))


def _drop_all() -> None:
    everything = MetaData()
    db.session.close()
    with the_db.alone(db.engine) as connection:
        everything.reflect(connection)
        everything.drop_all(connection)


def _sqlite() -> sqlite3.Connection:
    return sqlite3.connect(db.engine.url.database or "", timeout=10)


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on the database; the password travels by the environment, unseen by others."""
    found = shutil.which(program)
    if found is None:
        raise FlexMeasuresError(f"{program} is not installed: it comes with PostgreSQL's client programs.")
    url = db.engine.url
    address = url.set(drivername="postgresql", password=None).render_as_string()
    secret = {} if url.password is None else {"PGPASSWORD": str(url.password)}
    command = [found, f"--dbname={address}", *arguments]
    result = subprocess.run(command, env=os.environ | secret, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode:
        raise FlexMeasuresError(f"{program}: {result.stderr.strip()}")
