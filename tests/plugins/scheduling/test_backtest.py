"""A rolling horizon over the past: by what was known then, from the state that the plan before left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from sqlalchemy import func, select

from flexmeasures import beliefs, sources
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError, UnknownPrices
from flexmeasures.models import Asset, Market, SensorType, StoredSchedule
from flexmeasures_scheduling import run_backtest

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PRICES = [20, 90, 10, 80, 30, 70, 5, 60, 40, 50, 25, 85]


@pytest.fixture
def battery(in_app, prosumer):
    in_app.config["FLEXMEASURES_PLANNING_HORIZON"] = 6 * HOUR
    with writing() as session:
        market = Market(name="day_ahead", display_name="Day ahead", unit="EUR/MWh", event_resolution=HOUR)
        kind = session.scalars(select(SensorType).where(SensorType.name == "battery")).one()
        asset = Asset(
            name="battery",
            display_name="battery",
            unit="MW",
            event_resolution=HOUR,
            type=kind,
            market=market,
            capacity_in_mw=1.0,
            min_soc_in_mwh=0.0,
            max_soc_in_mwh=1.0,
            owner_id=prosumer.id,
        )
        session.add(asset)
    return asset


def publish(market, values, horizon):
    with writing():
        source = sources.get_source("exchange", "script")
        beliefs.store(market, values, START, HOUR, source, horizon=horizon)


def run(asset, every=HOUR, hours=12, **options):
    return run_backtest(asset, START, START + hours * HOUR, every, **options)


def test_with_prices_known_from_the_start_all_that_can_be_saved_is_saved(battery):
    publish(battery.market, PRICES, timedelta(days=2))
    seen = []
    rolled = run(battery, progress=lambda done, total: seen.append((done, total)))

    assert rolled.plans == 12
    assert seen[-1] == (12, 12)
    assert rolled.cost == pytest.approx(rolled.foresight)
    assert rolled.baseline == 0.0
    assert rolled.cost == pytest.approx(-(70 + 70 + 40 + 55 + 10 + 60))
    assert db.session.scalar(select(func.count(StoredSchedule.id))) == 12


def test_each_plan_starts_where_the_one_before_left_and_knows_no_later_price(battery):
    publish(battery.market, PRICES, 2 * HOUR)
    run(battery, soc_in_mwh=0.5)
    plans = list(db.session.scalars(select(StoredSchedule).order_by(StoredSchedule.start)))

    assert [plan.start for plan in plans] == [START + k * HOUR for k in range(12)]
    for plan, following in pairwise(plans):
        assert following.inputs["soc_at_start"] == pytest.approx(plan.soc[0])
    # A price is recorded two hours before its end, so a run knows those of two slots only.
    assert {len(plan.values) for plan in plans[:-1]} == {2}


def test_late_prices_earn_less_than_perfect_foresight_and_nothing_is_lost_on_the_way(battery):
    publish(battery.market, PRICES, HOUR)
    rolled = run(battery, soc_in_mwh=0.5)

    assert rolled.foresight < rolled.cost
    assert 0.0 <= rolled.end_soc <= 1.0
    energy = beliefs.search_one(battery, START, START + 12 * HOUR, horizon_at_most=HOUR).values
    assert np.nansum(energy) == pytest.approx(rolled.end_soc - rolled.start_soc)


def test_a_longer_step_plans_less_often(battery):
    publish(battery.market, PRICES, timedelta(days=2))

    assert run(battery, every=3 * HOUR).plans == 4


def test_prices_that_nobody_had_then_name_the_horizon(battery):
    publish(battery.market, PRICES, timedelta(0))
    with pytest.raises(UnknownPrices, match="--horizon PT13H"):
        run(battery)


def test_plans_of_before_a_run_that_fails_are_kept(battery):
    publish(battery.market, PRICES[:5], timedelta(days=2))
    with pytest.raises(UnknownPrices):
        run(battery)
    assert db.session.scalar(select(func.count(StoredSchedule.id))) == 5


@pytest.mark.parametrize(
    ("options", "field"),
    [({"every": timedelta(minutes=7)}, "every"), ({"every": timedelta(0)}, "every"), ({"hours": 0}, "end")],
)
def test_a_step_or_period_that_does_not_fit_is_refused_by_name(battery, options, field):
    publish(battery.market, PRICES, timedelta(days=2))
    with pytest.raises(InputError) as caught:
        run(battery, **options)
    assert caught.value.field == field
