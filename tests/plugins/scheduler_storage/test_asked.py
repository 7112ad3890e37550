"""What can be asked beyond the documentation, each against an independent mixed-integer program by scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures_scheduler_storage import StorageScheduler, dynamic
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduling import Flexibility, Status


def compute(problem, **asked):
    return StorageScheduler().compute(replace(problem, flexibility=Flexibility(**asked)))


def independent_minimum(problem):
    """The objective by scipy's milp, over charge, discharge and direction of each slot, and the peak.

    None if infeasible. Stock is written as the powers from the start on, so that nothing is shared
    with the program under test.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    asked, asset, n = problem.flexibility, problem.asset, len(problem.prices)
    hours = problem.resolution.total_seconds() / 3600
    round_trip = np.sqrt(asked.roundtrip_efficiency or 1.0)
    into, out = asked.charge_efficiency or round_trip, asked.discharge_efficiency or round_trip
    co2 = 0.0 if problem.co2_prices is None else asked.co2_weight * problem.co2_prices
    pays = problem.prices + co2
    earns = problem.prices if problem.production_prices is None else problem.production_prices
    if problem.production_prices is None and asked.production_price_per_mwh is not None:
        earns = np.full(n, asked.production_price_per_mwh)
    earns = earns + co2
    most_in = min(
        asset.capacity_in_mw, np.inf if asked.charge_limit_in_mw is None else asked.charge_limit_in_mw
    )
    most_out = min(
        asset.capacity_in_mw, np.inf if asked.discharge_limit_in_mw is None else asked.discharge_limit_in_mw
    )
    keep = (1.0 - asked.loss_per_hour) ** hours
    flow = -asked.demand_in_mw * hours
    decay = np.tril(keep ** np.maximum(np.subtract.outer(np.arange(n), np.arange(n)), 0.0))
    base = problem.soc_at_start * keep ** np.arange(1, n + 1) + decay @ np.full(n, flow)
    stock = np.hstack([hours * into * decay, -hours / out * decay, np.zeros((n, n + 1))])
    lower, upper = np.full(n, asset.min_soc_in_mwh), np.full(n, asset.max_soc_in_mwh)
    for target in problem.targets:
        slot = (target.datetime - problem.start) // problem.resolution - 1
        lower[slot] = lower[slot] if target.kind == "maximum" else max(lower[slot], target.value)
        upper[slot] = upper[slot] if target.kind == "minimum" else min(upper[slot], target.value)
    one, no, column = np.eye(n), np.zeros((n, n)), np.ones((n, 1))
    cycled = asked.cost_per_mwh_cycled / 2
    end = asked.end_value_per_mwh
    cost = np.concatenate(
        [hours * (pays + cycled), hours * (cycled - earns), np.zeros(n), [asked.peak_price_per_mw]]
    )
    cost -= end * stock[-1]
    found = milp(
        cost,
        constraints=[
            LinearConstraint(stock, lower - base, upper - base),
            LinearConstraint(np.hstack([one, no, -most_in * one, 0 * column]), -np.inf, 0),
            LinearConstraint(np.hstack([no, one, most_out * one, 0 * column]), -np.inf, most_out),
            LinearConstraint(np.hstack([one, -one, no, -column]), -np.inf, 0),
        ],
        bounds=Bounds(
            np.concatenate([np.zeros(3 * n), [asked.peak_so_far_in_mw]]),
            np.concatenate([np.full(n, most_in), np.full(n, most_out), np.ones(n), [np.inf]]),
        ),
        integrality=np.concatenate([np.zeros(2 * n), np.ones(n), [0]]),
        options={"mip_rel_gap": 1e-9},
    )
    return (
        None
        if found.x is None
        else found.fun - end * base[-1] - asked.peak_price_per_mw * asked.peak_so_far_in_mw
    )


