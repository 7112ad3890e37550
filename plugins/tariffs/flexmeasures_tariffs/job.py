"""The job that computes tariffs: those that follow a market whose prices came in, or all of them once a day."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from flexmeasures import timing
from flexmeasures.db import db
from flexmeasures.jobs import Outcome, enqueue
from flexmeasures.models import Market
from flexmeasures.timing import iso_time, parse_time
from flexmeasures_tariffs import COMPUTE, QUEUE
from flexmeasures_tariffs.computing import AHEAD, all_tariffs, compute
from flexmeasures_tariffs.schema import tariff_of

if TYPE_CHECKING:
    from flexmeasures.models import Job, Sensor


def follow(sensor: Sensor, start: datetime, end: datetime) -> None:
    """Ask for the tariffs that are computed from this market, in the window of its new prices."""
    for market, tariff in all_tariffs():
        if sensor.id in tariff.markets:
            enqueue_tariff(market, f"new prices of {sensor.name}", start, end)


def enqueue_tariff(
    market: Market, because: str, start: datetime | None = None, end: datetime | None = None
) -> Job:
    """Ask for a tariff's prices of a window; None: of all that is known. Windows that wait are joined."""
    window = {
        name: iso_time(moment) for name, moment in (("start", start), ("end", end)) if moment is not None
    }
    return enqueue(
        COMPUTE,
        {"market_id": market.id, **window},
        queue=QUEUE,
        sensor_id=market.id,
        merge_key=f"tariff {market.id}",
        merge=_joined,
        because=because,
    )


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A window that holds both; without a bound where one of them has none."""
    found = {"market_id": one["market_id"]}
    for name, choose in (("start", min), ("end", max)):
        if name in one and name in other:
            found[name] = iso_time(choose(parse_time(one[name]), parse_time(other[name])))
    return found


def compute_tariffs(job: Job) -> Outcome:
    """The job function: one tariff and window, or the fixed ones some days ahead."""
    wanted: dict[str, Any] = job.arguments
    if "market_id" in wanted:
        bounds = [parse_time(wanted[name]) if name in wanted else None for name in ("start", "end")]
        chosen = [wanted["market_id"]]
    else:
        now = timing.server_now()
        bounds = [now - AHEAD, now + AHEAD]
        chosen = [market.id for market, _ in all_tariffs()]
    db.session.commit()

    def store(job: Job) -> None:
        count = 0
        for market_id in chosen:
            market = db.session.get(Market, market_id)
            tariff = None if market is None else tariff_of(market)
            if market is not None and tariff is not None:
                count += compute(market, tariff, *bounds)
        job.result = {"tariffs": len(chosen), "values": count}

    return Outcome(store=store, algorithm="tariff")
