"""Assets take part by their attributes, and their plans are made, stored and explained as any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures.errors import AlgorithmError
from flexmeasures_algorithms import SensorFacts
from flexmeasures_scheduler_curtail_shift import CurtailmentScheduler, ShiftingScheduler
from flexmeasures_scheduling import SchedulingProblem, Status

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
PRICES = [30.0, -20.0, -20.0, 10.0]


@pytest.fixture
def make_asset(app: Any, prosumer: Any) -> Iterator[Callable[..., Any]]:
    """`make_asset("solar", process={...})` on a market with four quarter-hourly prices, known the day before."""
    import flexmeasures_master_data as master_data
    from flexmeasures import beliefs, sources
    from flexmeasures.db import writing

    with app.app_context():
        with writing():
            about = {"name": "m", "market_type_name": "day_ahead", "unit": "EUR/MWh", "event_resolution": 15}
            market = master_data.create_market(about)
            source = sources.get_source("exchange", "script")
            beliefs.store(market, PRICES, START, QUARTER, source, belief_time=START - timedelta(days=1))

        def make(type_name: str, **attributes: Any) -> Any:
            fields = {"name": "a", "asset_type_name": type_name, "capacity_in_mw": 4, "unit": "MW"}
            place = {"latitude": 52.1, "longitude": 4.9, "event_resolution": 15, "owner_id": prosumer.id}
            with writing():
                made = master_data.create_asset(fields | place | {"market_id": market.id})
                made.attributes = attributes
            return made

        yield make


def plan(asset: Any) -> Any:
    """The job of a plan from START on, once it has run."""
    from flexmeasures import jobs
    from flexmeasures.db import db, writing

    with writing():
        job = jobs.enqueue(
            "schedule", {"datetime": START.isoformat()}, queue="scheduling", sensor_id=asset.id
        )
    db.session.refresh(job)
    return job


def stored(job: Any) -> Any:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import StoredSchedule

    assert job.error is None, job.error
    return db.session.scalars(select(StoredSchedule).where(StoredSchedule.job_id == job.id)).one()


def forecast(asset: Any, values: list[float]) -> None:
    from flexmeasures import beliefs, sources
    from flexmeasures.db import writing

    with writing():
        source = sources.get_source("Seita", "forecasting script", "m", "1")
        beliefs.store(asset, values, START, QUARTER, source, belief_time=START - timedelta(hours=6))


def test_panels_stop_where_producing_costs_money(make_asset: Any) -> None:
    panels = make_asset("solar", curtailment={"share": 0.5, "price_per_mwh": 5})
    forecast(panels, [-1.0, -2.0, -4.0, -2.0])
    job = plan(panels)
    found = stored(job)
    assert (job.algorithm, found.values) == ("curtailment", [-1.0, -1.0, -2.0, -2.0])
    assert found.baseline == [-1.0, -2.0, -4.0, -2.0]
    assert found.costs == {
        "energy": pytest.approx(0.25 * (-30 + 20 + 40 - 20)),
        "curtailment": pytest.approx(0.25 * 5 * 3),
    }
    assert found.objective == pytest.approx(sum(found.costs.values()))


def test_without_a_forecast_the_reason_names_the_command_that_makes_one(make_asset: Any) -> None:
    panels = make_asset("solar", curtailment={})
    forecast(panels, [-1.0, -2.0])
    job = plan(panels)
    assert f"add forecasts --asset-id {panels.id}" in job.error
    assert "2 of 4 slots, the first at 2026-03-01T00:30:00Z" in job.error


def test_its_own_former_plan_is_not_taken_for_a_forecast(make_asset: Any) -> None:
    panels = make_asset("solar", curtailment={})
    forecast(panels, [-1.0, -2.0, -4.0, -2.0])
    first, second = stored(plan(panels)), stored(plan(panels))
    assert first.values == second.values == [-1.0, 0.0, 0.0, -2.0]
    assert second.baseline == [-1.0, -2.0, -4.0, -2.0]


def test_a_process_runs_when_it_is_cheapest(make_asset: Any) -> None:
    job = plan(make_asset("building", process={"power_in_mw": 2, "duration": "PT30M"}))
    found = stored(job)
    assert (job.algorithm, found.values, found.baseline) == ("shifting", [0, 2, 2, 0], [2, 2, 0, 0])
    assert found.costs["energy"] == pytest.approx(0.25 * 2 * -40)


def test_a_process_without_room_names_what_conflicts(make_asset: Any) -> None:
    process = {"power_in_mw": 2, "duration": "PT30M", "latest_end": "2026-03-01T00:15:00Z"}
    job = plan(make_asset("building", process=process | {"earliest_start": "2026-03-01T00:00:00Z"}))
    assert "the duration of PT30M" in job.error
    assert "the latest end 2026-03-01T00:15:00Z (latest_end)" in job.error
    assert "earliest_start" not in job.error
    assert "There is room for PT15M" in job.error


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"curtailment": {"share": 2}}, "share"),
        ({"curtailment": {"shre": 1}}, "shre: Unknown field"),
        ({"process": {"duration": "PT1H"}}, "power_in_mw: Missing"),
        ({"process": {"power_in_mw": 1, "duration": "an hour"}}, "duration"),
        ({"process": {"power_in_mw": 1, "duration": "PT20M"}}, "no multiple of its resolution PT15M"),
        ({"process": {"power_in_mw": "NaN", "duration": "PT15M"}}, "power_in_mw"),
    ],
)
def test_attributes_that_are_wrong_are_named(make_asset: Any, attributes: Any, said: str) -> None:
    job = plan(make_asset("building", **attributes))
    assert said in job.error


def problem(**attributes: Any) -> SchedulingProblem:
    facts = SensorFacts(
        id=1, name="a", kind="asset", type="building", unit="MW", resolution=QUARTER, attributes=attributes
    )  # type: ignore[call-arg]
    return SchedulingProblem(
        asset=facts,
        start=START,
        resolution=QUARTER,
        prices=np.array(PRICES),
        price_unit="EUR/MWh",
        soc_at_start=0.0,
    )


def test_of_equal_prices_a_process_takes_the_soonest_and_the_preference_is_no_cost() -> None:
    asked = problem(process={"power_in_mw": 2, "duration": "PT15M"})
    schedule = ShiftingScheduler().compute(asked)
    assert (schedule.status, schedule.values.tolist()) == (Status.OPTIMAL, [0, 2, 0, 0])
    assert schedule.costs == {"energy": pytest.approx(-10.0)}
    assert schedule.objective == pytest.approx(-10.0)


def test_a_process_never_pays_to_run_sooner() -> None:
    from dataclasses import replace

    asked = replace(
        problem(process={"power_in_mw": 2, "duration": "PT15M"}),
        prices=np.array([50.0, 90.0, 49.9999, 49.9999]),
    )
    schedule = ShiftingScheduler().compute(asked)
    assert schedule.values.tolist() == [0, 0, 2, 0]


def test_a_limit_that_cannot_be_kept_names_limit_and_share() -> None:
    asked = problem(curtailment={"limit_in_mw": 1, "share": 0.25})

    class Expected:
        values = np.array([-2.0, -2.0, -2.0, -2.0])

    def read(*_: Any, **__: Any) -> Any:
        return Expected

    from dataclasses import replace

    schedule = CurtailmentScheduler().compute(replace(asked, read=read))
    assert schedule.status is Status.INFEASIBLE
    assert "limit of 1 MW" in schedule.conflicts[0]
    assert "share of 0.25" in schedule.conflicts[1]
    assert "1.5 MW" in schedule.advice[0]


def test_prices_of_what_is_no_energy_are_refused() -> None:
    from dataclasses import replace

    asked = replace(problem(process={"power_in_mw": 2, "duration": "PT15M"}), price_unit="EUR")
    with pytest.raises(AlgorithmError, match="a currency per MWh or kWh"):
        ShiftingScheduler().compute(asked)


def test_assets_without_the_attributes_are_left_to_other_schedulers() -> None:
    facts = problem().asset
    assert not CurtailmentScheduler.accepts(facts)
    assert not ShiftingScheduler.accepts(facts)
