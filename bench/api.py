"""The API over HTTP: posting and reading, with few and with many stored values, beside the bare database.

The server is a real one (serving.py), the client speaks HTTP over one kept connection; authentication,
validation, the beliefs' door and the row of the forecasting job are included. What it is compared with writes
and reads as many rows in a bare table of the same columns on the same database, in the same run.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import bare
import numpy as np
import shares
from common import missing, row, seconds
from serving import SERVERS, STEP, Site, message, serving

DAY, MONTH, YEAR = 96, 96 * 30, 35_040
FILLED = (
    100  # assets with values of their own; the one after them is measured, the next ones are the clients'
)
SMALL, LARGE = 430_000, 3_600_000  # values
DATABASES = ("sqlite", "postgresql")
CLIENTS = 4
CLIENT_SECONDS = 3.0


def measure() -> list[dict[str, Any]]:
    """Rows for SQLite and for PostgreSQL, or a row that says what is missing."""
    import pytest

    rows = []
    for database in DATABASES:
        try:
            with serving(database) as site, bare.table(database, site.app) as other:
                rows += _measure(site, other)
        except pytest.skip.Exception as reason:
            rows.append(missing(f"post_year_seconds_{database}", str(reason)))
    return rows


def _measure(site: Site, other: bare.Table) -> list[dict[str, Any]]:
    before = _stored_bytes(site)
    _fill(site, 0, SMALL // FILLED)
    size = (_stored_bytes(site) - before) / SMALL
    rows = [row(f"bytes_per_value_{site.database}", size, "B", size=SMALL)]
    rows += Round(site, other, "", 2030).rows()
    rows += shares.rows(site)
    _fill(site, SMALL // FILLED, LARGE // FILLED)
    return rows + Round(site, other, "_3m6", 2040).rows()


def _fill(site: Site, stored: int, until: int) -> None:
    """Store values of each of the first assets, which have `stored` of them, until it has `until`."""
    from flexmeasures import beliefs, sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    start = datetime(2005, 1, 1, tzinfo=UTC) + stored * STEP
    with site.app.app_context():
        source = sources.get_source("filling", "script")
        for k, connection in enumerate(site.connections[:FILLED]):
            asset = db.session.get_one(Asset, int(connection.rpartition(":")[2]))
            values = np.random.default_rng(k).normal(0.5, 0.2, until - stored).round(4)
            with writing():
                beliefs.store(asset, values, start, STEP, source, horizon=timedelta(0))
        db.session.commit()


class Round:
    """One round of measurements, of the years from `year` on; `ending` tells how much is stored beside."""

    def __init__(self, site: Site, other: bare.Table, ending: str, year: int) -> None:
        self.site, self.other = site, other
        self.ending = f"{ending}_{site.database}"
        self.server = SERVERS[site.database]
        self.client = site.client()
        self.connection = site.connections[FILLED]
        self.first = self.start = datetime(year, 1, 1, tzinfo=UTC)
        self.random = np.random.default_rng(year)

    def rows(self) -> list[dict[str, Any]]:
        """All measurements."""
        years = self._posts("post_year_seconds", YEAR, 3)
        months = self._posts("post_month_ms", MONTH, 8)
        days = self._posts("post_day_ms", DAY, 20)
        return [
            *years, *months, *self._months_again(), *days, *self._posts("post_1_value_ms", 1, 200),
            *self._groups(), *self._clients(),
            *self._gets("get_year_ms", YEAR, 5), *self._gets("get_month_ms", MONTH, 20),
            *self._gets("get_day_ms", DAY, 100),
            *self._gets("get_day_horizon_ms", DAY, 50, horizon="PT0M"),
            *self._gets("get_day_prior_ms", DAY, 50, prior="2060-01-01T00:00:00Z"),
            *self._gets("get_day_source_ms", DAY, 50, source="Prosumer"),
        ]  # fmt: skip

    # -- writing ---------------------------------------------------------------------------------------

    def _posts(self, name: str, size: int, times: int) -> list[dict[str, Any]]:
        """Post so many values, again and again, each time the ones that follow."""
        ours, theirs, used = [], [], self.site.cpu_seconds()
        for _ in range(times):
            values = self.random.normal(0.5, 0.2, size).round(4)
            body = message([self.connection], self.first, values)
            ours.append(seconds(partial(self.client.post, body)))
            theirs.append(seconds(partial(self.other.write, self.first, STEP, values)))
            self.first += size * STEP
        used = (self.site.cpu_seconds() - used) / times
        return self._worded(name, ours, theirs, bare.WRITES[self.site.database], size, used)

    def _months_again(self) -> list[dict[str, Any]]:
        """Post what is there already: refused, by the keys."""
        body = message([self.connection], self.first - MONTH * STEP, np.full(MONTH, 0.5))
        ours = [seconds(partial(self.client.post, body, 400)) for _ in range(8)]
        return [self._row("post_month_again_ms", 1000 * statistics.median(ours), "ms", MONTH)]

    def _groups(self) -> list[dict[str, Any]]:
        """A day of a hundred assets in one post."""
        ours = []
        for _ in range(5):
            values = self.random.normal(0.5, 0.2, DAY).round(4)
            body = message(list(self.site.connections[:FILLED]), self.first, values)
            ours.append(seconds(partial(self.client.post, body)))
            self.first += DAY * STEP
        return [self._row("post_100_groups_ms", 1000 * statistics.median(ours), "ms", FILLED * DAY)]

    def _clients(self) -> list[dict[str, Any]]:
        """Posts of one value a second, of several clients at once, an asset each."""
        context = multiprocessing.get_context("spawn")
        asked = [(self.site.port, self.site.token, c, self.first) for c in self.site.connections[-CLIENTS:]]
        with context.Pool(CLIENTS) as pool:
            done = pool.starmap(post_singles, asked, chunksize=1)
        self.first += timedelta(days=365)
        rate = sum(count / taken for count, taken in done)
        return [self._row("post_1_value_per_second_4_clients", rate, "/s", 1)]

    # -- reading ---------------------------------------------------------------------------------------

    def _gets(self, name: str, size: int, times: int, **query: str) -> list[dict[str, Any]]:
        start = self.start
        window = {"start": start.isoformat(), "duration": f"PT{size * 15}M", "connection": self.connection}
        ask = self._asking(size, window | query)
        ask()
        used = self.site.cpu_seconds()
        ours = [seconds(ask) for _ in range(times)]
        used = (self.site.cpu_seconds() - used) / times
        theirs = [seconds(partial(self.other.read, start, start + size * STEP)) for _ in range(times)]
        return self._worded(name, ours, theirs, bare.READS[self.site.database], size, used)

    def _asking(self, size: int, query: dict[str, str]) -> Callable[[], None]:
        def ask() -> None:
            if self.client.get(**query) != size:
                raise AssertionError(f"not all of {size} values came back")

        return ask

    # -- words -----------------------------------------------------------------------------------------

    def _worded(
        self, name: str, ours: list[float], theirs: list[float], against: str, size: int, cpu: float
    ) -> list[dict[str, Any]]:
        """Median, and of small ones the 99th percentile and the processor time of the server."""
        unit, scale = ("s", 1.0) if name.endswith("_seconds") else ("ms", 1000.0)
        mine, other = scale * statistics.median(ours), scale * statistics.median(theirs)
        rows = [
            row(f"{name}{self.ending}", mine, unit, against=f"{against}, same run", than=other, size=size)
        ]
        if len(ours) >= 100:
            rows.append(self._row(name.replace("_ms", "_p99_ms"), 1000 * np.quantile(ours, 0.99), "ms", size))
        if len(ours) >= 20:
            rows.append(self._row(name.replace("_ms", "_cpu_ms"), 1000 * cpu, "ms", size))
        return rows

    def _row(self, name: str, value: float, unit: str, size: int) -> dict[str, Any]:
        return row(f"{name}{self.ending}", float(value), unit, against=self.server, size=size)


def post_singles(port: int, token: str, connection: str, start: datetime) -> tuple[int, float]:
    """Post one value after the other for some seconds: how many there were, in what time."""
    from serving import Client

    client = Client(port, token)
    client.post(message([connection], start, np.array([0.5])))
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < CLIENT_SECONDS:
        count += 1
        client.post(message([connection], start + count * STEP, np.array([0.5])))
    return count, time.perf_counter() - begin


def _stored_bytes(site: Site) -> int:
    """Bytes that the database takes for beliefs: table and index, or all pages that are in use."""
    from flexmeasures.db import db, is_sqlite

    with site.app.app_context():
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
    started = time.perf_counter()
    for measurement in measure():
        print(measurement["name"], measurement["value"], measurement["unit"], measurement["ratio"])
    print(f"{time.perf_counter() - started:.1f} s")
