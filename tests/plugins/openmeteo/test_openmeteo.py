"""Weather of Open-Meteo: another form behind the same contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from flexmeasures.models import WeatherSensor

MIDNIGHT = datetime(2026, 6, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLACE = "52.52,13.4"


def answer(hours: int = 48, **units: str) -> dict[str, Any]:
    """The form of the API: columns, Unix times; radiation is the mean of the hour before."""
    first = int(MIDNIGHT.timestamp())
    return {
        "latitude": 52.52,
        "longitude": 13.419998,
        "hourly_units": {"temperature_2m": "°C", "wind_speed_10m": "m/s", "shortwave_radiation": "W/m²"}
        | units,
        "hourly": {
            "time": [first + 3600 * k for k in range(hours)],
            "temperature_2m": [15.0, None, *[16.0] * (hours - 2)],
            "wind_speed_10m": [4.0] * hours,
            "shortwave_radiation": [float(k) for k in range(hours)],
        },
    }


@pytest.fixture
def configured(app: Any, service: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(app.config, "FLEXMEASURES_OPENMETEO_URL", service.url)
    monkeypatch.setitem(app.config, "FLEXMEASURES_OPENMETEO_PREVIOUS_RUNS_URL", f"{service.url}/archive")
    monkeypatch.setitem(app.config, "DARK_SKY_API_KEY", None)
    service.answers = [(200, {}, answer())]
    return service


def add(run: Any, *words: str) -> Any:
    return run("add", "external-weather-forecasts", "--location", PLACE, "--store-in-db", *words)


def test_it_is_the_provider_where_no_other_is_configured_and_needs_no_key(run: Any, configured: Any) -> None:
    told = add(run, "--past-days", "3")
    assert told.exit_code == 0, told.output
    assert "from Open-Meteo" in told.output
    [(path, query)] = configured.asked
    assert path == "/v1/forecast"
    assert query["past_days"] == ["3"]
    assert query["latitude"] == ["52.52"]
    assert "apikey" not in query


def test_an_hour_is_the_one_that_ends_at_the_stated_time(app: Any, run: Any, configured: Any) -> None:
    from flexmeasures.beliefs import search_one
    from flexmeasures.db import db

    add(run)
    with app.app_context():
        sensors = {each.type_name: each for each in db.session.scalars(select(WeatherSensor))}
        assert set(sensors) == {"temperature", "wind_speed", "radiation"}
        radiation = search_one(sensors["radiation"], MIDNIGHT - HOUR, MIDNIGHT + 3 * HOUR).values
        np.testing.assert_allclose(radiation, [0.0, 0.001, 0.002, 0.003])
        temperature = search_one(sensors["temperature"], MIDNIGHT - HOUR, MIDNIGHT + 2 * HOUR).values
        np.testing.assert_equal(temperature, [15.0, np.nan, 16.0])


def test_quarters_of_an_hour_come_where_they_are_asked_for(
    app: Any, run: Any, configured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures.beliefs import search_one
    from flexmeasures.db import db

    quarter = timedelta(minutes=15)
    monkeypatch.setitem(app.config, "FLEXMEASURES_OPENMETEO_RESOLUTION", quarter)
    first = int(MIDNIGHT.timestamp())
    columns = {
        "time": [first + 900 * k for k in range(96)],
        "shortwave_radiation": [100.0] * 48 + [300.0] * 48,
    }
    body = {"minutely_15": columns, "minutely_15_units": {"shortwave_radiation": "W/m²"}}
    configured.answers = [(200, {}, body)]
    told = add(run)
    assert told.exit_code == 0, told.output
    [(_, query)] = configured.asked
    assert "hourly" not in query
    assert "shortwave_radiation" in query["minutely_15"][0]
    with app.app_context():
        sensor = db.session.scalars(select(WeatherSensor)).one()
        assert (sensor.type_name, sensor.event_resolution) == ("radiation", quarter)
        noon = MIDNIGHT + 12 * HOUR
        known = search_one(sensor, noon - 2 * quarter, noon + quarter).values
        np.testing.assert_allclose(known, [0.1, 0.3, 0.3])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"error": True, "reason": "no"}, "without hourly data"),
        (answer(wind_speed_10m="km/h"), "wind_speed_10m in 'km/h'"),
        (answer() | {"hourly": answer()["hourly"] | {"time": [0, 7200]}}, "not PT1H apart"),
        (answer() | {"hourly": answer()["hourly"] | {"time": []}}, "without times"),
        (answer() | {"hourly": answer()["hourly"] | {"wind_speed_10m": [1.0]}}, "for other times"),
    ],
)
def test_what_is_not_understood_is_refused(body: Any, says: str, app: Any, run: Any, configured: Any) -> None:
    configured.answers = [(200, {}, body)]
    told = add(run)
    assert told.exit_code == 1
    assert says in told.output


def test_a_provider_that_is_not_installed_is_refused_with_those_that_are(run: Any, configured: Any) -> None:
    told = add(run, "--provider", "Oracle")
    assert told.exit_code == 1
    assert "DarkSky" in told.output
    assert "Open-Meteo" in told.output


def test_forecasts_of_days_past_are_known_as_they_were_made(app: Any, run: Any, configured: Any) -> None:
    from flexmeasures.beliefs import search_one
    from flexmeasures.db import db

    def archived(days: int, wind: float) -> tuple[int, dict[str, str], dict[str, Any]]:
        told = answer()
        columns = {"time": told["hourly"]["time"], f"wind_speed_10m_previous_day{days}": [wind] * 48}
        units = {f"wind_speed_10m_previous_day{days}": "m/s"}
        return 200, {}, {"hourly": columns, "hourly_units": units}

    configured.answers = [(200, {}, answer()), archived(1, 5.0), archived(2, 6.0)]
    told = add(run, "--past-days", "3", "--as-issued")
    assert told.exit_code == 0, told.output
    assert "known P1D before" in told.output
    paths = [(path, query["hourly"][0].split(",")[1]) for path, query in configured.asked]
    assert paths == [
        ("/v1/forecast", "wind_speed_10m"),
        ("/archive/v1/forecast", "wind_speed_10m_previous_day1"),
        ("/archive/v1/forecast", "wind_speed_10m_previous_day2"),
    ]
    with app.app_context():
        sensor = db.session.scalars(
            select(WeatherSensor).where(WeatherSensor.name.startswith("wind_speed_at_"))
        ).one()
        for hours, wind in ((24, 5.0), (48, 6.0)):
            known = search_one(sensor, MIDNIGHT, MIDNIGHT + 3 * HOUR, horizon_at_least=timedelta(hours=hours))
            assert known.values.tolist() == [wind] * 3


def test_as_issued_is_about_days_past(run: Any, configured: Any) -> None:
    refused = add(run, "--as-issued")
    assert refused.exit_code == 1
    assert "--as-issued is about days before today" in refused.output
    assert configured.asked == []
