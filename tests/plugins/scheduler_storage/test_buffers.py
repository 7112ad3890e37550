"""Buffers and heat pumps: a store that loses a share of itself, and out of which a demand is met."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from flexmeasures_scheduler_storage.scheduler import StorageScheduler
from flexmeasures_scheduling import Status, read_flexibility


def independent_minimum(
    prices: np.ndarray, demand: np.ndarray, hours: float, start: float, keys: dict[str, float]
) -> Any:
    """The least cost with the stock written out as sums over all earlier slots, None when infeasible."""
    n = len(prices)
    kept = (1 - keys["loss_per_hour"]) ** hours
    powers = np.tril(kept ** np.subtract.outer(np.arange(n), np.arange(n)))
    effect = hours * keys["charge_efficiency"] * powers
    without = start * kept ** np.arange(1, n + 1) - hours * powers @ demand
    found = linprog(
        hours * prices,
        A_ub=np.vstack([effect, -effect]),
        b_ub=np.concatenate([keys["most"] - without, without]),
        bounds=(0, keys["capacity"]),
    )
    return found.fun if found.success else None


@given(
    st.lists(st.tuples(st.integers(-20, 90), st.integers(0, 4)), min_size=2, max_size=10),
    st.sampled_from([0.0, 0.05, 0.3]),
    st.sampled_from([1.5, 3.0]),
    st.sampled_from([0.0, 1.0, 3.5]),
)
@settings(deadline=None, max_examples=60)
def test_a_heat_pump_costs_what_an_independent_program_finds(
    make_problem: Any, slots: list[tuple[int, int]], loss: float, performance: float, start: float
) -> None:
    prices, demand = (np.array(column, dtype=np.float64) for column in zip(*slots, strict=True))
    keys = {"loss_per_hour": loss, "charge_efficiency": performance, "capacity": 2.0, "most": 4.0}
    asked = {name: keys[name] for name in ("loss_per_hour", "charge_efficiency")}
    plain = make_problem(prices, start=start, capacity=2.0, limits=(0.0, 4.0))
    problem = replace(plain, demand=demand, flexibility=read_flexibility(asked))
    schedule = StorageScheduler().compute(problem)
    best = independent_minimum(prices, demand, 0.25, start, keys)
    if best is None:
        assert schedule.status is Status.INFEASIBLE
        return
    assert schedule.status is Status.OPTIMAL
    assert schedule.objective == pytest.approx(best, abs=1e-6 * max(1, abs(best)))
    stock = start
    for power, drawn, after in zip(schedule.values, demand, schedule.soc, strict=True):
        stock = (1 - loss) ** 0.25 * stock + 0.25 * (performance * power - drawn)
        assert after == pytest.approx(stock, abs=1e-6)
    assert (schedule.values >= 0).all()


@pytest.fixture
def heated(app: Any, prosumer: Any) -> Any:
    """A buffer on a market with four quarter-hourly prices, and a building whose heat it gives."""
    from datetime import UTC, datetime, timedelta

    import flexmeasures_master_data as master_data
    from flexmeasures import beliefs, sources
    from flexmeasures.db import writing

    start, quarter = datetime(2026, 3, 1, tzinfo=UTC), timedelta(minutes=15)
    with app.app_context():
        with writing():
            about = {"name": "m", "market_type_name": "day_ahead", "unit": "EUR/MWh", "event_resolution": 15}
            market = master_data.create_market(about)
            source = sources.get_source("Seita", "forecasting script", "m", "1")
            beliefs.store(market, [10, 90, 90, 90], start, quarter, source, horizon=timedelta(hours=6))
            fields = {
                "capacity_in_mw": 2,
                "unit": "MW",
                "latitude": 52,
                "longitude": 5,
                "event_resolution": 15,
            }
            fields |= {"owner_id": prosumer.id, "market_id": market.id}
            house = master_data.create_asset(fields | {"name": "house", "asset_type_name": "building"})
            tank = {"name": "tank", "asset_type_name": "battery", "max_soc_in_mwh": 4}
            buffer = master_data.create_asset(fields | tank)
            buffer.attributes = {"flexibility": {"charge_efficiency": 3, "demand_sensor_id": house.id}}
        yield buffer, house, start


def planned(buffer: Any, start: Any) -> Any:
    from flexmeasures import jobs
    from flexmeasures.db import db, writing

    asked = {"datetime": start.isoformat(), "soc_in_mwh": 0.0}
    with writing():
        job = jobs.enqueue("schedule", asked, queue="scheduling", sensor_id=buffer.id)
    db.session.refresh(job)
    return job


def test_the_forecast_demand_is_met_from_what_was_stored_when_power_was_cheap(heated: Any) -> None:
    from datetime import timedelta

    from sqlalchemy import select

    import flexmeasures_scheduling as scheduling
    from flexmeasures import beliefs, sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import StoredSchedule

    buffer, house, start = heated
    with writing():
        source = sources.get_source("Seita", "forecasting script", "m", "1")
        step = timedelta(minutes=15)
        beliefs.store(house, [0, 1.5, 1.5, 1.5], start, step, source, horizon=timedelta(hours=1))
    job = planned(buffer, start)
    assert job.error is None, job.error
    stored = db.session.scalars(select(StoredSchedule)).one()
    assert stored.values == [pytest.approx(1.5), 0, 0, 0]
    assert job.inputs["demand"] == [0, 1.5, 1.5, 1.5]
    assert scheduling.what_if(stored, {"soc_at_start": 1.125})["cost"] == pytest.approx(0, abs=1e-9)


def test_a_demand_that_nobody_forecasts_is_named_with_the_command(heated: Any) -> None:
    buffer, house, start = heated
    assert f"flexmeasures add forecasts --asset-id {house.id} makes it" in planned(buffer, start).error
