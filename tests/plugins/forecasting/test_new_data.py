"""Once an hour, sensors with new data are forecast whoever stored it, and never twice from the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

import flexmeasures_master_data as master_data
from flexmeasures import auth, beliefs, sources, timing
from flexmeasures.db import db, writing
from flexmeasures.jobs import returning
from flexmeasures.models import Job, Market, Recurrence, Sensor
from flexmeasures.models.sources import FORECASTING_SCRIPT
from flexmeasures.runtime import runtime
from flexmeasures.testing import make_app
from flexmeasures.timing import parse_time
from flexmeasures_forecasting import HOURLY, request_forecast
from flexmeasures_forecasting.new_data import ask_for_new_data

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 3, 27, 12, 20, tzinfo=UTC)
NOON = NOW.replace(minute=0)


@pytest.fixture
def meter(in_app, prosumer):
    """An hourly meter; jobs wait, and it is twenty past noon."""
    in_app.config["FLEXMEASURES_JOBS"] = ""
    with writing() as session:
        owner = auth.create_user("owner", "owner@example.com", None, ["Prosumer"])
        asset = master_data.create_asset(
            {
                "name": "the meter",
                "asset_type_name": "building",
                "unit": "MW",
                "owner_id": owner.id,
                "market_id": session.scalars(select(Market.id)).one(),
                "event_resolution": 60,
                "capacity_in_mw": 2,
                "latitude": 50,
                "longitude": 5,
            }
        )
    with timing.clock(NOW):
        yield asset


def say(sensor, start, end, horizon=timedelta(0), kind="script"):
    with writing():
        source = sources.get_source("Meter", kind)
        count = (end - start) // sensor.event_resolution
        beliefs.store(sensor, [1.0] * count, start, sensor.event_resolution, source, horizon=horizon)


def asked_for():
    """The windows of the jobs that the hour asks for, as hours from noon; they are taken to have run since."""
    with writing() as session:
        done = {job.id for job in session.scalars(select(Job))}
        ask_for_new_data(Job()).store(Job())
        new = [job for job in session.scalars(select(Job).order_by(Job.id)) if job.id not in done]
        for job in new:
            job.state = "finished"
    hours = [milliseconds // 3_600_000 for job in new for milliseconds in job.arguments["horizons_ms"]]
    return [
        tuple((parse_time(job.arguments[key]) - NOON) / HOUR for key in ("start", "end")) for job in new
    ], hours


def test_data_that_were_stored_without_asking_are_forecast_from_once(meter):
    say(meter, NOON - 40 * DAY, NOON - HOUR)
    assert asked_for() == ([(-25, -1)], [1, 6, 24, 48])
    assert asked_for() == ([], [])
    say(meter, NOON - HOUR, NOON)
    assert asked_for()[0] == [(-1, 0)]
    assert asked_for()[0] == []


def test_what_a_post_asked_for_is_not_asked_for_again(meter):
    say(meter, NOON - DAY, NOON)
    with writing():
        request_forecast(meter, NOON - HOUR, NOON)
    assert asked_for()[0] == []


def test_neither_forecasts_nor_history_nor_what_is_to_come_are_new_data(meter):
    say(meter, NOON - DAY, NOON, horizon=HOUR)  # a prognosis
    say(meter, NOON - 9 * DAY, NOON - 3 * DAY)  # an import of the past
    say(meter, NOON + DAY, NOON + 2 * DAY)  # a clock that goes wrong
    assert asked_for()[0] == []


def test_prices_that_are_published_for_tomorrow_are_new_but_our_own_forecasts_of_them_are_not(meter):
    with writing():
        market = master_data.create_market(
            {"name": "epex", "unit": "EUR/MWh", "event_resolution": 60, "market_type_name": "day_ahead"}
        )
    say(market, NOON, NOON + 36 * HOUR, horizon=DAY)
    say(market, NOON + 36 * HOUR, NOON + 60 * HOUR, horizon=DAY, kind=FORECASTING_SCRIPT)
    assert asked_for() == ([(12, 36)], [24, 48])


def test_workers_ask_at_the_next_full_hour_unless_a_setting_says_no(meter, tmp_path):
    assert HOURLY not in runtime().recurring_jobs  # off in tests: the clock shall not decide what they see
    app = make_app(tmp_path / "instance", FLEXMEASURES_HOURLY_FORECASTS=True, FLEXMEASURES_JOBS="")
    with app.app_context():
        returning.sweep()
        row = db.session.get_one(Recurrence, HOURLY)
        assert (row.last_run, row.next_due.minute, row.every) == (None, 0, HOUR)
        assert db.session.scalars(select(Sensor.id)).all() == db.session.scalars(select(Job.id)).all() == []
        db.engine.dispose()
