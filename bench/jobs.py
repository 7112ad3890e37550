"""How long a job takes by way of a worker: an empty one, and a schedule from the device's event to its message.

On SQLite over the job table alone, and on PostgreSQL with Redis as the bell. One worker, warm, and nothing else
to do; the socket between device and server is left out. What they are compared with is the work itself: the same
function called, and the same problem solved, in this process.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from batteries import QUARTER
from common import missing, row, seconds
from schedule_compute import our_objective
from schedules import SLOTS, START, prepared

from flexmeasures.testing import temporary_redis

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.models import Job

TRANSPORTS = {"table": "sqlite", "redis": "postgresql"}
PATIENCE = 30.0  # seconds
ROUND_TRIPS = 100
EVENTS = 25
SOLVED = "the same number of slots solved in one process, no queue and no database"


def measure(round_trips: int = ROUND_TRIPS, events: int = EVENTS) -> list[dict[str, Any]]:
    """Medians for each transport, or a row that says what is missing."""
    import pytest

    solving = statistics.median(seconds(partial(our_objective, SLOTS, seed)) for seed in range(events))
    rows = []
    for transport, database in TRANSPORTS.items():
        names = f"job_round_trip_ms_{transport}", f"schedule_end_to_end_ms_{SLOTS}_{transport}"
        try:
            trip, schedule = _measure(transport, database, round_trips, events)
        except pytest.skip.Exception as reason:
            rows += [missing(name, str(reason)) for name in names]
            continue
        rows.append(row(names[0], 1000 * trip, "ms", size=round_trips))
        rows.append(row(names[1], 1000 * schedule, "ms", against=SOLVED, than=1000 * solving, size=SLOTS))
    return rows


def _measure(transport: str, database: str, round_trips: int, events: int) -> tuple[float, float]:
    """Median seconds of an empty job and of a schedule."""
    from flexmeasures.jobs import Outcome
    from flexmeasures.server import Workers

    with prepared(database, 1) as app, _transport(app, transport):
        app.extensions["flexmeasures"].job_functions["nothing"] = lambda job: Outcome()
        with Workers(app, 1):
            post, is_planned = _device(app)
            _many(10, lambda k: _round_trip(app))
            trip = _many(round_trips, lambda k: _round_trip(app))
            _many(3, lambda k: _until(lambda: is_planned(k), lambda: post(k)))
            schedule = _many(events, lambda k: _until(lambda: is_planned(k + 3), lambda: post(k + 3)))
    return trip, schedule


@contextmanager
def _transport(app: Flask, transport: str) -> Iterator[None]:
    if transport == "table":
        yield
        return
    from flexmeasures.db import db
    from flexmeasures_jobs_rq import RedisNotifier

    with temporary_redis() as url:
        app.config["FLEXMEASURES_REDIS_URL"] = url
        with app.app_context():
            engine = db.engine
        app.extensions["flexmeasures"].bell = RedisNotifier(app.config, lambda: engine)
        yield


def _many(times: int, work: Callable[[int], None]) -> float:
    """Median seconds; a pause between, as workers that have just worked look more often."""
    taken = []
    for k in range(times):
        time.sleep(0.05)
        taken.append(seconds(partial(work, k)))
    return statistics.median(taken)


def _round_trip(app: Flask) -> None:
    """Ask for an empty job and see it finished."""
    from flexmeasures import jobs
    from flexmeasures.db import db, writing
    from flexmeasures.models import JobState

    with app.app_context():
        with writing():
            job: Job = jobs.enqueue("nothing", {}, queue="scheduling")

        def is_finished() -> bool:
            db.session.refresh(job)
            db.session.commit()
            return job.state == JobState.FINISHED

        _until(is_finished)


def _until(is_done: Callable[[], bool], start: Callable[[], None] = lambda: None) -> None:
    last_moment = time.monotonic() + PATIENCE
    start()
    while not is_done():
        if time.monotonic() > last_moment:
            raise RuntimeError("The worker does not come to an end.")
        time.sleep(0.0005)


def _device(app: Flask) -> tuple[Callable[[int], None], Callable[[int], bool]]:
    """Functions of a device: post event k, and whether the plan for it can be had."""
    from sqlalchemy import select

    from flexmeasures.auth import new_token
    from flexmeasures.db import db
    from flexmeasures.models import Asset

    with app.app_context():
        asset = db.session.scalars(select(Asset).limit(1)).one()
        token = {app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]: new_token(asset.owner)}
        address = f"ea1.2021-01.io.flexmeasures:{asset.owner_id}:{asset.id}"
        db.session.commit()
    client = app.test_client()

    def post(k: int) -> None:
        message = {
            "type": "PostUdiEventRequest",
            "event": f"{address}:{100 + k}:soc",
            "value": 1.0 + k / 100,
            "unit": "MWh",
            "datetime": (START + timedelta(seconds=k)).isoformat(),
        }
        answer = client.post("/api/v2_0/postUdiEvent", json=message, headers=token)
        if answer.status_code != 200:
            raise AssertionError(answer.get_data(as_text=True))

    def is_planned(k: int) -> bool:
        query = {"type": "GetDeviceMessageRequest", "event": f"{address}:{100 + k}:soc", "duration": "PT48H"}
        answer = client.get("/api/v2_0/getDeviceMessage", query_string=query, headers=token)
        values = (answer.json or {}).get("values", [])
        return answer.status_code == 200 and len(values) * QUARTER == timedelta(hours=48)

    return post, is_planned


if __name__ == "__main__":
    for measurement in measure():
        print(measurement)
