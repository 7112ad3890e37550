"""Storing and reading a year of 15-minute values through the API, beside the same rows without any of it.

The whole app answers: authentication, validation, the beliefs' door and the forecasting job's row included;
only the socket is missing. What it is compared with writes and reads the same rows, in a table of the same
columns on the same server, in turn with ours.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import bare
import numpy as np
from common import missing, row, seconds

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

YEAR = 35_040
DAY = 96
STEP = timedelta(minutes=15)
FIRST = datetime(2015, 1, 1, tzinfo=UTC)
DATABASES = ("sqlite", "postgresql")


def measure(years: int = 5) -> list[dict[str, Any]]:
    """Rows for SQLite and for PostgreSQL, or a row that says what is missing."""
    import pytest

    rows = []
    for database in DATABASES:
        try:
            rows += _measure(database, years)
        except pytest.skip.Exception as reason:
            rows.append(missing(f"post_year_seconds_{database}", str(reason)))
    return rows


def _measure(database: str, years: int) -> list[dict[str, Any]]:
    with _app(database) as app, bare.table(database, app) as other:
        client, headers, connection = _prosumer_with_asset(app)
        post, get = _poster(client, headers, connection), _getter(client, headers, connection)
        before = _stored_bytes(app)
        posts, bare_posts = [], []
        for year in range(years):
            values = np.random.default_rng(year).normal(0.5, 0.2, YEAR).round(4)
            start = FIRST + year * YEAR * STEP
            posts.append(seconds(partial(post, start, values)))
            bare_posts.append(seconds(partial(other.write, start, STEP, values)))
        size = (_stored_bytes(app) - before) / (years * YEAR)
        bare_size = other.size() / (years * YEAR)
        reads = _read(get, other, YEAR, years), _read(get, other, DAY, 40)
        singles = _post_singles(post, other, FIRST - timedelta(days=30), 60)
    return [
        _of("post_year_seconds", database, posts, bare_posts, "s", bare.WRITES[database], YEAR),
        _of("get_year_ms", database, *reads[0], "ms", bare.READS[database], YEAR),
        _of("get_day_ms", database, *reads[1], "ms", bare.READS[database], DAY),
        _of("post_one_value_ms", database, *singles, "ms", bare.WRITES[database], 1),
        row(
            f"bytes_per_value_{database}",
            size,
            "B",
            against="a table of the same columns and key, same rows",
            than=bare_size,
            size=years * YEAR,
        ),
    ]


def _of(
    name: str, database: str, ours: list[float], theirs: list[float], unit: str, against: str, size: int
) -> dict[str, Any]:
    """Medians of seconds as a row, in `unit`."""
    scale = {"s": 1.0, "ms": 1000.0}[unit]
    mine, other = scale * statistics.median(ours), scale * statistics.median(theirs)
    return row(f"{name}_{database}", mine, unit, against=f"{against}, same run", than=other, size=size)


def _read(
    get: Callable[..., int], other: bare.Table, size: int, times: int
) -> tuple[list[float], list[float]]:
    ours, theirs = [], []
    for k in range(times):
        start = FIRST + k * size * STEP

        def ask(start: datetime = start) -> None:
            if get(start, size * STEP) != size:
                raise AssertionError(f"not all of {size} values came back")

        ours.append(seconds(ask))
        theirs.append(seconds(partial(other.read, start, start + size * STEP)))
    return ours, theirs


def _post_singles(
    post: Callable[..., None], other: bare.Table, start: datetime, times: int
) -> tuple[list[float], list[float]]:
    ours, theirs = [], []
    for k in range(times):
        at, values = start + k * STEP, np.array([0.5])
        ours.append(seconds(partial(post, at, values)))
        theirs.append(seconds(partial(other.write, at, STEP, values)))
    return ours, theirs


@contextmanager
def _app(database: str) -> Iterator[Flask]:
    """The app in an instance of its own; jobs are queued and nobody works on them."""
    from flexmeasures.db import db
    from flexmeasures.testing import make_app, seed_structure, temporary_postgresql

    with TemporaryDirectory() as folder:
        if database == "sqlite":
            app = make_app(Path(folder), FLEXMEASURES_JOBS="")
            with app.app_context():
                seed_structure()
            yield app
            return
        with temporary_postgresql() as uri:
            app = make_app(Path(folder), FLEXMEASURES_JOBS="", SQLALCHEMY_DATABASE_URI=uri)
            with app.app_context():
                seed_structure()
            yield app
            with app.app_context():
                db.engine.dispose()


def _prosumer_with_asset(app: Flask) -> tuple[FlaskClient, dict[str, str], str]:
    """A client, the headers of a prosumer, and the address of a building of theirs."""
    from sqlalchemy import select

    from flexmeasures import structure
    from flexmeasures.auth import new_token
    from flexmeasures.db import db, writing
    from flexmeasures.models import Market

    with app.app_context():
        with writing() as session:
            user = structure.create_user("prosumer", "prosumer@example.com", "a-password", ["Prosumer"])
            session.flush()
            market = db.session.scalar(select(Market.id))
            fields = {
                "asset_type_name": "building",
                "unit": "MW",
                "event_resolution": 15,
                "capacity_in_mw": 2,
            }
            place = {"latitude": 52.4, "longitude": 4.9, "owner_id": user.id, "market_id": market}
            asset = structure.create_asset({"name": "building"} | fields | place)
            session.flush()
        token = new_token(user)
        db.session.commit()
        address = f"ea1.2021-01.io.flexmeasures:{user.id}:{asset.id}"
    return app.test_client(), {app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]: token}, address


def _poster(client: FlaskClient, headers: dict[str, str], connection: str) -> Callable[..., None]:
    import orjson

    def post(start: datetime, values: np.ndarray[Any, Any]) -> None:
        message = {
            "type": "PostMeterDataRequest",
            "connection": connection,
            "values": values,
            "start": start.isoformat(),
            "duration": f"PT{len(values) * 15}M",
            "horizon": "PT0M",
            "unit": "MW",
        }
        body = orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)
        answer = client.post(
            "/api/v2_0/postMeterData", data=body, headers=headers | {"Content-Type": "application/json"}
        )
        if answer.status_code != 200:
            raise AssertionError(answer.get_data(as_text=True))

    return post


def _getter(client: FlaskClient, headers: dict[str, str], connection: str) -> Callable[..., int]:
    import orjson

    def get(start: datetime, duration: timedelta) -> int:
        query = {
            "type": "GetMeterDataRequest",
            "connection": connection,
            "start": start.isoformat(),
            "duration": f"PT{duration // timedelta(minutes=1)}M",
            "unit": "MW",
        }
        answer = client.get("/api/v2_0/getMeterData", query_string=query, headers=headers)
        if answer.status_code != 200:
            raise AssertionError(answer.get_data(as_text=True))
        return len(orjson.loads(answer.get_data())["values"])

    return get


def _stored_bytes(app: Flask) -> int:
    """Bytes that the database takes for beliefs: table and index, or all pages that are in use."""
    from flexmeasures.db import db, is_sqlite

    with app.app_context():
        connection = db.session.connection()
        if is_sqlite():
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            size = (pages - free) * connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        else:
            size = connection.exec_driver_sql("SELECT pg_total_relation_size('belief')").scalar_one()
        db.session.commit()
    return int(size)


if __name__ == "__main__":
    begin = time.perf_counter()
    for measurement in measure():
        print(measurement)
    print(f"{time.perf_counter() - begin:.1f} s")
