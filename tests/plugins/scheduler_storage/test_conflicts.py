"""Inputs that conflict: a minimal set of them, what can be reached instead, and what relaxing gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from flexmeasures_scheduler_storage import StorageScheduler, limits
from flexmeasures_scheduling import Flexibility, Status, Target

# Falling prices at which nobody would charge. A slot of 15 minutes at 2 MW moves 0.5 MWh.
DEAR = [170.0, 160.0, 150.0, 140.0, 130.0, 120.0, 110.0, 100.0]
START = "the start at 1 MWh (2026-03-01T12:00:00Z)"
POWER = "the power limit of 2 MW (capacity_in_mw)"


def compute(problem):
    return StorageScheduler().compute(problem)


def relaxed(problem):
    return compute(replace(problem, flexibility=Flexibility(relax=True)))


def with_kinds(problem, *kinds):
    targets = (replace(each, kind=kind) for each, kind in zip(problem.targets, kinds, strict=True))
    return replace(problem, targets=tuple(targets))


@pytest.mark.contract("16.8")
def test_an_unreachable_target_conflicts_with_power_and_start_and_the_nearest_value_is_told(make_problem):
    schedule = compute(make_problem(DEAR, targets=((1.0, 3.5),)))

    assert schedule.status is Status.INFEASIBLE
    assert np.isnan(schedule.values).all()
    assert schedule.costs == {}
    assert schedule.conflicts == ("the target of 3.5 MWh at 2026-03-01T13:00:00Z", POWER, START)
    assert schedule.advice == (
        "Instead of the target of 3.5 MWh at 2026-03-01T13:00:00Z, 3 MWh can be reached.",
        "Cheapest relaxation (relax): the target of 3.5 MWh at 2026-03-01T13:00:00Z becomes 3 MWh.",
    )


def test_two_targets_too_far_apart_conflict_without_the_start(make_problem):
    schedule = compute(make_problem(DEAR, targets=((1.0, 1.5), (1.5, 2.75))))

    assert schedule.conflicts == (
        "the target of 1.5 MWh at 2026-03-01T13:00:00Z",
        "the target of 2.75 MWh at 2026-03-01T13:30:00Z",
        POWER,
    )


def test_a_one_way_station_cannot_fall_to_a_target(make_problem):
    schedule = compute(make_problem(DEAR, type="one-way_evse", targets=((1.0, 0.5),)))

    assert schedule.conflicts[1:] == ("that it cannot discharge (one-way_evse)", START)
    assert "1 MWh can be reached" in schedule.advice[0]


@pytest.mark.parametrize(
    ("target", "words"),
    [(5.5, "the maximum of 5 MWh (max_soc_in_mwh)"), (0.5, "the minimum of 1 MWh (min_soc_in_mwh)")],
)
@pytest.mark.contract("16.8")
def test_a_target_outside_of_a_batterys_limits_conflicts_with_them_alone(make_problem, target, words):
    schedule = compute(make_problem([1.0] * 40, limits=(1.0, 5.0), targets=((8.0, target),)))

    assert schedule.conflicts == (f"the target of {target:g} MWh at 2026-03-01T20:00:00Z", words)


def test_a_minimum_above_the_maximum_is_a_conflict_of_the_two(make_problem):
    schedule = compute(make_problem(DEAR, start=2.0, limits=(3.0, 1.0)))

    assert schedule.conflicts == (
        "the minimum of 3 MWh (min_soc_in_mwh)",
        "the maximum of 1 MWh (max_soc_in_mwh)",
    )


@pytest.mark.parametrize(("kind", "end"), [("minimum", 5.0), ("maximum", 0.0), ("exact", 2.0)])
def test_a_minimum_target_lets_more_and_a_maximum_target_lets_less(make_problem, kind, end):
    prices = [-1.0] * 8 if kind == "minimum" else [1.0] * 8
    schedule = compute(with_kinds(make_problem(prices, targets=((2.0, 2.0),)), kind))

    assert schedule.soc[-1] == pytest.approx(end)


def test_a_minimum_and_a_maximum_target_at_one_time_conflict_when_they_cross(make_problem):
    both = with_kinds(make_problem(DEAR, targets=((1.0, 2.0), (1.0, 1.5))), "minimum", "maximum")

    assert compute(both).conflicts == (
        "the minimum target of 2 MWh at 2026-03-01T13:00:00Z",
        "the maximum target of 1.5 MWh at 2026-03-01T13:00:00Z",
    )


# Problems that are slack but for one conflict, planted


@st.composite
def planted(draw):
    """Arguments of a problem that is slack but for one conflict, and words that only its members have.

    Stock can be 0 to 100 MWh, power moves 0.5 MWh a slot, the start is in the middle, targets lie far apart.
    """
    where = 50.0
    kind = draw(st.sampled_from(["unreachable", "above", "below", "apart"]))
    slots = 40
    slack = [(draw(st.sampled_from([1.0, 2.0])), where + draw(st.sampled_from([-0.5, 0.0, 0.5])))]
    excess = draw(st.sampled_from([0.001, 0.1, 3.0]))
    sign = draw(st.sampled_from([-1, 1]))
    low, high = 0.0, 100.0
    if kind == "unreachable":
        targets = [(0.5, where + sign * (1.0 + excess))]
        slack = []
        expected = {f"target of {targets[0][1]:.10g}", "power limit", "start"}
    elif kind == "above":
        high = where + 2.0
        targets = [(9.0, high + excess)]
        expected = {f"target of {targets[0][1]:.10g}", "maximum of"}
    elif kind == "below":
        low = where - 2.0
        targets = [(9.0, low - excess)]
        expected = {f"target of {targets[0][1]:.10g}", "minimum of"}
    else:
        first = where + draw(st.sampled_from([-1.0, 0.0, 1.0]))
        targets = [(8.0, first), (8.5, first + sign * (1.0 + excess))]
        expected = {*(f"target of {value:.10g} MWh at" for _, value in targets), "power limit"}
    arguments = {"start": where, "limits": (low, high), "targets": (*slack, *targets)}
    prices = draw(st.lists(st.integers(-50, 100), min_size=slots, max_size=slots))
    return prices, arguments, expected


@given(case=planted())
@settings(max_examples=150, deadline=None)
@pytest.mark.contract("16.8")
def test_exactly_the_planted_conflict_is_reported(make_problem, case):
    prices, arguments, expected = case
    schedule = compute(make_problem(prices, **arguments))

    assert schedule.status is Status.INFEASIBLE
    assert len(schedule.conflicts) == len(expected)
    for words in expected:
        assert sum(words in conflict for conflict in schedule.conflicts) == 1, (words, schedule.conflicts)


# Random problems, judged by an independent program


def feasible(problem, inputs):
    """Whether scipy's linprog finds a plan under these inputs alone; the start, when left out, is free."""
    from scipy.optimize import linprog

    bounds, slots, hours = limits.bounds_of(problem, inputs), len(problem.prices), limits.hours(problem)
    if np.any(bounds.stock_lower > bounds.stock_upper):
        return False
    started = any(each.name == "start" for each in inputs)
    start = (problem.soc_at_start, problem.soc_at_start) if started else (None, None)
    summed = np.hstack([np.ones((slots, 1)), hours * np.tril(np.ones((slots, slots)))])
    low, high = np.isfinite(bounds.stock_lower), np.isfinite(bounds.stock_upper)
    power = zip(bounds.power_lower, bounds.power_upper, strict=True)
    found = linprog(
        np.zeros(slots + 1),
        A_ub=np.vstack([-summed[low], summed[high]]),
        b_ub=np.concatenate([-bounds.stock_lower[low], bounds.stock_upper[high]]),
        bounds=[start, *((None if a < -1e9 else a, None if b > 1e9 else b) for a, b in power)],
        method="highs",
    )
    return found.status == 0


