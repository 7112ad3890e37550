"""Schedules for a thousand batteries by two workers, from the queued jobs to the last schedule stored.

Each schedule is a job of its own, as an event of a device makes it: claimed under a lease, prices read, a
problem solved, a plan stored as a row and as 192 beliefs in the transaction that finishes the job. What it is
compared with are the same problems handed to the scheduler one after the other, halved for the two workers:
no queue, no database.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from batteries import QUARTER
from common import missing, row, seconds
from schedule_compute import our_objective

from flexmeasures.testing import make_app, seed_structure, temporary_postgresql

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.models import Asset

COUNT = 1_000
WORKERS = 2
SLOTS = 192
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DATABASES = ("sqlite", "postgresql")
ALONE = "the same number of problems solved by {} processes, no queue and no database"
PATIENCE = 600.0  # seconds


def measure(count: int = COUNT) -> list[dict[str, Any]]:
    """A row for SQLite and one for PostgreSQL, or a row that says what is missing."""
    import pytest

    alone = seconds(lambda: [our_objective(SLOTS, seed) for seed in range(count)]) / WORKERS
    rows = []
    for database in DATABASES:
        name = f"schedules_{count}_seconds_{WORKERS}_workers" + (
            "" if database == "sqlite" else f"_{database}"
        )
        try:
            taken = _measure(database, count)
        except pytest.skip.Exception as reason:
            rows.append(missing(name, str(reason)))
            continue
        rows.append(row(name, taken, "s", against=ALONE.format(WORKERS), than=alone, size=count))
    return rows


def _measure(database: str, count: int) -> float:
    """Seconds from the commit of the jobs until all of them are finished; workers are up and warm by then."""
    from flexmeasures.server import Workers

    with prepared(database, count) as app, Workers(app, WORKERS):
        queue_jobs(app, 2 * WORKERS)
        _await_finished(app, 2 * WORKERS)
        queue_jobs(app, count, event_id=2)
        return seconds(lambda: _await_finished(app, 2 * WORKERS + count))


@contextmanager
def prepared(database: str, count: int) -> Iterator[Flask]:
    """An app with `count` batteries on a market whose prices are known for 48 hours."""
    with TemporaryDirectory() as folder, _uri(database, Path(folder)) as uri:
        app = make_app(Path(folder), SQLALCHEMY_DATABASE_URI=uri, FLEXMEASURES_JOBS="")
        with app.app_context():
            seed_structure()
            _add_batteries(count)
        yield app
        with app.app_context():
            from flexmeasures.db import db

            db.engine.dispose()


def _uri(database: str, folder: Path) -> Any:
    return nullcontext(f"sqlite:///{folder / 'bench.db'}") if database == "sqlite" else temporary_postgresql()


def _add_batteries(count: int) -> None:
    from sqlalchemy import select

    from flexmeasures import auth, beliefs, sources
    from flexmeasures.db import writing
    from flexmeasures.models import Asset, Market, SensorType

    with writing() as session:
        owner = auth.create_user("bench", "bench@example.com", None, ["Prosumer"])
        battery = session.scalars(select(SensorType).where(SensorType.name == "battery")).one()
        market = Market(name="bench", display_name="bench", unit="EUR/MWh", event_resolution=HOUR)
        session.add(market)
        session.flush()
        prices = 50 + 20 * np.sin(np.arange(48) * np.pi / 12) + np.random.default_rng(1).normal(0, 5, 48)
        source = sources.get_source("exchange", "market")
        beliefs.store(market, prices, START, HOUR, source, horizon=timedelta(0))
        for k in range(count):
            session.add(
                Asset(
                    name=f"battery-{k}",
                    display_name=f"Battery {k}",
                    unit="MW",
                    event_resolution=QUARTER,
                    capacity_in_mw=2.0,
                    min_soc_in_mwh=0.5,
                    max_soc_in_mwh=5.0,
                    type=battery,
                    market=market,
                    owner=owner,
                )
            )


def queue_jobs(app: Flask, count: int, event_id: int = 1) -> None:
    """An event for each of the first `count` batteries, all in one transaction."""
    from sqlalchemy import select

    import flexmeasures_scheduling as scheduling
    from flexmeasures.db import writing
    from flexmeasures.models import Asset

    with app.app_context(), writing() as session:
        found: list[Asset] = list(session.scalars(select(Asset).order_by(Asset.id).limit(count)))
        for k, asset in enumerate(found):
            scheduling.trigger_schedule(asset, event_id, "soc", 1.0 + 3.0 * k / count, START)


def _await_finished(app: Flask, count: int) -> None:
    from flexmeasures.jobs import counts

    last_moment = time.monotonic() + PATIENCE
    while True:
        with app.app_context():
            states = counts(["scheduling"])["scheduling"]
        if states.get("finished", 0) == count:
            return
        if states.get("failed", 0) or time.monotonic() > last_moment:
            raise RuntimeError(f"Not all jobs were finished: {states}")
        time.sleep(0.02)


if __name__ == "__main__":
    for measurement in measure():
        print(measurement)
