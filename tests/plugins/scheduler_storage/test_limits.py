"""Limits, targets and conflicts: what is kept, from when on, and what is said when it cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures_scheduler_storage import StorageScheduler
from flexmeasures_scheduling import Status

# Falling prices at which nobody would charge. A slot of 15 minutes at 2 MW moves 0.5 MWh.
DEAR = [170.0, 160.0, 150.0, 140.0, 130.0, 120.0, 110.0, 100.0]


def compute(problem):
    return StorageScheduler().compute(problem)


def test_one_way_station_without_targets_does_nothing_at_prices_that_are_not_negative(make_problem):
    for prices in (DEAR, [0.0] * 8, [5.0, 0.0, 3.0, 0.0]):
        schedule = compute(make_problem(prices, type="one-way_evse"))
        assert schedule.values.tolist() == [0.0] * len(prices)


@pytest.mark.contract("16.4")
def test_one_way_station_without_targets_charges_at_negative_prices_up_to_the_assets_maximum(make_problem):
    prices = [10.0, -10.0, -20.0, 10.0]

    known = compute(make_problem(prices, type="one-way_evse", limits=(None, 1.75)))
    unknown = compute(make_problem(prices, type="one-way_evse", limits=(None, None)))

    assert known.values.tolist() == pytest.approx([0.0, 1.0, 2.0, 0.0])
    assert unknown.values.tolist() == [0.0] * 4


def test_two_way_station_without_targets_trades_up_to_the_assets_maximum(make_problem):
    schedule = compute(make_problem([10.0] * 3 + [90.0] * 4, type="two-way_evse", limits=(None, 2.0)))

    assert schedule.values.tolist() == pytest.approx([2.0, 2.0, 0.0, -2.0, -2.0, -2.0, -2.0])


@pytest.mark.parametrize(("maximum", "expected"), [(None, 1.5), (1.2, 1.5), (1.8, 1.8)])
@pytest.mark.contract("16.4")
def test_maximum_of_a_station_is_its_highest_target_unless_the_assets_is_larger(
    make_problem, maximum, expected
):
    problem = make_problem(
        [-10.0] * 4 + [-20.0] * 2 + [-10.0] * 2,
        type="two-way_evse",
        limits=(None, maximum),
        targets=((1.0, 1.5), (2.0, 1.2)),
    )
    assert compute(problem).soc.max() == pytest.approx(expected)


def test_maximum_of_a_station_is_at_least_its_start(make_problem):
    problem = make_problem(DEAR, type="one-way_evse", start=3.0, limits=(None, 2.0))

    assert compute(problem).soc.tolist() == [3.0] * 8


@pytest.mark.parametrize("kind", ["battery", "one-way_evse", "two-way_evse"])
def test_a_start_below_the_minimum_is_left_as_soon_as_possible(make_problem, kind):
    schedule = compute(make_problem(DEAR, type=kind, start=0.2, limits=(1.5, 5.0)))

    assert schedule.status is Status.OPTIMAL
    assert schedule.soc[1] < 1.5 <= schedule.soc[2] + 1e-9
    assert schedule.soc[2:].tolist() == pytest.approx([1.5] * 6)


@given(
    start=st.sampled_from([0.0, 0.3, 0.7, 1.1, 3.1, 4.2, 6.0]),
    prices=st.lists(st.integers(-50, 150), min_size=1, max_size=16),
    target=st.none() | st.tuples(st.integers(0, 15), st.sampled_from([1.5, 2.0, 2.75, 3.0])),
)
@settings(max_examples=100, deadline=None)
@pytest.mark.contract("16.4")
def test_limits_hold_from_the_first_slot_at_which_any_plan_can_keep_them(
    make_problem, reference, start, prices, target
):
    slots, minimum, maximum = len(prices), 1.5, 3.0
    targets = {target[0]: target[1]} if target and target[0] < slots else {}
    wishes = tuple(((slot + 1) / 4, mwh) for slot, mwh in targets.items())
    schedule = compute(make_problem(prices, start=start, limits=(minimum, maximum), targets=wishes))

    for free in range(slots + 1):  # slots without the limit, as few as an independent program needs
        lower = [min(start, minimum)] * free + [minimum] * (slots - free)
        upper = [max(start, maximum)] * free + [maximum] * (slots - free)
        expected = reference(prices, 0.25, start, (-2, 2), (lower, upper), targets)
        if expected.status == 0:
            assert schedule.objective == pytest.approx(expected.fun, rel=1e-6, abs=1e-6)
            return
    assert schedule.status is Status.INFEASIBLE


def test_a_station_without_targets_and_maximum_still_charges_to_its_minimum(make_problem):
    schedule = compute(make_problem(DEAR, type="one-way_evse", start=0.0, limits=(1.0, None)))

    assert schedule.soc[1:].tolist() == pytest.approx([1.0] * 7)


def test_a_start_above_the_maximum_is_left_as_soon_as_possible(make_problem):
    schedule = compute(make_problem([-100.0] * 8, start=3.2, limits=(0.0, 2.0)))

    assert schedule.status is Status.OPTIMAL
    assert schedule.soc[:3].max() <= 3.2
    assert schedule.soc[2:].tolist() == pytest.approx([2.0] * 6)


def test_a_minimum_out_of_reach_is_a_warning(make_problem):
    schedule = compute(make_problem(DEAR, start=0.0, limits=(4.5, 5.0)))

    assert schedule.status is Status.OPTIMAL
    assert schedule.warnings == ("The minimum of 4.5 MWh cannot be reached within the window.",)


def test_a_maximum_out_of_reach_is_a_warning(make_problem):
    schedule = compute(make_problem([-1.0] * 2, start=5.0, limits=(0.0, 3.0)))

    assert schedule.status is Status.OPTIMAL
    assert schedule.soc.max() <= 5.0
    assert schedule.warnings == ("The state of charge cannot fall to 3 MWh within the window.",)


def test_a_target_on_the_way_to_the_minimum_delays_the_minimum(make_problem):
    schedule = compute(make_problem(DEAR, start=0.0, limits=(1.0, 5.0), targets=((0.25, 0.1),)))

    assert schedule.status is Status.OPTIMAL
    assert schedule.soc[0] == pytest.approx(0.1)
    assert schedule.soc[1] < 1.0
    assert schedule.soc[2:].tolist() == pytest.approx([1.0] * 6)


@pytest.mark.contract("15.6")
def test_a_target_off_the_grid_applies_at_the_slot_end_before_it(make_problem):
    schedule = compute(make_problem(DEAR, targets=((1.1, 2.0),)))

    assert schedule.soc[3] == pytest.approx(2.0)
    assert schedule.warnings == ()


@pytest.mark.parametrize("hours", [-1.0, 0.0, 0.2, 2.25])
def test_a_target_outside_of_the_window_is_left_out_with_a_warning(make_problem, hours):
    schedule = compute(make_problem(DEAR, targets=((hours, 3.0),)))

    assert schedule.soc[-1] == 0.0
    assert len(schedule.warnings) == 1
    assert "target of 3 MWh" in schedule.warnings[0]
    assert "2026-03-01T12:00:00Z to 2026-03-01T14:00:00Z" in schedule.warnings[0]


@pytest.mark.contract("16.2")
def test_a_target_at_the_last_slot_end_counts(make_problem):
    assert compute(make_problem(DEAR, targets=((2.0, 3.0),))).soc[-1] == pytest.approx(3.0)


def test_of_two_targets_on_one_slot_the_later_wins_with_a_warning(make_problem):
    schedule = compute(make_problem(DEAR, targets=((1.1, 2.5), (1.0, 2.0))))

    assert schedule.soc[3] == pytest.approx(2.5)
    assert len(schedule.warnings) == 1
    assert "target of 2 MWh at 2026-03-01T13:00:00Z is left out" in schedule.warnings[0]


def test_equal_targets_on_one_slot_need_no_warning(make_problem):
    assert compute(make_problem(DEAR, targets=((1.0, 2.0), (1.1, 2.0)))).warnings == ()


def test_a_target_that_can_just_be_reached_is_reached(make_problem):
    schedule = compute(
        make_problem([0.1] * 96, minutes=5, capacity=0.0074, start=0.0123, targets=((8, 0.0715),))
    )

    assert schedule.status is Status.OPTIMAL
    assert schedule.soc[-1] == pytest.approx(0.0715, abs=1e-9)
    assert schedule.values.tolist() == pytest.approx([0.0074] * 96)
