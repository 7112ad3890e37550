"""The accuracy page and the system page, to each role."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures.timing import floor_time

from .conftest import HOUR, NOW, QUARTER, tell

WEEK_AGO = floor_time(NOW, QUARTER) - timedelta(days=7)


@pytest.fixture
def scored(prosumer: Any, make_asset: Any, store: Any) -> Any:
    """A building of which two days were measured and forecast, a tenth too low."""
    building = make_asset(prosumer, "Town hall", "building")
    values = [1.0 + k % 4 for k in range(192)]
    store(building, values, WEEK_AGO)
    store(building, [0.9 * value for value in values], WEEK_AGO, "forecast")
    return building


def test_visitors_are_led_to_the_login_and_others_refused(client: Any, make_user: Any, as_user: Any) -> None:
    assert client.get("/accuracy").status_code == 302
    with as_user(client, make_user("meter", "MDC")):
        assert client.get("/accuracy").status_code == 403
    with as_user(client, make_user("owner", "Prosumer")):
        assert "You own no asset yet" in client.get("/accuracy").text
        assert client.get("/plugins").status_code == 403


def test_the_league_names_the_best_and_is_given_as_files(
    client: Any, prosumer: Any, scored: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        page = client.get("/accuracy").text
        assert "90.0\u00a0%" in page
        assert "(best)" in page
        rows = list(csv.DictReader(io.StringIO(client.get("/accuracy?format=csv").text)))
        assert {row["horizon"] for row in rows} == {"PT1H", "PT6H"}
        assert all(float(row["one_minus_wape"]) == pytest.approx(0.9) for row in rows)
        assert all(row["best"] == "True" for row in rows)
        assert client.get("/accuracy?format=json&days=84").json[0]["asset"] == "Town hall"


def test_one_asset_is_followed_week_by_week(
    client: Any, prosumer: Any, scored: Any, as_user: Any, make_user: Any
) -> None:
    with as_user(client, prosumer):
        page = client.get("/accuracy?asset=Town+hall").text
        assert "week by week" in page
        assert "last week" in page
        assert client.get("/accuracy?asset=nothing").status_code == 404
        assert client.get("/accuracy?days=3").status_code == 400
    with as_user(client, make_user("other", "Prosumer")):
        assert client.get("/accuracy?asset=Town+hall").status_code == 404


def test_how_much_each_series_helps_is_told_of_the_last_job(
    app: Any, client: Any, prosumer: Any, make_asset: Any, as_user: Any
) -> None:
    import flexmeasures_master_data as master_data
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset, Job
    from flexmeasures_forecasting import request_forecast

    hall = make_asset(prosumer, "Town hall", "building", event_resolution=60)
    hours = 40 * 24
    end = floor_time(NOW, HOUR)
    start = end - hours * HOUR
    cold = np.random.default_rng(1).normal(0, 1, hours + 48)
    with app.app_context():
        with writing():
            place = {"latitude": hall.latitude, "longitude": hall.longitude}
            fields = {"name": "mast", "weather_sensor_type_name": "temperature", "unit": "°C"}
            mast = master_data.create_weather_sensor(fields | place | {"event_resolution": 60})
        tell(mast, cold, start, "forecast", HOUR)
        tell(hall, 2 + np.sin(np.arange(hours) * np.pi / 12) + cold[:hours] / 2, start, step=HOUR)
        with writing():
            request_forecast(db.session.get_one(Asset, hall.id), end - HOUR, end, [6 * HOUR])
        job = db.session.query(Job).filter(Job.function == "forecast").one()
        assert job.state == "finished", job.error
        helps = job.result["regressors"]["PT6H"]["temperature"]
        assert helps > 0.3
    with as_user(client, prosumer):
        page = client.get("/accuracy?asset=Town+hall").text
        assert "What explains the forecasts" in page
        assert f"{100 * helps:.1f}\u00a0%" in page
        assert "What explains the forecasts" not in client.get("/accuracy").text


def test_admins_see_how_plugins_and_parts_are(client: Any, admin: Any, as_user: Any) -> None:
    with as_user(client, admin):
        page = client.get("/plugins").text
        for said in ("database", "well", "scheduler_storage", "ui_system", "active"):
            assert said in page
        assert 'href="/plugins"' in client.get("/dashboard").text