FIELDS = {
    "charge_efficiency": st.sampled_from([0.5, 0.9, 1.0]),
    "discharge_efficiency": st.sampled_from([0.7, 0.95]),
    "roundtrip_efficiency": st.sampled_from([0.64, 0.81]),
    "charge_limit_in_mw": st.sampled_from([0.3, 1.0, 5.0]),
    "discharge_limit_in_mw": st.sampled_from([0.0, 0.7, 5.0]),
    "cost_per_mwh_cycled": st.sampled_from([5.0, 40.0]),
    "end_value_per_mwh": st.sampled_from([-10.0, 30.0, 120.0]),
    "production_price_per_mwh": st.sampled_from([-5.0, 20.0, 150.0]),
    "peak_price_per_mw": st.sampled_from([1.0, 25.0]),
    "peak_so_far_in_mw": st.sampled_from([0.5, 1.5]),
    "co2_weight": st.sampled_from([0.0, 0.5, 2.0]),
    "loss_per_hour": st.sampled_from([0.01, 0.2]),
    "demand_in_mw": st.sampled_from([0.1, -0.2]),
}


@st.composite
def cases(draw):
    slots = draw(st.integers(1, 12))
    series = st.lists(st.integers(-60, 120), min_size=slots, max_size=slots)
    names = draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=6))
    asked = {name: draw(FIELDS[name]) for name in sorted(names)}
    target = draw(st.none() | st.tuples(st.integers(1, slots), st.sampled_from([0.75, 1.5, 2.5])))
    kind = draw(st.sampled_from(["exact", "minimum", "maximum"]))
    production, co2 = draw(st.none() | series), draw(st.none() | series)
    return draw(series), asked, target, kind, production, co2, draw(st.booleans())


@given(case=cases())
@settings(max_examples=200, deadline=None)
@pytest.mark.contract("16.1")
def test_whatever_is_asked_costs_what_an_independent_program_finds(make_problem, case):
    prices, asked, target, kind, production, co2, sooner = case
    problem = make_problem(
        prices, sooner=sooner, targets=() if target is None else ((target[0] / 4, target[1]),)
    )
    problem = replace(
        problem,
        targets=tuple(replace(each, kind=kind) for each in problem.targets),
        production_prices=None if production is None else np.array(production, dtype=float),
        co2_prices=None if co2 is None else np.array(co2, dtype=float),
        flexibility=Flexibility(**asked),
    )
    expected, schedule = independent_minimum(problem), StorageScheduler().compute(problem)

    assert (schedule.status is Status.OPTIMAL) == (expected is not None)
    if expected is None:
        assert schedule.conflicts
        return
    exact = 1e-4 if "peak_price_per_mw" in asked else 1e-6  # the gap at which a search ends
    assert schedule.objective == pytest.approx(expected, rel=exact, abs=exact)
    assert np.all(np.abs(schedule.values) <= 2.0)
    assert np.all((schedule.soc >= -1e-9) & (schedule.soc <= 5.0 + 1e-9))
    assert sum(schedule.costs.values()) == pytest.approx(schedule.objective, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("key", "component"),
    [
        ("cost_per_mwh_cycled", "cycling"),
        ("end_value_per_mwh", "end_value"),
        ("peak_price_per_mw", "peak"),
    ],
)
def test_a_price_that_is_asked_is_a_component_of_the_cost_and_no_other_is(make_problem, key, component):
    schedule = compute(make_problem([10.0, 80.0] * 4), **{key: 2.0})

    assert set(schedule.costs) == {"energy", component}


def test_a_battery_with_losses_trades_only_where_the_spread_pays_for_them(make_problem):
    narrow = compute(make_problem([50.0, 70.0], start=0.0), roundtrip_efficiency=0.64)
    wide = compute(make_problem([50.0, 90.0], start=0.0), roundtrip_efficiency=0.64)

    assert narrow.values.tolist() == [0.0, 0.0]
    assert wide.values.tolist() == pytest.approx([2.0, -1.28])
    assert wide.soc.tolist() == pytest.approx([0.4, 0.0])


def test_at_negative_prices_a_full_battery_with_losses_does_not_burn_energy_both_ways(make_problem):
    schedule = compute(make_problem([-50.0] * 8, start=5.0), roundtrip_efficiency=0.5)

    assert schedule.status is Status.OPTIMAL
    assert np.all(np.diff(np.concatenate([[5.0], schedule.soc])) * schedule.values >= 0)
    assert schedule.objective == pytest.approx(
        independent_minimum(
            replace(make_problem([-50.0] * 8, start=5.0), flexibility=Flexibility(roundtrip_efficiency=0.5))
        )
    )


