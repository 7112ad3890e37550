"""Two schedulers that charge with the same power all the time, and a battery with prices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

import flexmeasures_scheduling as scheduling
from flexmeasures import beliefs, sources
from flexmeasures.db import db, writing
from flexmeasures.models import (
    Asset,
    Job,
    JobState,
    Market,
    SensorType,
    StoredSchedule,
)
from flexmeasures_algorithms import Registry
from flexmeasures_scheduling import Schedule, Scheduler, Status

START = datetime(2026, 3, 1, 10, tzinfo=UTC)


QUARTER = timedelta(minutes=15)


HOUR = timedelta(hours=1)


SLOTS = 8


class Steady(Scheduler):
    """Charges with 0.1 MW all the time, and remembers what it was asked."""

    name, version = "steady", "3"
    asked: list = []
    power = 0.1

    @classmethod
    def accepts(cls, asset):
        return asset.type == "battery"

    def compute(self, problem):
        assert not db.session.in_transaction()
        type(self).asked.append(problem)
        n = len(problem.prices)
        hours = problem.resolution / HOUR
        values = np.full(n, self.power)
        return Schedule(
            # It knows nothing of targets.
            status=Status.RELAXED if problem.targets else Status.OPTIMAL,
            values=values,
            soc=np.minimum(problem.soc_at_start + hours * np.cumsum(values), problem.asset.max_soc_in_mwh),
            baseline=np.zeros(n),
            costs={"electricity": float(hours * problem.prices @ values)},
            baseline_costs={"electricity": 0.0},
            objective=1.5,
            warnings=("It is only steady.",),
        )


class Calm(Steady):
    name = "calm"
    power = 0.0


@pytest.fixture
def schedulers(in_app, monkeypatch):
    registry = Registry("scheduler")
    registry.add(Steady)
    registry.add(Calm)
    monkeypatch.setitem(in_app.extensions["flexmeasures_algorithms"], "scheduler", registry)
    in_app.config["FLEXMEASURES_PLANNING_HORIZON"] = SLOTS * QUARTER
    in_app.config["FLEXMEASURES_SCHEDULERS"] = {}
    Steady.asked.clear()
    return registry


@pytest.fixture
def market(in_app) -> Market:
    return make_market()


def make_market(resolution=HOUR, name="day_ahead") -> Market:
    with writing() as session:
        market = Market(name=name, display_name=name, unit="EUR/MWh", event_resolution=resolution)
        session.add(market)
    return market


@pytest.fixture
def battery(market, prosumer) -> Asset:
    return make_battery(market, prosumer)


def make_battery(market, owner, name="battery", resolution=QUARTER) -> Asset:
    with writing() as session:
        battery_type = session.scalars(select(SensorType).where(SensorType.name == "battery")).one()
        asset = Asset(
            name=name,
            display_name=name,
            unit="MW",
            event_resolution=resolution,
            capacity_in_mw=0.5,
            min_soc_in_mwh=0.1,
            max_soc_in_mwh=2,
            type=battery_type,
            market=market,
            owner_id=None if owner is None else owner.id,
        )
        session.add(asset)
    return asset


def price(market, values, start=START, resolution=None, horizon=timedelta(0), source="exchange", **options):
    with writing():
        beliefs.store(
            market,
            values,
            start,
            resolution or market.event_resolution,
            sources.get_source(source, "script"),
            horizon=None if "belief_time" in options else horizon,
            **options,
        )


def post(asset, event_id=1, soc=1.0, at=START, targets=(), event_type="soc-with-targets") -> Job:
    with writing():
        return scheduling.trigger_schedule(asset, event_id, event_type, soc, at, targets)


def error_of(asset, **event) -> str:
    job = post(asset, **event)
    assert job.state == JobState.FAILED
    assert db.session.scalar(select(func.count(StoredSchedule.id))) == 0
    return job.error