@st.composite
def wishes(draw):
    """Targets at random, of all kinds, on a grid of 0.25 MWh so that feasible and infeasible lie well apart."""
    slots = draw(st.integers(2, 16))
    targets = draw(
        st.lists(
            st.tuples(
                st.integers(1, slots), st.integers(0, 24), st.sampled_from(["exact", "minimum", "maximum"])
            ),
            min_size=1,
            max_size=5,
            unique_by=lambda each: (each[0], each[2]),
        )
    )
    limits_of = draw(st.sampled_from([(0.0, 5.0), (1.0, 2.0), (2.0, 1.0)]))
    start = draw(st.sampled_from([0.4, 1.1, 1.7, 4.3]))
    kind = draw(st.sampled_from(["battery", "one-way_evse", "two-way_evse"]))
    return slots, targets, limits_of, start, kind


def make_random(make_problem, case):
    slots, targets, bounds, start, kind = case
    problem = make_problem([float(j % 5) for j in range(slots)], type=kind, limits=bounds, start=start)
    wanted = tuple(
        Target(value=value / 4, datetime=problem.start + timedelta(minutes=15 * slot), kind=of)
        for slot, value, of in targets
    )
    return replace(problem, targets=wanted)


@given(case=wishes())
@settings(max_examples=120, deadline=None)
@pytest.mark.contract("16.8")
def test_the_reported_set_conflicts_and_does_not_without_any_of_its_members(make_problem, case):
    problem = make_random(make_problem, case)
    inputs = limits.read_limits(problem).inputs
    schedule = compute(problem)

    assert (schedule.status is Status.OPTIMAL) == feasible(problem, inputs)
    if schedule.status is Status.INFEASIBLE:
        reported = [each for each in inputs if each.words in schedule.conflicts]
        assert len(reported) == len(schedule.conflicts)
        assert not feasible(problem, reported)
        for member in reported:
            assert feasible(problem, limits.without(reported, member)), member.words


