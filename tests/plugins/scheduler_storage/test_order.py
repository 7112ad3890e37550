"""Decision D14: least cost, among those least throughput, among those sooner charging and later discharging."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from flexmeasures_scheduler_storage import StorageScheduler
from flexmeasures_scheduling import Connection, Flexibility, Status

CAPACITY, MOST, HOURS = 2.0, 2.5, 0.25


def in_order(prices, start, target, efficiency):
    """Cost, throughput and slope of the best plan by three programs in turn, each keeping what those before found.

    None when infeasible. Stock is written as sums from the start on, so that nothing is shared with what is tested.
    """
    n = len(prices)
    summed = np.tril(np.ones((n, n))) * HOURS
    stock = np.hstack([efficiency * summed, -summed / efficiency])
    upper, lower = np.full(n, MOST), np.zeros(n)
    if target is not None:
        lower[-1] = upper[-1] = target
    rows, most = [stock, -stock], [upper - start, start - lower]
    slope = np.arange(n) / n
    found = []
    for aim in (HOURS * np.append(prices, -prices), np.ones(2 * n), np.append(slope, -slope)):
        best = linprog(aim, np.vstack(rows), np.concatenate(most), bounds=(0, CAPACITY))
        if not best.success:
            return None
        found.append(best.fun)
        rows.append(aim[None, :])
        most.append(np.array([best.fun + 1e-9]))
    return found


@st.composite
def cases(draw):
    """Positive prices with many that are equal, with and without losses; a start, and perhaps a target."""
    prices = draw(st.lists(st.sampled_from([10.0, 20.0, 20.5, 40.0]), min_size=2, max_size=14))
    target = draw(st.none() | st.sampled_from([0.5, 1.25]))
    return np.array(prices), draw(st.sampled_from([0.0, 0.5, 2.0])), target, draw(st.sampled_from([1.0, 0.9]))


@given(case=cases())
@settings(max_examples=150, deadline=None)
@pytest.mark.contract("D14")
def test_a_plan_is_the_best_by_each_aim_in_turn(make_problem, case):
    prices, start, target, efficiency = case
    targets = () if target is None else ((len(prices) / 4, target),)
    problem = make_problem(prices, start=start, capacity=CAPACITY, limits=(0.0, MOST), targets=targets)
    losses = Flexibility(charge_efficiency=efficiency, discharge_efficiency=efficiency)
    schedule = StorageScheduler().compute(replace(problem, flexibility=losses))
    best = in_order(prices, start, target, efficiency)

    assert (schedule.status is Status.OPTIMAL) == (best is not None)
    if best is None:
        return
    cost, throughput, slope = best
    assert schedule.objective == pytest.approx(cost, rel=1e-6, abs=1e-6)
    assert np.abs(schedule.values).sum() == pytest.approx(throughput, rel=1e-6, abs=1e-6)
    assert np.arange(len(prices)) / len(prices) @ schedule.values == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_without_preference_for_sooner_nothing_moves_for_nothing_either(make_problem):
    schedule = StorageScheduler().compute(make_problem([50.0] * 16 + [60.0] * 4, start=1.0, sooner=False))

    assert np.abs(schedule.values).sum() == pytest.approx(8 + 8 + 4 - 8)  # fills what the dear slots can sell


def test_the_slope_never_earns_a_cycle_of_its_own_behind_a_connection(make_problem):
    flat = make_problem([50.0] * 24, start=0.0)
    falling = make_problem([90.0] * 8 + [20.0] * 16, start=1.0)
    for problem, throughput in ((flat, 0.0), (falling, 4.0)):
        plan = StorageScheduler().compute_site(
            [problem, replace(problem, soc_at_start=0.0)],
            Connection(base=np.ones(24), consumption_limit=3.0, production_limit=3.0),
        )
        moved = sum(float(np.abs(each.values).sum()) for each in plan.schedules)

        assert moved == pytest.approx(throughput, abs=1e-6)
