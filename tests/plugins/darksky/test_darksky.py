"""Weather of a service that speaks as the Dark Sky API did, through the command, the job and the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from flexmeasures import timing
from flexmeasures.errors import SettingsError
from flexmeasures.models import Sensor, Source, WeatherSensor

KEY = "a-key-that-nobody-may-see"
START = datetime(2026, 6, 21, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLACE = "33.4366,126.527"


def answer(hours: int = 48, **changes: list[Any]) -> dict[str, Any]:
    """The form of the API: hours with their beginning in Unix time, SI units."""
    first = int(START.timestamp())
    rows = []
    for k in range(hours):
        row = {"time": first + 3600 * k, "temperature": 20.0 + k / 10, "windSpeed": 3.0, "cloudCover": 0.0}
        rows.append(row | {name: values[k] for name, values in changes.items() if k < len(values)})
    return {"latitude": 33.4366, "longitude": 126.527, "timezone": "Asia/Seoul", "hourly": {"data": rows}}


@pytest.fixture
def configured(app: Any, service: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The service, asked with a key and without long pauses; the clock stands at START."""
    from flexmeasures_web_services import http

    settings = {"FLEXMEASURES_DARKSKY_URL": service.url, "DARK_SKY_API_KEY": KEY}
    for name, value in (settings | {"FLEXMEASURES_WEATHER_PROVIDER": "DarkSky"}).items():
        monkeypatch.setitem(app.config, name, value)
    retries = http._retries().new(backoff_factor=0, backoff_jitter=0)
    monkeypatch.setattr(http, "_retries", lambda: retries)
    monkeypatch.setattr(timing, "server_now", lambda: START)
    service.answers = [(200, {}, answer())]
    return service


def add(run: Any, *words: str) -> Any:
    return run("add", "external-weather-forecasts", "--location", PLACE, *words)


def stored(app: Any, quantity: str, count: int = 48) -> Any:
    from flexmeasures.beliefs import search_one
    from flexmeasures.db import db

    with app.app_context():
        [sensor] = [each for each in db.session.scalars(select(WeatherSensor)) if each.type_name == quantity]
        found = search_one(sensor, START, START + count * HOUR)
        return sensor.unit, (sensor.latitude, sensor.longitude), found.values


def test_a_place_is_stored_in_sensors_that_are_made_for_it(app: Any, run: Any, configured: Any) -> None:
    told = add(run, "--store-in-db")
    assert told.exit_code == 0, told.output
    assert "144 new values of 1 place, from DarkSky." in told.output
    assert configured.asked[0][0] == f"/forecast/{KEY}/{PLACE}"
    assert configured.asked[0][1]["units"] == ["si"]
    unit, place, temperature = stored(app, "temperature")
    assert (unit, place) == ("°C", (33.4366, 126.527))
    np.testing.assert_allclose(temperature, 20 + np.arange(48) / 10)
    assert stored(app, "wind_speed")[0] == "m/s"


def test_radiation_is_that_of_the_clear_sky_less_what_clouds_take(
    app: Any, run: Any, configured: Any
) -> None:
    clear = answer()
    add(run, "--store-in-db")
    unit, _, free = stored(app, "radiation", 24)
    assert unit == "kW/m²"
    assert 0.9 < free[0] < 1.1  # noon on Jeju at midsummer
    assert free[12] == 0.0  # and midnight
    configured.answers = [(200, {}, answer(cloudCover=[1.0] * 48))]
    timing_later = START + HOUR
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "server_now", lambda: timing_later)
        add(run, "--store-in-db")
    np.testing.assert_allclose(stored(app, "radiation", 24)[2], free * (1 - 0.87), atol=1e-9)
    assert clear["hourly"]["data"][0]["cloudCover"] == 0.0


def test_what_is_known_already_is_not_stored_twice(app: Any, run: Any, configured: Any) -> None:
    add(run, "--store-in-db")
    assert "0 new values" in add(run, "--store-in-db").output


