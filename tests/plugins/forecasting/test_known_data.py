"""No forecast knows what was recorded later: everything later is poisoned, and the forecasts stay the same.

With the default forecaster, history and weather, live (by a job) and over the past, on both databases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

import flexmeasures_master_data as master_data
from flexmeasures import auth, beliefs, timing
from flexmeasures import sources as the_sources
from flexmeasures.db import db, writing
from flexmeasures.models.beliefs import belief_quantile
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.models.sensors import Asset, Market, SensorType, WeatherSensor
from flexmeasures.models.sources import Source
from flexmeasures_forecasting import forecast_past, request_forecast

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 30
NOW = START + DAYS * DAY
POISON = 1e6


@pytest.fixture
def asset(in_app: Flask, prosumer: object) -> Iterator[Asset]:
    """A building at NOW, with 30 days of measurements and forecasts of the temperature a day ahead."""
    random = np.random.default_rng(1)
    hours = np.arange((DAYS + 3) * 24)
    warmth = 10 + 5 * np.sin(2 * np.pi * hours / 24) + random.standard_normal(len(hours))
    with writing() as session:
        owner = auth.create_user("owner", "owner@example.com", None, ["Prosumer"])
        building = master_data.create_asset(
            {
                "name": "the building",
                "asset_type_name": "building",
                "unit": "MW",
                "owner_id": owner.id,
                "market_id": session.scalars(select(Market.id)).one(),
                "event_resolution": 60,
                "capacity_in_mw": 1,
                "latitude": 50,
                "longitude": 5,
            }
        )
        weather = master_data.create_weather_sensor(
            {
                "name": "near",
                "weather_sensor_type_name": "temperature",
                "unit": "°C",
                "event_resolution": 60,
                "latitude": 50,
                "longitude": 5,
            }
        )
        meter, service = (the_sources.get_source(name, "script") for name in ("Meter", "Service"))
        load = 2 - 0.1 * warmth[: DAYS * 24] + 0.05 * random.standard_normal(DAYS * 24)
        beliefs.store(building, load, START, HOUR, meter, horizon=timedelta(0))
        beliefs.store(weather, warmth, START, HOUR, service, horizon=2 * DAY)
    with timing.clock(NOW):
        yield building


def poison(asset: Asset, after: datetime) -> None:
    """Let everything about the asset and its weather be said anew, a millisecond after a moment and later."""
    late = after + timedelta(milliseconds=1)
    weather = db.session.scalars(select(WeatherSensor)).one()
    with writing():
        liar = the_sources.get_source("Liar", "script")
        for sensor in (asset, weather):
            ended = (late - START) // HOUR
            wrong = np.full(ended, POISON)
            beliefs.store(sensor, wrong, START, HOUR, liar, belief_time=late)  # corrections of the past
            wrong = np.full((DAYS + 3) * 24 - ended, POISON)
            beliefs.store(sensor, wrong, START + ended * HOUR, HOUR, liar, horizon=timedelta(0))
            beliefs.store(
                weather if sensor is weather else sensor,
                wrong,
                START + ended * HOUR,
                HOUR,
                liar,
                belief_time=late,
                on_existing="skip",
            )


def forecasts(asset: Asset) -> dict[Any, float]:
    """Everything that the forecaster has stored, quantiles too; and forget it."""
    sources = list(db.session.scalars(select(Source.id).where(Source.type == "forecasting script")))
    assert sources, [job.error for job in db.session.scalars(select(Job))]
    said = beliefs.every_belief(asset, START, NOW + 3 * DAY, sources=sources)
    found: dict[Any, float] = {
        (int(start), int(recorded)): float(value)
        for start, recorded, value in zip(said.starts, said.recorded, said.values, strict=True)
    }
    for row in db.session.execute(select(belief_quantile)):
        found[row.event_start, row.horizon, row.probability] = row.value
    with writing():
        beliefs.remove(sources=sources)
    assert found
    return found


def by_job(asset: Asset) -> dict[Any, float]:
    with writing():
        request_forecast(asset, NOW - 3 * HOUR, NOW, [HOUR, 6 * HOUR, 24 * HOUR])
    job = db.session.scalars(select(Job).order_by(Job.id.desc())).first()
    assert job is not None
    assert (job.state, job.algorithm) == (JobState.FINISHED, "linear-OLS")
    return forecasts(asset)


@pytest.mark.contract("D8")
def test_a_job_gives_the_same_forecasts_whatever_is_recorded_later(asset: Asset) -> None:
    before = by_job(asset)
    assert len(before) == 3 * 3 * (1 + 3)
    poison(asset, after=NOW)
    assert by_job(asset) == before


def test_a_job_says_what_counted_as_known_and_until_when(asset: Asset) -> None:
    by_job(asset)
    job = db.session.scalars(select(Job)).one()
    assert job.inputs is not None
    assert job.inputs["knowledge"] == "recorded"
    assert job.inputs["known_until"] == NOW.isoformat()


def over_the_past(event: datetime, horizon: timedelta) -> Callable[[Asset], dict[Any, float]]:
    def forecast(asset: Asset) -> dict[Any, float]:
        (summary,) = forecast_past(asset, event, event + HOUR, [horizon], knowledge="recorded")
        assert (summary.stored, summary.algorithm) == (1, "linear-OLS")
        return forecasts(asset)

    return forecast


@pytest.mark.contract("D8")
@pytest.mark.parametrize("hours", [1, 24])
def test_past_events_get_the_same_forecasts_whatever_was_recorded_after_their_moment(
    asset: Asset, hours: int
) -> None:
    event, horizon = NOW - 3 * DAY, hours * HOUR
    forecast = over_the_past(event, horizon)
    before = forecast(asset)
    poison(asset, after=event + HOUR - horizon)
    assert forecast(asset) == before


def test_what_was_recorded_just_in_time_does_change_the_forecast(asset: Asset) -> None:
    """Else the tests above would prove nothing."""
    event = NOW - 3 * DAY
    forecast = over_the_past(event, HOUR)
    before = forecast(asset)
    poison(asset, after=event - timedelta(milliseconds=2))
    assert forecast(asset) != before


def test_a_history_that_was_imported_today_is_told_with_the_command_that_mends_it(asset: Asset) -> None:
    """Its measurements count as recorded today, so that nothing was known of the days before."""
    with writing():
        beliefs.remove(sensors=[asset.id])
        importer = the_sources.get_source("Import", "script")
        beliefs.store(asset, np.ones(DAYS * 24), START, HOUR, importer, belief_time=NOW)
    (summary,) = forecast_past(asset, NOW - DAY, NOW, [HOUR], knowledge="recorded")
    assert summary.stored == 0
    assert "recorded at or after 2026-03-31T00:00:00+00:00" in summary.note
    assert "--knowledge event-end" in summary.note
    (summary,) = forecast_past(asset, NOW - DAY, NOW, [HOUR], knowledge="event-end")
    assert (summary.stored, summary.note) == (24, "")
    with writing():
        request_forecast(asset, NOW - HOUR, NOW, [HOUR])  # live, all of it is known
    assert db.session.scalars(select(Job)).one().algorithm == "linear-OLS"


@pytest.fixture
def wind_farm(asset: Asset) -> Asset:
    """The asset as a turbine whose power is that of the wind, which is forecast once an event, three days ahead."""
    random = np.random.default_rng(2)
    wind = 6 + 5 * np.sin(np.cumsum(random.standard_normal((DAYS + 3) * 24)) / 3)
    with writing() as session:
        asset.type = session.scalars(select(SensorType).where(SensorType.name == "wind")).one()
        sensor = master_data.create_weather_sensor(
            {
                "name": "wind near",
                "weather_sensor_type_name": "wind_speed",
                "unit": "m/s",
                "event_resolution": 60,
                "latitude": 50,
                "longitude": 5,
            }
        )
        session.flush()
        service, meter = (the_sources.get_source(name, "script") for name in ("weather service", "meter"))
        beliefs.store(sensor, wind, START, HOUR, service, horizon=timedelta(days=3))
        beliefs.remove(sensors=[asset.id])
        beliefs.store(asset, -wind[: DAYS * 24] / 12, START, HOUR, meter, horizon=timedelta(0))
    return asset


@pytest.mark.parametrize("way", ["job", "past"])
def test_the_longest_of_several_horizons_knows_its_own_weather(wind_farm: Asset, way: str) -> None:
    """What the shortest horizon knows of the weather ends before the events of the longest."""
    longest, until = 48 * HOUR, NOW if way == "job" else NOW - 3 * DAY
    if way == "job":
        with writing():
            request_forecast(wind_farm, until - 3 * HOUR, until, [HOUR, 6 * HOUR, longest])
    else:
        forecast_past(wind_farm, until + 45 * HOUR, until + longest, [HOUR, 6 * HOUR, longest])
    script = select(Source.id).where(Source.type == "forecasting script")
    sources = list(db.session.scalars(script))
    start = until + 45 * HOUR
    found = beliefs.search_one(wind_farm, start, start + 3 * HOUR, sources=sources, horizon_at_least=longest)
    sensor = db.session.scalars(select(WeatherSensor).order_by(WeatherSensor.id.desc()).limit(1)).one()
    wind = beliefs.search_one(sensor, start, start + 3 * HOUR)
    np.testing.assert_allclose(found.values, -wind.values / 12, atol=0.03)


@pytest.mark.parametrize("late", [6, 24])
def test_values_that_come_late_never_make_a_shorter_horizon_the_worse_one(asset: Asset, late: int) -> None:
    """A load that wanders, known hours after the fact: what models learn from has to be as old as what they get."""
    noise = np.random.default_rng(3).standard_normal(60 * 24)
    load = np.empty(len(noise))
    load[0] = 5.0
    for k in range(1, len(noise)):
        load[k] = 5.0 + 0.97 * (load[k - 1] - 5.0) + 0.2 * noise[k]
    begin = NOW - 60 * DAY
    with writing():
        beliefs.remove(sensors=[asset.id])
        beliefs.store(
            asset, load, begin, HOUR, the_sources.get_source("Meter", "script"), horizon=-late * HOUR
        )
    first, end = NOW - 15 * DAY, NOW - 2 * DAY
    with timing.clock(NOW + 2 * DAY):
        forecast_past(asset, first, end, [HOUR, 6 * HOUR], knowledge="recorded", forecaster="linear-OLS")
    errors = []
    for horizon in (HOUR, 6 * HOUR):
        said = beliefs.search_one(
            asset,
            first,
            end,
            horizon_at_least=horizon,
            horizon_at_most=horizon,
            source_types=("forecasting script",),
        )
        truth = load[(first - begin) // HOUR :][: len(said)]
        assert np.isfinite(said.values).all()
        errors.append(float(np.abs(said.values - truth).mean()))
    assert errors[0] < 1.02 * errors[1]