@pytest.mark.parametrize(("prices", "mixed"), [([10.0, 50.0, 90.0], False), ([-10.0, -50.0, -90.0], True)])
def test_directions_are_searched_for_only_where_going_both_ways_would_pay(
    make_problem, monkeypatch, prices, mixed
):
    searches = []
    plan = dynamic.plan
    monkeypatch.setattr(dynamic, "plan", lambda *given: searches.append(given) or plan(*given))
    compute(make_problem(prices * 3, start=5.0), charge_efficiency=0.8)

    assert bool(searches) is mixed


def test_a_plain_battery_is_one_linear_program(make_problem, monkeypatch):
    forms = []
    program = solve.program
    monkeypatch.setattr(solve, "program", lambda problem, form: forms.append(form) or program(problem, form))
    compute(make_problem([10.0, 90.0]), charge_limit_in_mw=1.0, end_value_per_mwh=5.0)

    assert forms == [solve.Form(slots=2, split=True)]


def test_what_is_left_at_the_end_is_kept_where_it_is_worth_more_than_its_price(make_problem):
    assert compute(make_problem([50.0] * 8), end_value_per_mwh=60.0).soc[-1] == pytest.approx(5.0)
    assert compute(make_problem([50.0] * 8), end_value_per_mwh=40.0).soc[-1] == 0.0


def test_a_peak_that_is_paid_already_costs_nothing(make_problem):
    prices, wish = [10.0, 20.0, 30.0, 40.0], ((1.0, 2.0),)
    steep = compute(make_problem(prices, targets=wish), peak_price_per_mw=1000.0)
    paid = compute(make_problem(prices, targets=wish), peak_price_per_mw=1000.0, peak_so_far_in_mw=2.0)

    assert steep.values.tolist() == pytest.approx([1.0] * 4)
    assert steep.costs["peak"] == pytest.approx(1000.0)
    assert paid.costs["peak"] == 0.0
    assert paid.values.max() == pytest.approx(2.0)


def test_co2_weighs_by_its_weight(make_problem):
    prices, carbon = [50.0, 40.0, 45.0, 50.0], np.array([0.0, 30.0, 0.0, 30.0])
    problem = make_problem(prices, type="one-way_evse", start=0.0, targets=((1.0, 0.5),))
    light = compute(replace(problem, co2_prices=carbon), co2_weight=0.0)
    heavy = compute(replace(problem, co2_prices=carbon), co2_weight=1.0)

    assert light.values.argmax() == 1
    assert heavy.values.argmax() == 2
    assert heavy.costs["co2"] == pytest.approx(0.0)


@pytest.mark.parametrize(("kind", "limit"), [("one-way_evse", 0.5), ("battery", 0.5)])
def test_a_separate_limit_of_charging_takes_longer_to_the_target(make_problem, kind, limit):
    schedule = compute(
        make_problem([10.0] * 8, type=kind, start=0.0, targets=((2.0, 1.0),)), charge_limit_in_mw=limit
    )

    assert schedule.values.tolist() == pytest.approx([0.5] * 8)


def test_a_limit_that_is_too_small_is_named_as_the_users_own(make_problem):
    schedule = compute(make_problem([10.0] * 4, targets=((1.0, 2.0),)), charge_limit_in_mw=0.5)

    assert schedule.conflicts[1] == "the charging limit of 0.5 MW (charge_limit_in_mw)"


def test_a_buffer_of_heat_is_heated_when_power_is_cheap_and_loses_some(make_problem):
    problem = make_problem(
        [90.0, 10.0, 90.0, 90.0], type="one-way_evse", start=0.1, limits=(0.0, 5.0), sooner=False
    )
    schedule = compute(problem, loss_per_hour=0.1, demand_in_mw=0.2)
    keep = 0.9**0.25
    stock = 0.1
    for slot, power in enumerate(schedule.values):
        stock = keep * stock + 0.25 * power - 0.05
        assert schedule.soc[slot] == pytest.approx(stock)
    assert schedule.values.tolist() == pytest.approx([0.0, schedule.values[1], 0.0, 0.0])
    assert schedule.soc[-1] == pytest.approx(0.0)
