"""Once an hour: forecasts of sensors with new data, whoever stored it; posts to the API have asked for theirs.

What was forecast from last is told by the newest forecasting job of a sensor: its window ends where the data
ended. So data are never asked for twice, and a job that failed is not repeated before there is something new.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import func, select

from flexmeasures import beliefs, timing
from flexmeasures.db import db
from flexmeasures.jobs import Outcome
from flexmeasures.models import Job, Sensor
from flexmeasures.timing import parse_time
from flexmeasures_forecasting.job import horizons_for, request_forecasts
from flexmeasures_forecasting.known_data import outcomes

PRICE_HORIZONS = (timedelta(hours=24), timedelta(hours=48))  # as posts of prices ask for (contract 17.1)
DAY = timedelta(days=1)  # older data is history: nobody waits for its forecasts

Window = tuple[datetime, datetime]


def ask_for_new_data(job: Job) -> Outcome:
    """The job function: one forecasting job for each sensor with newer outcomes than its last one knew."""
    windows = new_data(timing.server_now())
    db.session.commit()

    def store(job: Job) -> None:
        for (start, end), sensors in windows.items():
            markets = [sensor for sensor in sensors if sensor.kind == "market"]
            request_forecasts(markets, start, end, PRICE_HORIZONS)
            request_forecasts([each for each in sensors if each not in markets], start, end)

    return Outcome(store=store, result={"sensors": sum(map(len, windows.values()))})


def new_data(now: datetime) -> dict[Window, list[Sensor]]:
    """Sensors by the window of outcomes that nobody has asked to forecast from, at most the last day."""
    every = db.session.scalars(select(Sensor).order_by(Sensor.id))
    sensors = [sensor for sensor in every if horizons_for(sensor.event_resolution)]
    known, asked = _known_until(sensors, now), _asked_until()
    windows: dict[Window, list[Sensor]] = {}
    for sensor in sensors:
        end = known.get(sensor.id)
        if end is None or end <= now - max(DAY, 2 * sensor.event_resolution):
            continue
        start = max(asked.get(sensor.id, end - DAY), end - max(DAY, sensor.event_resolution))
        if start < end:
            windows.setdefault((start, end), []).append(sensor)
    return windows


def _known_until(sensors: Iterable[Sensor], now: datetime) -> dict[int, datetime]:
    """End of the newest outcome of each sensor; of markets, prices that are still to come count too."""
    measured = [sensor for sensor in sensors if sensor.kind != "market"]
    newest = beliefs.last_values(measured, until=now)
    known = {
        sensor.id: newest[sensor.id][0] + sensor.event_resolution
        for sensor in measured
        if sensor.id in newest
    }
    for market in sensors:
        if market.kind == "market":
            today = timing.floor_time(now, DAY)
            series = outcomes(market, today - DAY, today + 3 * DAY)
            slots = np.flatnonzero(np.isfinite(series.values)).tolist()
            if slots:
                known[market.id] = series.start + (slots[-1] + 1) * series.resolution
    return known


def _asked_until() -> dict[int, datetime]:
    """By sensor id, where the data ended from which its newest forecasting job forecast."""
    newest = select(func.max(Job.id)).where(Job.function == "forecast", Job.sensor_id.is_not(None))
    rows = db.session.execute(
        select(Job.sensor_id, Job.arguments).where(Job.id.in_(newest.group_by(Job.sensor_id)))
    )
    return {row.sensor_id: parse_time(row.arguments["end"]) for row in rows}
