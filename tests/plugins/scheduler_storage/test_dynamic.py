"""Plans of one direction a slot by what the stock is worth, against scipy's milp."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from flexmeasures_scheduler_storage import dynamic, effort, peaks
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduler_storage.lp.device_problem import StorageProblem


def least_cost(problem):
    """The least cost by whole numbers for the directions; None when infeasible."""
    n, h = len(problem.prices), problem.hours
    powers = np.maximum(np.subtract.outer(np.arange(n), np.arange(n)), 0)
    decay = np.tril(problem.retention**powers)
    stock = np.hstack(
        [h * problem.charge_efficiency * decay, -h / problem.discharge_efficiency * decay, np.zeros((n, n))]
    )
    before = problem.start * problem.retention ** np.arange(1, n + 1) + decay @ problem.gains
    one, none = np.eye(n), np.zeros((n, n))
    most_in, most_out = np.maximum(problem.power_upper, 0), np.maximum(-problem.power_lower, 0)
    found = milp(
        np.concatenate(
            [
                h * (problem.prices + problem.cycle_cost / 2),
                h * (problem.cycle_cost / 2 - problem.earned),
                np.zeros(n),
            ]
        )
        - problem.end_value * stock[-1],
        integrality=np.repeat([0, 1], [2 * n, n]),
        bounds=Bounds(
            np.concatenate(
                [np.maximum(problem.power_lower, 0), np.maximum(-problem.power_upper, 0), np.zeros(n)]
            ),
            np.concatenate([most_in, most_out, np.ones(n)]),
        ),
        constraints=[
            LinearConstraint(stock, problem.stock_lower - before, problem.stock_upper - before),
            LinearConstraint(np.hstack([one, none, -np.diag(most_in)]), -np.inf, 0),
            LinearConstraint(np.hstack([none, one, np.diag(most_out)]), -np.inf, most_out),
        ],
        options={"mip_rel_gap": 1e-9},
    )
    return None if not found.success else found.fun - problem.end_value * before[-1]


@st.composite
def problems(draw):
    """Devices with losses at prices that tempt to go both ways, some with a target, demand or wear."""
    n = draw(st.integers(1, 12))
    price = st.integers(-60, 60).map(float)
    prices = np.array(draw(st.lists(price, min_size=n, max_size=n)))
    earned = prices + np.array(draw(st.lists(st.sampled_from([-10.0, 0.0, 30.0]), min_size=n, max_size=n)))
    lower, upper = np.zeros(n), np.full(n, draw(st.sampled_from([0.9, 2.0, 4.0])))
    if draw(st.booleans()):
        at = draw(st.integers(0, n - 1))
        lower[at] = upper[at] = draw(st.sampled_from([0.0, 0.4, 0.8]))
    least = np.full(n, draw(st.sampled_from([-1.0, -0.3, 0.0])))
    return StorageProblem(
        prices=prices,
        production_prices=draw(st.sampled_from([None, earned])),
        hours=draw(st.sampled_from([0.25, 1.0])),
        start=draw(st.sampled_from([0.0, 0.3, 0.8])),
        power_lower=least,
        power_upper=np.full(n, draw(st.sampled_from([0.7, 1.0]))),
        stock_lower=lower,
        stock_upper=upper,
        charge_efficiency=draw(st.sampled_from([1.0, 0.9, 0.5])),
        discharge_efficiency=draw(st.sampled_from([1.0, 0.95])),
        retention=draw(st.sampled_from([1.0, 0.98])),
        inflow=draw(st.sampled_from([None, np.full(n, -0.05)])),
        cycle_cost=draw(st.sampled_from([0.0, 5.0])),
        end_value=draw(st.sampled_from([0.0, 20.0])),
    )


@given(problem=problems())
@settings(max_examples=300, deadline=None)
def test_a_plan_costs_the_least_that_whole_numbers_find_and_its_bound_is_true(problem):
    expected, found = least_cost(problem), dynamic.plan(problem, 1e6)

    assert (found is None) == (expected is None)
    if found is None:
        return
    stock = solve.stock_after(problem, found.power)
    assert solve.cost_of(problem, found.power, stock) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert found.bound <= expected + 2e-6 * max(1.0, abs(expected))  # scipy is as exact as that
    assert found.bound == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert np.all((stock >= problem.stock_lower - 1e-9) & (stock <= problem.stock_upper + 1e-9))
    assert np.all((found.power >= problem.power_lower - 1e-9) & (found.power <= problem.power_upper + 1e-9))


@given(problem=problems(), many=st.sampled_from([4, 8]))
@settings(max_examples=100, deadline=None)
def test_where_corners_are_left_out_the_bound_stays_true(problem, many):
    expected = least_cost(problem)
    if expected is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamic, "MANY", many)
        found = dynamic.plan(problem, 1e6)

    assert found is not None
    assert found.bound <= expected + 2e-6 * max(1.0, abs(expected))  # scipy is as exact as that


MANY_STEPS = 20_000


@given(problem=problems(), price=st.sampled_from([5.0, 40.0]), paid=st.sampled_from([0.0, 0.4]))
@settings(max_examples=100, deadline=None)
def test_with_a_price_of_the_peak_the_bound_is_true_and_the_gap_kept(problem, price, paid):
    with_peak = replace(problem, peak_price=price, peak_so_far=paid)
    steps = 0

    def check() -> None:
        """The end of the time, after so many steps: where a peak costs just what it saves, the search would go on."""
        nonlocal steps
        steps += 1
        if steps > MANY_STEPS:
            raise effort.OutOfTime

    found = peaks.plan(with_peak, 1e6, check)
    # By trying limits of power: the cost with a limit falls as it rises, so none between two of them is far off.
    limits = np.linspace(0.0, float(problem.power_upper.max()), 12)
    costs = [
        least_cost(replace(problem, power_upper=np.minimum(problem.power_upper, each))) for each in limits
    ]
    tried = [
        cost + price * max(limit, paid) for cost, limit in zip(costs, limits, strict=True) if cost is not None
    ]

    assert (found is None) == (costs[-1] is None)
    if found is None:
        return
    scale = max(1.0, abs(found.cost))
    assert found.bound <= min(tried) + 2e-6 * scale
    assert found.cost <= min(tried) + 2 * effort.GAP * scale or steps > MANY_STEPS
    stock = solve.stock_after(problem, found.power)
    peak = price * max(float(found.power.max()), paid)
    assert solve.cost_of(problem, found.power, stock) + peak == pytest.approx(found.cost, rel=1e-6, abs=1e-6)


def test_a_search_without_time_gives_the_rounded_plan_and_what_it_may_cost_more():
    n = 48
    problem = StorageProblem(
        prices=np.full(n, -50.0),
        hours=0.25,
        start=2.0,
        power_lower=-np.ones(n),
        power_upper=np.ones(n),
        stock_lower=np.zeros(n),
        stock_upper=np.full(n, 2.0),
        charge_efficiency=0.9,
        discharge_efficiency=0.9,
    )
    best = solve.solve(problem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effort, "_SEARCHING", 0.0)
        with effort.bounded(5.0):
            hurried = solve.solve(problem)

    assert best.proven
    assert not hurried.proven
    assert hurried.bound <= best.cost <= hurried.cost
    assert np.all(np.minimum(hurried.charge, hurried.discharge) == 0)
