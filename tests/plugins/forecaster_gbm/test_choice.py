"""gbm through the kernel: for whom it is wished, never by itself, with linear-OLS to fall back on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select

import flexmeasures_master_data as master_data
from flexmeasures import auth, beliefs, sources, timing
from flexmeasures.db import db, writing
from flexmeasures.errors import UnknownAlgorithm
from flexmeasures.models import Job, Market, Source
from flexmeasures.models.jobs import JobState
from flexmeasures_algorithms import Registry, choose, facts_of, registry_of
from flexmeasures_forecasting import request_forecast

HOUR = timedelta(hours=1)
NOW = datetime(2026, 3, 27, tzinfo=UTC)


@pytest.fixture
def building(in_app, prosumer):
    """An hourly meter of an owner."""
    with writing() as session:
        owner = auth.create_user("owner", "owner@example.com", None, ["Prosumer"])
        return master_data.create_asset(
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


def forecast(sensor, days):
    """The job that forecasts an hour ahead from so many days of measurements."""
    hours = np.arange(days * 24)
    values = (
        1 + 0.5 * np.sin(2 * np.pi * hours / 24) + 0.1 * np.random.default_rng(1).standard_normal(len(hours))
    )
    with timing.clock(NOW):
        with writing():
            source = sources.get_source("Meter", "script")
            beliefs.store(sensor, values.tolist(), NOW - days * 24 * HOUR, HOUR, source, horizon=timedelta(0))
        with writing():
            request_forecast(sensor, NOW - HOUR, NOW, [HOUR])
    db.session.expire_all()
    return db.session.scalars(select(Job)).one()


def test_it_is_installed_and_nobodys_default(building):
    assert "gbm" in registry_of("forecaster").names()
    assert choose("forecaster", building).algorithm.name == "linear-OLS"
    alone = Registry("forecaster")
    alone.add(registry_of("forecaster").get("gbm"))
    with pytest.raises(UnknownAlgorithm, match="No installed forecaster accepts"):
        alone.choose(facts_of(building), [])


@pytest.mark.parametrize("holder", ["sensor", "owner", "type", "setting"])
def test_it_is_chosen_by_sensor_owner_type_or_setting(in_app, building, holder):
    with writing():
        if holder == "setting":
            in_app.config["FLEXMEASURES_FORECASTERS"] = {"building": "gbm"}
        else:
            of = {"sensor": building, "owner": building.owner, "type": building.type}[holder]
            of.attributes = {**(of.attributes or {}), "custom-forecaster": "gbm"}
    choice = choose("forecaster", building)
    assert choice.algorithm.name == "gbm"
    assert holder in choice.because


def test_a_job_of_a_sensor_that_wishes_it_is_answered_by_it_and_stored_under_its_name(building):
    with writing():
        building.attributes = {"custom-forecaster": "gbm"}
    job = forecast(building, 70)
    assert (job.state, job.error, job.algorithm) == (JobState.FINISHED, None, "gbm")
    assert "trees" in job.result["notes"]["PT1H"][0]
    source = db.session.scalars(select(Source).where(Source.model == "gbm")).one()
    [value] = beliefs.search_one(building, NOW, NOW + HOUR, sources=[source.id]).values
    assert value == pytest.approx(1.0, abs=0.4)


def test_with_too_little_history_linear_ols_answers_and_the_job_says_why(building):
    with writing():
        building.attributes = {"custom-forecaster": "gbm"}
    job = forecast(building, 30)
    assert (job.state, job.algorithm) == (JobState.FINISHED, "linear-OLS")
    assert "gbm failed (NotEnoughData" in job.result["fallback"]
    assert "trees need 1000" in job.result["fallback"]
