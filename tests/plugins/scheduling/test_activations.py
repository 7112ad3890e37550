"""Volumes of curtailment (MWh) and of shifting (MWh and MWh*h), as the documentation's chapter 6.3 has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from flexmeasures_scheduling import activation


def test_curtailment_is_a_volume_and_shifts_nothing() -> None:
    found = activation(np.array([-1.0, -0.5, 0.0]), np.array([-2.0, -1.0, 0.0]), 0.25)
    assert (found.net_in_mwh, found.shifted_in_mwh, found.shifted_in_mwh_h) == (0.375, 0.0, 0.0)


def test_shifting_is_a_volume_times_how_long_it_is_moved() -> None:
    baseline, plan = np.zeros(8), np.zeros(8)
    baseline[0:2], plan[4:6] = 2.0, 2.0  # half an hour of 2 MW, moved by an hour
    found = activation(plan, baseline, 0.25)
    assert found.net_in_mwh == 0
    assert found.shifted_in_mwh == pytest.approx(1.0)
    assert found.shifted_in_mwh_h == pytest.approx(1.0)


def test_a_plan_that_is_its_baseline_uses_nothing() -> None:
    found = activation(np.array([1.0, 2.0]), np.array([1.0, 2.0]), 1.0)
    assert (found.net_in_mwh, found.shifted_in_mwh, found.shifted_in_mwh_h) == (0, 0, 0)


numbers = st.lists(st.integers(-4, 4), min_size=2, max_size=7)


@given(numbers, st.integers(0, 6))
def test_the_energy_time_of_a_shift_is_the_cheapest_transport(changes: list[int], seed: int) -> None:
    change = np.array([*changes, -sum(changes)], dtype=np.float64)
    np.random.default_rng(seed).shuffle(change)
    found = activation(change, np.zeros(len(change)), 0.5)
    n = len(change)
    distance = 0.5 * np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    out = np.kron(np.eye(n), np.ones(n))
    into = np.kron(np.ones(n), np.eye(n))
    given_away, wanted = np.maximum(-change, 0) * 0.5, np.maximum(change, 0) * 0.5
    best = linprog(distance.ravel(), A_eq=np.vstack([out, into]), b_eq=np.concatenate([given_away, wanted]))
    assert found.shifted_in_mwh_h == pytest.approx(best.fun, abs=1e-9)
    assert found.shifted_in_mwh == pytest.approx(given_away.sum())