def test_forecasts_count_as_known_when_they_were_asked_for(app: Any, run: Any, configured: Any) -> None:
    from flexmeasures.beliefs import search_one
    from flexmeasures.db import db

    add(run, "--store-in-db")
    with app.app_context():
        sensor = db.session.scalars(select(WeatherSensor)).first()
        ahead = search_one(sensor, START, START + 48 * HOUR, horizon_at_least=24 * HOUR).values
        assert np.isfinite(ahead).tolist() == [False] * 23 + [True] * 25
        source = db.session.scalars(select(Source).where(Source.name == "DarkSky")).one()
        assert source.type == "script"


def test_a_region_is_asked_cell_by_cell_and_its_answers_are_kept_as_files(
    run: Any, configured: Any, tmp_path: Any
) -> None:
    location = "53.0,4.0:52.0,6.0"
    words = ("--location", location, "--num-cells", "6", "--method", "square", "--region", "holland")
    told = run("add", "external-weather-forecasts", *words, "--folder", tmp_path)
    assert told.exit_code == 0, told.output
    files = sorted((tmp_path / "holland").iterdir())
    assert len(files) == len(configured.asked) == 6
    assert json.loads(files[0].read_text()) == answer()


@pytest.mark.parametrize(
    ("status", "headers", "body", "says"),
    [
        (401, {}, {}, "refuses (401): the key is not accepted"),
        (403, {}, {}, "refuses (403)"),
        (429, {"Retry-After": "0"}, {}, "asked too often"),
        (404, {}, {}, "status 404"),
        (500, {}, {}, "status 500"),
        (302, {"Location": "http://127.0.0.1:1/"}, {}, "status 302"),
        (200, {}, b"<html>", "something else than JSON"),
        (200, {}, b'{"hourly": {"da', "something else than JSON"),
        (200, {"Content-Length": "900"}, b'{"hourly"', "does not answer"),
        (200, {}, [], "no object"),
        (200, {}, {}, "without hourly data"),
        (200, {}, {"hourly": {"data": []}}, "no full hour"),
        (200, {}, {"hourly": {"data": [{"time": 1782010801}]}}, "no full hour"),
        (200, {}, {"hourly": {"data": [{"time": 3600}, {"time": 2**32 // 3600 * 3600}]}}, "weeks apart"),
    ],
)
def test_what_is_no_forecast_is_told_without_the_key_and_nothing_is_stored(
    status: int, headers: dict[str, str], body: Any, says: str, app: Any, run: Any, configured: Any
) -> None:
    from flexmeasures.db import db

    configured.answers = [(status, headers, body)]
    told = add(run, "--store-in-db")
    assert told.exit_code == 1
    assert says in told.output
    assert KEY not in told.output
    with app.app_context():
        assert db.session.scalars(select(WeatherSensor)).all() == []


def test_a_service_that_is_busy_is_asked_again_and_no_log_holds_the_key(
    run: Any, configured: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    configured.answers = [(503, {}, {}), (429, {"Retry-After": "0"}, {}), (200, {}, answer())]
    assert "144 new values" in add(run, "--store-in-db").output
    assert len(configured.asked) == 3
    assert KEY not in caplog.text


def test_hours_that_are_missing_and_values_that_are_none_stay_unknown(
    app: Any, run: Any, configured: Any
) -> None:
    body = answer(temperature=[20.0, -999, None, "warm", True])
    del body["hourly"]["data"][5]
    configured.answers = [(200, {}, body)]
    add(run, "--store-in-db")
    known = np.isfinite(stored(app, "temperature")[2])
    assert known[:7].tolist() == [True, False, False, False, False, False, True]


def test_one_place_without_weather_does_not_keep_the_others_from_theirs(
    app: Any, run: Any, configured: Any
) -> None:
    configured.answers = [(200, {}, answer()), (404, {}, {}), (200, {}, answer())]
    words = ("--location", "53.0,4.0:52.0,6.0", "--num-cells", "4", "--method", "square", "--store-in-db")
    told = run("add", "external-weather-forecasts", *words)
    assert told.exit_code == 1
    assert "432 new values of 3 places" in told.output
    assert "No weather for" in told.output


def test_without_a_key_the_setting_is_named(app: Any, run: Any, configured: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(app.config, "DARK_SKY_API_KEY", None)
    told = add(run)
    assert told.exit_code != 0
    assert "DARK_SKY_API_KEY is not set" in str(told.output) + str(told.exception)


def test_a_sensor_in_another_unit_gets_values_in_its_own(app: Any, run: Any, configured: Any) -> None:
    words = ("--weather-sensor-type-name", "radiation", "--latitude", 33.4366, "--longitude", 126.527)
    run("add", "weather-sensor", "--name", "sun", *words, "--unit", "W/m²", "--event-resolution", 60)
    add(run, "--store-in-db")
    unit, _, values = stored(app, "radiation", 1)
    assert unit == "W/m²"
    assert 900 < values[0] < 1100


def test_the_job_imports_the_places_that_are_configured(app: Any, configured: Any, monkeypatch: Any) -> None:
    from flexmeasures import jobs
    from flexmeasures.db import db, writing
    from flexmeasures.models import Job

    monkeypatch.setitem(app.config, "FLEXMEASURES_WEATHER_PLACES", [PLACE])
    with app.app_context():
        with writing():
            jobs.enqueue("import weather", {}, queue="weather")
        job = db.session.scalars(select(Job)).one()
        assert (job.state, job.result) == ("finished", {"places": 1, "values": 144})
        assert len(db.session.scalars(select(Sensor).where(Sensor.kind == "weather_sensor")).all()) == 3


def test_a_job_that_is_refused_fails_with_a_sentence_and_says_when_the_next_one_is(
    app: Any, configured: Any, monkeypatch: Any
) -> None:
    from flexmeasures import jobs
    from flexmeasures.db import db, writing
    from flexmeasures.models import Job

    configured.answers = [(401, {}, {})]
    monkeypatch.setitem(app.config, "FLEXMEASURES_WEATHER_PLACES", [PLACE])
    with app.app_context():
        with writing():
            jobs.enqueue("import weather", {}, queue="weather")
        job = db.session.scalars(select(Job)).one()
        assert job.state == "failed"
        assert "the key is not accepted" in job.error
        assert "The next import is at" in job.error
        assert KEY not in job.error


def test_where_places_are_configured_workers_ask_for_the_import_each_hour(app: Any, tmp_path: Any) -> None:
    from flexmeasures.testing import make_app

    assert "import weather" not in app.extensions["flexmeasures"].recurring_jobs
    other = make_app(tmp_path / "instance", FLEXMEASURES_WEATHER_PLACES=[PLACE])
    assert other.extensions["flexmeasures"].recurring_jobs["import weather"].every == HOUR


def test_a_grid_of_a_slow_service_ends_and_keeps_what_came(app: Any, configured: Any) -> None:
    from flexmeasures_weather.grid import places_of
    from flexmeasures_weather.importing import fetch
    from flexmeasures_weather.providers import PROVIDERS

    with app.app_context():
        places = places_of("53.0,4.0:52.0,6.0", 4, "square")
        found, missing = fetch(PROVIDERS.named(), places, at_most=timedelta(0))
    assert [each.place for each in found] == places[:1]
    assert missing == [f"{places[1]} and those after it: there was no time to ask"]


def test_the_provider_needs_its_key() -> None:
    from flexmeasures_darksky.provider import DarkSky

    with pytest.raises(SettingsError, match="DARK_SKY_API_KEY"):
        DarkSky.from_settings({"FLEXMEASURES_DARKSKY_URL": "http://localhost"})
