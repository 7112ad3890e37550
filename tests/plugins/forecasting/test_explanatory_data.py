"""What explains a sensor: published prices, weather as measured and as forecast, public sensors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from flask import Flask

import flexmeasures_master_data as master_data
from flexmeasures import beliefs, sources
from flexmeasures.db import writing
from flexmeasures.models.jobs import JobState
from flexmeasures.models.sensors import Asset, Sensor, WeatherSensor
from flexmeasures_forecasting import (
    forecast_past,
    request_forecast,
)

from .conftest import DAY, HOUR, NOW, START, Witness, measure, only_job


@pytest.mark.contract("17.7")
def test_published_prices_are_outcomes_and_our_forecasts_are_not(here: Flask) -> None:
    with writing():
        market = master_data.create_market(
            {"name": "epex", "unit": "EUR/MWh", "event_resolution": 60, "market_type_name": "day_ahead"}
        )
        publisher = sources.get_source("Exchange", "script")
        beliefs.store(market, [30.0] * 24, NOW, HOUR, publisher, belief_time=NOW - 12 * HOUR)
        ours = sources.get_source("Seita", "forecasting script", "witness", "1")
        beliefs.store(market, [99.0] * 24, NOW, HOUR, ours, horizon=HOUR)
        request_forecast(market, NOW, NOW + DAY, [24 * HOUR])
    assert only_job().state == JobState.FINISHED, only_job().error
    tomorrow = beliefs.search_one(market, NOW + DAY, NOW + 2 * DAY)
    assert tomorrow.values.tolist() == [30.0] * 24


def weather_sensor(name: str, kind: str, latitude: float, minutes: int = 60) -> WeatherSensor:
    return master_data.create_weather_sensor(
        {
            "name": name,
            "weather_sensor_type_name": kind,
            "unit": "°C",
            "event_resolution": minutes,
            "latitude": latitude,
            "longitude": 5,
        }
    )


def explaining(sensor: Sensor) -> dict[str, Sensor]:
    from flexmeasures_forecasting import regressors_of

    return {each.type: each.sensor for each in regressors_of(sensor)}


@pytest.mark.contract("17.5")
def test_the_nearest_weather_of_the_right_type_explains_unless_it_is_far(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset()
    with writing():
        weather_sensor("far", "temperature", 51.5)
    assert explaining(asset) == {}
    with writing():
        near = weather_sensor("near", "temperature", 50.5)
    assert explaining(asset) == {"temperature": near}


@pytest.mark.parametrize("minutes", [30, 60, 120])
def test_weather_is_as_measured_before_and_as_forecast_after_the_moment(
    make_asset: Callable[..., Asset], minutes: int
) -> None:
    asset = make_asset()
    with writing():
        weather = weather_sensor("near", "temperature", 50, minutes)
        provider = sources.get_source("Weather service", "script")
        slot = weather.event_resolution
        count = DAY // slot
        beliefs.store(weather, [20.0] * count, START, slot, provider, horizon=timedelta(0))
        beliefs.store(weather, [18.0] * count, START, slot, provider, horizon=6 * HOUR)
        beliefs.store(weather, [11.0] * count, START, slot, provider, horizon=24 * HOUR)
    measure(asset, [1.0] * 24, START)
    forecast_past(asset, START + 12 * HOUR, START + 13 * HOUR, [HOUR, 8 * HOUR])
    early, late = Witness.seen
    assert early.regressors[0].forecasts[8 * HOUR].values[-1] == 11.0
    assert late.regressors[0].forecasts[HOUR].values[-1] == 18.0
    for problem in (early, late):
        (regressor,) = problem.regressors
        assert (regressor.type, regressor.history.resolution) == ("temperature", HOUR)
        assert problem.known_until - slot < regressor.history.end <= problem.known_until
        ((_, (start, _)),) = problem.targets.items()
        assert next(iter(regressor.forecasts.values())).end == start + HOUR
        known = regressor.history.values[~np.isnan(regressor.history.values)]
        assert set(known) == {20.0}


def test_a_job_gets_the_weather_forecasts_of_each_horizon(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    with writing():
        weather = weather_sensor("near", "temperature", 50)
        provider = sources.get_source("Weather service", "script")
        beliefs.store(weather, [15.0] * 48, NOW, HOUR, provider, belief_time=NOW - HOUR)
    measure(asset, [1.0] * 24, NOW - DAY)
    with writing():
        request_forecast(asset, NOW - HOUR, NOW, [HOUR, 6 * HOUR])
    (problem,) = Witness.seen
    assert problem.regressors[0].forecasts[6 * HOUR].values[-1] == 15.0
    assert only_job().state == JobState.FINISHED


def test_an_algorithm_may_read_public_sensors_as_known_then(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    with writing():
        weather = weather_sensor("near", "wind_speed", 50)
    measure(weather, [3.0], START)
    measure(weather, [4.0], START + HOUR)
    measure(asset, [1.0], START)
    forecast_past(asset, START + HOUR, START + 2 * HOUR, [HOUR])
    read = Witness.seen[0].read
    assert read is not None
    np.testing.assert_array_equal(read(weather, START, START + 2 * HOUR).values, [3.0, np.nan])


def test_a_job_tells_of_two_meters_that_differ(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    with writing():
        one, other = (sources.get_source(name, "script") for name in ("One meter", "Other meter"))
        beliefs.store(asset, [1.0] * 24, NOW - DAY, HOUR, one, horizon=timedelta(0))
        beliefs.store(asset, [1.0] * 20 + [3.0] * 4, NOW - DAY, HOUR, other, horizon=timedelta(0))
        request_forecast(asset, NOW - HOUR, NOW, [HOUR])
    (warning,) = only_job().result["warnings"]
    assert "(One meter, Other meter) measure sensor" in warning
    assert "differ about 4 events of the last 30 days" in warning
