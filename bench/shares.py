"""Where the processor's time of a request goes, in the server's own process: by cProfile, as shares of all.

A profile makes every call of Python dearer, so that shares of many small calls are on the high side.
"""

from __future__ import annotations

import cProfile
import pstats
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
from common import row
from serving import STEP, Site, message

KINDS = {
    "database": ("sqlalchemy", "psycopg", "sqlite3", "flask_sqlalchemy_lite", "beliefs/sql", "flexmeasures/db"),
    "json": ("orjson", "/json/"),
    "validation": ("flexmeasures_api", "marshmallow", "flexmeasures/timing.py", "isodate"),
    "web": ("flask", "werkzeug", "itsdangerous", "http/"),
}  # fmt: skip
TIMES = 100


def rows(site: Site) -> list[dict[str, Any]]:
    """Shares of posting one value and of getting a day, in percent."""
    client = site.app.test_client()
    headers = {"Authorization": site.token, "Content-Type": "application/json"}
    connection = site.connections[-1]
    start = datetime(2028, 1, 1, tzinfo=UTC)

    def post(k: int) -> None:
        body = orjson.dumps(
            message([connection], start + k * STEP, np.array([0.5])), option=orjson.OPT_SERIALIZE_NUMPY
        )
        _expect(client.post("/api/v2_0/postMeterData", data=body, headers=headers).status_code)

    def get(k: int) -> None:
        query = {"type": "GetMeterDataRequest", "unit": "MW", "connection": connection, "duration": "P1D"}
        asked = query | {"start": start.isoformat()}
        _expect(client.get("/api/v2_0/getMeterData", query_string=asked, headers=headers).status_code)

    found = []
    for name, work in (("post_1_value", post), ("get_day", get)):
        for kind, share in _shares(work).items():
            label = f"{name}_share_{kind}_{site.database}"
            found.append(row(label, 100 * share, "%", against="of the time in the server's process"))
    return found


def _expect(code: int) -> None:
    if code != 200:
        raise AssertionError(f"answered with {code}")


def _shares(work: Any) -> dict[str, float]:
    for k in range(5):
        work(10_000 + k)
    profile = cProfile.Profile()
    profile.enable()
    for k in range(TIMES):
        work(k)
    profile.disable()
    times = dict.fromkeys([*KINDS, "other"], 0.0)
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        place = f"{file} {name}"
        kind = next((kind for kind, marks in KINDS.items() if any(m in place for m in marks)), "other")
        times[kind] += own
    total = sum(times.values())
    return {kind: seconds / total for kind, seconds in times.items()}
