"""Curtailment is the cheapest that limits and volumes allow, as an independent linear program says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from flexmeasures_scheduler_curtail_shift.curtailing import CannotCurtail, Curtailment, curtail

INF = float("inf")


def cost(task: Curtailment, power: np.ndarray) -> float:
    lost = np.abs(task.expected - power).sum()
    return float(task.hours * (task.prices @ power + task.cost * lost))


def test_production_stops_at_negative_prices_only() -> None:
    task = Curtailment(
        expected=np.array([-3.0, -2.0, -1.0]), hours=0.25, prices=np.array([40.0, -10.0, -1.0]), cost=5.0
    )
    assert curtail(task).tolist() == [-3.0, 0.0, -1.0]


def test_load_is_shed_where_the_price_is_above_its_value() -> None:
    task = Curtailment(
        expected=np.array([4.0, 4.0]), hours=1.0, prices=np.array([900.0, 100.0]), cost=500.0, share=0.25
    )
    assert curtail(task).tolist() == [3.0, 4.0]


def test_a_limit_is_kept_whatever_it_costs() -> None:
    task = Curtailment(expected=np.array([-5.0, -1.0]), hours=1.0, prices=np.array([80.0, 80.0]), limit=2.0)
    assert curtail(task).tolist() == [-2.0, -1.0]


def test_a_limited_volume_goes_where_it_gains_most() -> None:
    task = Curtailment(
        expected=np.array([-2.0, -2.0, -2.0]), hours=0.5, prices=np.array([-5.0, -50.0, -20.0]), volume=1.5
    )
    assert curtail(task).tolist() == [-2.0, 0.0, -1.0]


def test_what_the_limit_misses_is_told() -> None:
    with pytest.raises(CannotCurtail) as caught:
        curtail(Curtailment(expected=np.array([4.0]), hours=1.0, prices=np.zeros(1), limit=1.0, share=0.5))
    assert caught.value.too_much == pytest.approx(1.0)
    with pytest.raises(CannotCurtail) as caught:
        curtail(Curtailment(expected=np.array([4.0, 4.0]), hours=0.5, prices=np.zeros(2), limit=1, volume=2))
    assert (caught.value.too_much, caught.value.needed) == (0.0, pytest.approx(3.0))


values = st.integers(-6, 6).map(float)


@given(
    st.lists(st.tuples(values, values), min_size=1, max_size=8),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 2.0]),
    st.sampled_from([1.0, 4.0, INF]),
    st.sampled_from([0.5, 3.0, INF]),
)
def test_it_costs_what_a_linear_program_costs(
    slots: list[tuple[float, float]], share: float, price: float, limit: float, volume: float
) -> None:
    expected, prices = (np.array(column) for column in zip(*slots, strict=True))
    task = Curtailment(
        expected=expected, hours=0.5, prices=prices, share=share, cost=price, limit=limit, volume=volume
    )
    size = np.abs(expected)
    lower = np.maximum(size - limit, 0.0)
    volume_row = None if volume == INF else np.full((1, len(size)), 0.5)
    best = linprog(
        0.5 * (price - np.sign(expected) * prices),
        bounds=np.column_stack([np.minimum(lower, share * size), share * size]),
        A_ub=volume_row,
        b_ub=None if volume_row is None else [volume],
    )
    if (lower > share * size).any() or not best.success:
        with pytest.raises(CannotCurtail):
            curtail(task)
        return
    power = curtail(task)
    assert cost(task, power) == pytest.approx(0.5 * float(prices @ expected) + best.fun, abs=1e-9)
    assert (np.abs(power) <= size + 1e-12).all()
    assert (power * expected >= 0).all()
