"""Forecasters that remember what they knew, or fail in a way, and assets with measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

import flexmeasures_master_data as master_data
from flexmeasures import auth, beliefs, sources, timing
from flexmeasures.db import db, writing
from flexmeasures.models.jobs import Job
from flexmeasures.models.sensors import Asset, Market, Sensor
from flexmeasures.timeseries import TimeSeries
from flexmeasures_algorithms import SensorFacts, registry_of
from flexmeasures_forecasting import (
    Forecast,
    Forecaster,
    ForecastingProblem,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


START = datetime(2026, 3, 1, tzinfo=UTC)


NOW = START + 10 * DAY


class Witness(Forecaster):
    """Repeats the newest slot that each event may use, and keeps what it was given."""

    name = "witness"
    seen: ClassVar[list[ForecastingProblem]] = []

    @classmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        return False

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        self.seen.append(problem)
        forecasts = []
        for horizon, (start, count) in problem.targets.items():
            first = (start - problem.history.start) // problem.history.resolution
            lead = horizon // problem.history.resolution
            slots = np.arange(first - lead, first - lead + count)
            known = (slots >= 0) & (slots < len(problem.history))
            values = np.full(count, np.nan)
            values[known] = problem.history.values[slots[known]]
            series = TimeSeries(start, problem.history.resolution, values)
            forecasts.append(Forecast(horizon=horizon, series=series))
        return forecasts


class Candid(Witness):
    """Tells a band of 1 around each forecast."""

    name = "candid"

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        return [
            replace(of, quantiles={p: of.series.values + 10 * (p - 0.5) for p in problem.quantiles})
            for of in super().forecast(problem)
        ]


class Broken(Witness):
    name = "broken"
    fallback = "witness"

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        raise ZeroDivisionError("no wind, no division")


class Hopeless(Broken):
    name = "hopeless"
    fallback = "broken-too"


class BrokenToo(Broken):
    name = "broken-too"
    fallback = None


class Twice(Broken):
    """Fails, as the one that stands in for it does."""

    name = "twice"
    fallback = "broken"


class Sloppy(Witness):
    """Answers for other events than asked."""

    name = "sloppy"

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        return [
            Forecast(horizon=of.horizon, series=TimeSeries(of.series.start + HOUR, HOUR, of.series.values))
            for of in super().forecast(problem)
        ]


OURS = (Witness, Candid, Broken, Hopeless, BrokenToo, Twice, Sloppy)


@pytest.fixture
def here(in_app: Flask) -> Iterator[Flask]:
    """The app at NOW, with our forecasters."""
    Witness.seen.clear()
    for forecaster in OURS:
        registry_of("forecaster").add(forecaster)
    with timing.clock(NOW):
        yield in_app
    registry_of("forecaster").discard(OURS)


@pytest.fixture
def make_asset(here: Flask, prosumer: object) -> Callable[..., Asset]:
    def make(forecaster: str = "witness", kind: str = "building", minutes: int = 60) -> Asset:
        with writing() as session:
            owner = auth.create_user("owner", "owner@example.com", None, ["Prosumer"])
            asset = master_data.create_asset(
                {
                    "name": "the asset",
                    "asset_type_name": kind,
                    "unit": "MW",
                    "owner_id": owner.id,
                    "market_id": session.scalars(select(Market.id)).one(),
                    "event_resolution": minutes,
                    "capacity_in_mw": 1,
                    "latitude": 50,
                    "longitude": 5,
                }
            )
            asset.attributes = {"custom-forecaster": forecaster}
        return asset

    return make


def measure(sensor: Sensor, values: list[float], start: datetime, *, late: timedelta = timedelta(0)) -> None:
    """Store measurements that were recorded `late` after their end."""
    with writing():
        source = sources.get_source("Meter", "script")
        beliefs.store(
            sensor, values, start, sensor.event_resolution, source, horizon=-late, on_existing="replace"
        )


def only_job() -> Job:
    db.session.expire_all()
    return db.session.scalars(select(Job)).one()
