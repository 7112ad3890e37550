"""Several devices behind one connection: the cheapest plans whose sum keeps to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures_scheduler_storage.lp import joint_problem, solve
from flexmeasures_scheduler_storage.lp.site_problem import Connection, lower_bound, solve_site


def device(prices, power=1.0, start=1.0, most=2.0, end=None, **more):
    slots = len(prices)
    lower, upper = np.zeros(slots), np.full(slots, most)
    if end is not None:
        lower[-1] = end
    return solve.StorageProblem(
        prices=np.array(prices, dtype=float),
        hours=0.5,
        start=start,
        power_lower=np.full(slots, -power),
        power_upper=np.full(slots, power),
        stock_lower=lower,
        stock_upper=upper,
        **more,
    )


def connection(slots, most, base=0.0):
    return Connection(base=np.full(slots, base), lower=np.full(slots, -most), upper=np.full(slots, most))


def independent_minimum(devices, limit):
    """By scipy's milp over charge, discharge and direction of each device, import, export and direction, and peak.

    Stock is written as the powers from the start on. None if infeasible.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, count = len(devices[0].prices), len(devices)
    one, no, spread = np.eye(n), np.zeros(n), np.zeros(n) if limit.spread is None else limit.spread
    parts = [(each.power_upper, -each.power_lower) for each in devices] + [(limit.upper, -limit.lower)]
    width = 3 * n * (count + 1) + 1

    def across(which, into, out, direction=0.0):
        row = np.zeros((n, width))
        row[:, 3 * n * which : 3 * n * (which + 1)] = np.hstack([into, out, direction * one])
        return row

    constraints, cost = [], [0.5 * np.concatenate([each.prices, -each.prices, no]) for each in devices]
    for k, each in enumerate(devices):
        summed = 0.5 * np.tril(np.ones((n, n)))
        stock = across(k, each.charge_efficiency * summed, -summed / each.discharge_efficiency)
        constraints.append(
            LinearConstraint(stock, each.stock_lower - each.start, each.stock_upper - each.start)
        )
    for k, (into, out) in enumerate(parts):
        constraints.append(LinearConstraint(across(k, one, 0 * one, -into.max()), -np.inf, 0))
        constraints.append(LinearConstraint(across(k, 0 * one, one, out.max()), -np.inf, out.max()))
    net = across(count, one, -one)
    balance = sum(across(k, one, -one) for k in range(count)) - net
    constraints.append(LinearConstraint(balance, -limit.base, -limit.base))
    above = net.copy()
    above[:, -1] = -1
    constraints.append(LinearConstraint(above, -np.inf, 0))
    found = milp(
        np.concatenate([*cost, no, 0.5 * spread, no, [limit.peak_price]]),
        constraints=constraints,
        bounds=Bounds(
            np.append(np.zeros(width - 1), limit.peak_so_far),
            np.concatenate([*(np.concatenate([*pair, np.ones(n)]) for pair in parts), [np.inf]]),
        ),
        integrality=np.concatenate([np.tile(np.repeat([0, 0, 1], n), count + 1), [0]]),
        options={
            "mip_rel_gap": 1e-9,
            "presolve": False,
        },  # with it HiGHS calls some feasible problems infeasible
    )
    return None if found.x is None else found.fun - limit.peak_price * limit.peak_so_far


@st.composite
def sites(draw, priced=False, lossy=False):
    slots, count = draw(st.integers(1, 8)), draw(st.integers(1, 3 if lossy else 4))
    prices = draw(st.lists(st.integers(-50, 100), min_size=slots, max_size=slots))
    devices = [
        device(
            prices,
            power=draw(st.sampled_from([0.5, 1.0, 2.0])),
            start=draw(st.sampled_from([0.0, 0.75, 1.5])),
            end=draw(st.none() | st.sampled_from([0.5, 1.25])),
            charge_efficiency=draw(st.sampled_from([0.8, 1.0])) if lossy else 1.0,
            discharge_efficiency=draw(st.sampled_from([0.7, 1.0])) if lossy else 1.0,
        )
        for _ in range(count)
    ]
    limit = connection(slots, draw(st.sampled_from([0.4, 1.0, 3.0])), draw(st.sampled_from([0.0, 0.3, -0.2])))
    return devices, replace(limit, **(draw(asked(slots)) if priced else {}))


@st.composite
def asked(draw, slots):
    """What a connection can ask: a spread of any sign, a peak price."""
    spread = draw(st.none() | st.lists(st.integers(-20, 60), min_size=slots, max_size=slots))
    return {
        "spread": None if spread is None else np.array(spread, dtype=float),
        "peak_price": draw(st.sampled_from([0.0, 7.0, 50.0])),
        "peak_so_far": draw(st.sampled_from([0.0, 0.35])),
    }


