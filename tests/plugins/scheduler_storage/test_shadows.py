"""Why a schedule looks as it does: costs by component and slot, and shadow prices of what binds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures_scheduler_storage import StorageScheduler
from flexmeasures_scheduling import Flexibility, Status

STEP = 1e-4
ASKED = {
    "roundtrip_efficiency": 0.81,
    "cost_per_mwh_cycled": 4.0,
    "peak_price_per_mw": 3.0,
    "end_value_per_mwh": 20.0,
    "charge_limit_in_mw": 1.5,
    "discharge_limit_in_mw": 1.25,
}


def compute(problem):
    return StorageScheduler().compute(problem)


@st.composite
def problems(draw):
    """Prices, a start within the limits, perhaps a target, and some of what can be asked."""
    prices = draw(st.lists(st.integers(1, 120), min_size=2, max_size=12))
    asked = {key: ASKED[key] for key in sorted(draw(st.sets(st.sampled_from(sorted(ASKED)), max_size=4)))}
    target = draw(st.none() | st.tuples(st.integers(1, len(prices)), st.sampled_from([1.25, 1.5])))
    return prices, asked, target, draw(st.sampled_from([1.3, 2.1]))


def make(make_problem, case):
    prices, asked, target, start = case
    targets = () if target is None else ((target[0] / 4, target[1]),)
    problem = make_problem(prices, start=start, limits=(1.0, 2.5), targets=targets)
    return replace(problem, flexibility=Flexibility(**asked))


@given(case=problems())
@settings(max_examples=150, deadline=None)
def test_components_sum_to_the_objective_slot_by_slot(make_problem, case):
    schedule = compute(make(make_problem, case))
    if schedule.status is not Status.OPTIMAL:
        return
    told = schedule.explanation
    summed = sum(values.sum() for values in told.cost_slots.values())

    assert summed == pytest.approx(sum(schedule.costs.values()), abs=1e-9)
    assert summed == pytest.approx(schedule.objective, rel=1e-6, abs=1e-6)
    assert told.cost_slots.keys() == schedule.costs.keys() == told.baseline_cost_slots.keys()
    for name, cost in schedule.baseline_costs.items():
        assert told.baseline_cost_slots[name].sum() == pytest.approx(cost)


def moved(problem, limit, by):
    """The same problem with one limit moved."""
    asset = problem.asset
    if limit in ("capacity_in_mw", "min_soc_in_mwh", "max_soc_in_mwh"):
        return replace(problem, asset=replace(asset, **{limit: getattr(asset, limit) + by}))
    if limit.startswith("targets"):
        (target,) = problem.targets
        return replace(problem, targets=(replace(target, value=target.value + by),))
    asked = problem.flexibility
    return replace(problem, flexibility=replace(asked, **{limit: getattr(asked, limit) + by}))


@given(case=problems())
@settings(max_examples=150, deadline=None)
def test_each_shadow_price_lies_between_the_differences_to_both_sides(make_problem, case):
    problem = make(make_problem, case)
    schedule = compute(problem)
    for each in schedule.explanation.binding:
        less, more = (compute(moved(problem, each.limit, by)) for by in (-STEP, STEP))
        room = 1e-5 * max(1.0, abs(each.shadow_price))
        if less.status is Status.OPTIMAL:
            assert (schedule.objective - less.objective) / STEP <= each.shadow_price + room, each
        if more.status is Status.OPTIMAL:
            assert (more.objective - schedule.objective) / STEP >= each.shadow_price - room, each


def test_a_limit_that_would_save_is_told_with_when_and_how_much(make_problem):
    schedule = compute(make_problem([10.0, 20.0, 90.0, 90.0], start=0.0, sooner=False, limits=(0.0, 0.75)))
    (most,) = (each for each in schedule.explanation.binding if each.limit == "max_soc_in_mwh")

    assert most.shadow_price == pytest.approx(-70.0)
    assert most.words == "the maximum of 0.75 MWh (max_soc_in_mwh)"
    assert list(most.slots) == [1]


def test_what_does_not_bind_is_not_told(make_problem):
    schedule = compute(make_problem([10.0, 90.0], start=0.0, sooner=False))

    assert [each.limit for each in schedule.explanation.binding] == ["min_soc_in_mwh", "capacity_in_mw"]


@pytest.mark.contract("16.11")
def test_other_solvers_tell_no_shadow_prices_but_the_same_costs(make_problem, in_app):
    problem = make_problem([10.0, 90.0, 30.0], start=0.0)
    own = compute(problem)
    in_app.config["FLEXMEASURES_LP_SOLVER"] = "appsi_highs"
    other = compute(problem)

    assert other.explanation.binding == ()
    assert other.costs == pytest.approx(own.costs)


def test_costs_of_a_slot_are_those_of_its_power(make_problem):
    schedule = compute(make_problem([10.0, 90.0, 30.0], start=0.5))

    assert schedule.explanation.cost_slots["energy"] == pytest.approx(
        0.25 * np.array([10.0, 90.0, 30.0]) * schedule.values
    )
