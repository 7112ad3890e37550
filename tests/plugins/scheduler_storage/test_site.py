"""Several devices behind one connection: the cheapest plans whose sum keeps to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures_scheduler_storage import model
from flexmeasures_scheduler_storage.site import Connection, lower_bound, solve_site


def device(prices, power=1.0, start=1.0, most=2.0, end=None, **more):
    slots = len(prices)
    lower, upper = np.zeros(slots), np.full(slots, most)
    if end is not None:
        lower[-1] = end
    return model.StorageProblem(
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
    """By scipy's linprog over the powers alone, stock being their sum; None if infeasible."""
    from scipy.optimize import linprog

    slots, count = len(devices[0].prices), len(devices)
    summed = 0.5 * np.tril(np.ones((slots, slots)))
    rows = np.kron(np.eye(count), summed)
    shared = np.tile(np.eye(slots), count)
    upper = np.concatenate([each.stock_upper - each.start for each in devices])
    lower = np.concatenate([each.stock_lower - each.start for each in devices])
    found = linprog(
        np.concatenate([0.5 * each.prices for each in devices]),
        A_ub=np.vstack([rows, -rows, shared, -shared]),
        b_ub=np.concatenate([upper, -lower, limit.upper - limit.base, limit.base - limit.lower]),
        bounds=[pair for each in devices for pair in zip(each.power_lower, each.power_upper, strict=True)],
        method="highs",
    )
    return found.fun if found.status == 0 else None


@st.composite
def sites(draw):
    slots, count = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    prices = draw(st.lists(st.integers(-50, 100), min_size=slots, max_size=slots))
    devices = [
        device(
            prices,
            power=draw(st.sampled_from([0.5, 1.0, 2.0])),
            start=draw(st.sampled_from([0.0, 0.75, 1.5])),
            end=draw(st.none() | st.sampled_from([0.5, 1.25])),
        )
        for _ in range(count)
    ]
    return devices, connection(
        slots, draw(st.sampled_from([0.4, 1.0, 3.0])), draw(st.sampled_from([0.0, 0.3, -0.2]))
    )


def keeps_to(solution, devices, limit):
    total = limit.base + solution.power.sum(axis=0)
    assert np.all((total <= limit.upper + 1e-6) & (total >= limit.lower - 1e-6))
    for each, power, stock in zip(devices, solution.power, solution.stock, strict=True):
        assert np.all((power >= each.power_lower) & (power <= each.power_upper))
        assert stock == pytest.approx(each.start + 0.5 * np.cumsum(power), abs=1e-6)
        assert np.all((stock >= each.stock_lower - 1e-6) & (stock <= each.stock_upper + 1e-6))


@given(case=sites())
@settings(max_examples=100, deadline=None)
@pytest.mark.contract("16.1", "16.12")
def test_a_site_costs_what_an_independent_program_finds_and_keeps_to_its_connection(case):
    devices, limit = case
    expected, solution = independent_minimum(devices, limit), solve_site(devices, limit)

    assert (solution.outcome is model.Outcome.OPTIMAL) == (expected is not None)
    if expected is not None:
        assert solution.cost == pytest.approx(expected, rel=1e-6, abs=1e-6)
        keeps_to(solution, devices, limit)
        assert lower_bound(devices, limit, solution.shadow_prices) == pytest.approx(
            expected, rel=1e-6, abs=1e-6
        )


@given(case=sites())
@settings(max_examples=60, deadline=None)
def test_groups_keep_to_the_connection_and_the_optimum_lies_between_bound_and_cost(case):
    devices, limit = case
    expected, solution = independent_minimum(devices, limit), solve_site(devices, limit, largest=2, group=2)

    assert (solution.outcome is model.Outcome.OPTIMAL) == (expected is not None)
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

    assert solution.outcome is model.Outcome.OPTIMAL
    assert np.abs(solution.power.sum(axis=0)).max() <= 1.5 + 1e-9
    for each, power, stock in zip(devices, solution.power, solution.stock, strict=True):
        assert stock == pytest.approx(model.stock_after(each, power))
        assert np.all((stock >= -1e-9) & (stock <= 2.0 + 1e-9))


def test_devices_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="same slots"):
        solve_site([device([1.0]), device([1.0, 2.0])], connection(1, 1.0))
    with pytest.raises(ValueError, match="peak prices"):
        solve_site([device([1.0], peak_price=1.0)], connection(1, 1.0))