def keeps_to(solution, devices, limit):
    total = limit.base + solution.power.sum(axis=0)
    assert np.all((total <= limit.upper + 1e-6) & (total >= limit.lower - 1e-6))
    for each, power, stock in zip(devices, solution.power, solution.stock, strict=True):
        assert np.all((power >= each.power_lower) & (power <= each.power_upper))
        flow = (
            each.charge_efficiency * np.maximum(power, 0) - np.maximum(-power, 0) / each.discharge_efficiency
        )
        assert stock == pytest.approx(each.start + 0.5 * np.cumsum(flow), abs=1e-6)
        assert np.all((stock >= each.stock_lower - 1e-6) & (stock <= each.stock_upper + 1e-6))


@given(case=sites())
@settings(max_examples=50, deadline=None)
@pytest.mark.contract("16.1", "16.12")
def test_a_site_costs_what_an_independent_program_finds_and_keeps_to_its_connection(case):
    devices, limit = case
    expected, solution = independent_minimum(devices, limit), solve_site(devices, limit)

    assert (solution.outcome is solve.Outcome.OPTIMAL) == (expected is not None)
    if expected is not None:
        assert solution.cost == pytest.approx(expected, rel=1e-6, abs=1e-6)
        keeps_to(solution, devices, limit)
        assert lower_bound(devices, limit, solution.shadow_prices) == pytest.approx(
            expected, rel=1e-6, abs=1e-6
        )


@given(case=sites(priced=True, lossy=True))
@settings(max_examples=100, deadline=None)
@pytest.mark.contract("16.1", "16.12")
def test_prices_of_the_net_power_and_losses_cost_what_an_independent_program_finds(case):
    devices, limit = case
    expected, solution = independent_minimum(devices, limit), solve_site(devices, limit)

    assert (solution.outcome is solve.Outcome.OPTIMAL) == (expected is not None)
    if expected is not None:
        assert solution.cost == pytest.approx(expected, rel=1e-6, abs=1e-6)
        assert solution.proven
        keeps_to(solution, devices, limit)


@given(case=sites(priced=True))
@settings(max_examples=40, deadline=None)
def test_groups_keep_to_the_connection_and_the_optimum_lies_between_bound_and_cost(case):
    devices, limit = case
    expected, solution = independent_minimum(devices, limit), solve_site(devices, limit, largest=2, group=2)

    assert (solution.outcome is solve.Outcome.OPTIMAL) == (expected is not None)
    if expected is not None:
        room = 1e-6 * max(1.0, abs(expected))
        assert solution.bound - room <= expected <= solution.cost + room
        keeps_to(solution, devices, limit)


def test_many_devices_in_groups_come_near_to_the_bound():
    random = np.random.default_rng(5)
    prices = 50 + 20 * np.sin(np.arange(48) / 4) + random.normal(0, 4, 48)
    devices = [
        device(prices, power=random.uniform(0.5, 2), start=random.uniform(0, 2), end=random.uniform(0, 2))
        for _ in range(40)
    ]
    limit = connection(48, 15.0, base=2.0)
    solution = solve_site(devices, limit, largest=20, group=20)

    keeps_to(solution, devices, limit)
    assert 0 < solution.gap < 0.02
    assert solution.cost >= solve_site(devices, limit).cost - 1e-6


def test_devices_with_losses_share_a_connection_and_none_goes_both_ways():
    prices = [-40.0, -30.0, 80.0, 90.0]
    devices = [device(prices, charge_efficiency=0.8, discharge_efficiency=0.9) for _ in range(3)]
    solution = solve_site(devices, connection(4, 1.5))

    assert solution.outcome is solve.Outcome.OPTIMAL
    assert np.abs(solution.power.sum(axis=0)).max() <= 1.5 + 1e-9
    for each, power, stock in zip(devices, solution.power, solution.stock, strict=True):
        assert stock == pytest.approx(solve.stock_after(each, power))
        assert np.all((stock >= -1e-9) & (stock <= 2.0 + 1e-9))


def test_devices_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="same slots"):
        solve_site([device([1.0]), device([1.0, 2.0])], connection(1, 1.0))
    with pytest.raises(ValueError, match="peak prices"):
        solve_site([device([1.0], peak_price=1.0)], connection(1, 1.0))


def test_directions_that_are_too_many_are_rounded_and_the_gap_is_told(monkeypatch):
    prices = [-40.0, -30.0, -35.0, -20.0, 80.0, 90.0]
    devices = [device(prices, charge_efficiency=0.8, discharge_efficiency=0.9, start=2.0) for _ in range(3)]
    limit = connection(6, 1.5)
    best = solve_site(devices, limit)
    monkeypatch.setattr(joint_problem, "MANY", 0)
    rounded = solve_site(devices, limit)

    assert best.proven
    assert not rounded.proven
    assert rounded.bound <= best.cost + 1e-6 <= rounded.cost + 2e-6
    keeps_to(rounded, devices, limit)