def least_change_of_targets(problem):
    """By how many MWh targets must be missed at least, by linprog; None when that does not help."""
    from scipy.optimize import linprog

    inputs = limits.read_limits(problem).inputs
    targets = [each for each in inputs if each.target is not None]
    hard = limits.bounds_of(problem, [each for each in inputs if each.target is None])
    if np.any(hard.stock_lower > hard.stock_upper):
        return None
    wished = limits.bounds_of(problem, targets)
    slots, start, identity = len(problem.prices), problem.soc_at_start, np.eye(len(problem.prices))
    summed, none = limits.hours(problem) * np.tril(np.ones((slots, slots))), np.zeros((slots, slots))
    sides = [
        (-summed, hard.stock_lower, -1, none, none),
        (summed, hard.stock_upper, 1, none, none),
        (-summed, wished.stock_lower, -1, -identity, none),
        (summed, wished.stock_upper, 1, none, -identity),
    ]
    given = [np.isfinite(bound) for _, bound, *_ in sides]
    found = linprog(
        np.concatenate([np.zeros(slots), np.ones(2 * slots)]),
        A_ub=np.vstack(
            [np.hstack([rows, *of])[at] for (rows, _, _, *of), at in zip(sides, given, strict=True)]
        ),
        b_ub=np.concatenate(
            [sign * (bound - start)[at] for (_, bound, sign, *_), at in zip(sides, given, strict=True)]
        ),
        bounds=[*zip(hard.power_lower, hard.power_upper, strict=True), *[(0, None)] * (2 * slots)],
        method="highs",
    )
    return found.fun if found.status == 0 else None


def missed(problem, soc):
    """By how many MWh a plan misses the targets, in all; of several at one slot end the tightest."""
    wished = limits.bounds_of(problem, limits.read_limits(problem).targets)
    return np.maximum(wished.stock_lower - soc, 0).sum() + np.maximum(soc - wished.stock_upper, 0).sum()


@given(case=wishes())
@example(case=(2, [(2, 1, "exact"), (2, 2, "minimum")], (0.0, 5.0), 1.1, "battery"))
@settings(max_examples=120, deadline=None)
@pytest.mark.contract("16.8")
def test_relaxed_schedules_miss_targets_by_as_little_as_any_plan(make_problem, case):
    problem = make_random(make_problem, case)
    least = least_change_of_targets(problem)
    assume(compute(problem).status is Status.INFEASIBLE and least is not None)
    schedule = relaxed(problem)

    assert schedule.status is Status.RELAXED
    assert missed(problem, schedule.soc) == pytest.approx(least, abs=1e-6)
    assert "becomes" in schedule.warnings[-1]


def test_a_schedule_that_need_not_be_relaxed_is_the_same_with_relax(make_problem):
    problem = make_problem(DEAR, targets=((1.0, 2.5),))

    assert relaxed(problem).status is Status.OPTIMAL
    assert relaxed(problem).values.tolist() == compute(problem).values.tolist()


@pytest.mark.contract("16.8")
def test_relaxed_limits_give_way_only_where_targets_are_not_enough(make_problem):
    schedule = relaxed(make_problem(DEAR, start=2.0, limits=(3.0, 1.0)))

    assert schedule.status is Status.RELAXED
    assert "the minimum of 3 MWh (min_soc_in_mwh) becomes" in schedule.warnings[-1] or (
        "the maximum of 1 MWh (max_soc_in_mwh) becomes" in schedule.warnings[-1]
    )


def test_the_cheapest_of_the_relaxed_plans_is_taken(make_problem):
    prices = [10.0, 90.0, 85.0, 84.0, 83.0, 82.0, 81.0, 95.0]
    schedule = relaxed(make_problem(prices, start=0.0, targets=((0.5, 1.5),)))

    assert schedule.soc[1] == pytest.approx(1.0)
    assert schedule.soc[-1] == 0.0
    assert schedule.values.tolist() == pytest.approx([2.0, 2.0, -2.0, -2.0, 0.0, 0.0, 2.0, -2.0])
