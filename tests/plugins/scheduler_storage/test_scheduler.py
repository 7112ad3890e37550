"""StorageScheduler: cheapest, within limits, at targets, honest about conflicts."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flexmeasures.errors import AlgorithmError, UnknownPrices
from flexmeasures_algorithms import SensorFacts
from flexmeasures_scheduler_storage import StorageScheduler
from flexmeasures_scheduling import Flexibility, Status

TYPES = ("battery", "one-way_evse", "two-way_evse")


@st.composite
def devices(draw):
    """A device, prices, and targets of which most, but not all, can be reached."""
    slots = draw(st.integers(1, 24))
    kind = draw(st.sampled_from(TYPES))
    cents = draw(st.lists(st.integers(-5000, 15000), min_size=slots, max_size=slots))
    minutes = draw(st.sampled_from([5, 15, 60]))
    capacity = draw(st.sampled_from([0.0037, 0.25, 2.0, 60.0]))
    stock = capacity * draw(st.sampled_from([0.5, 2.0, 8.0]))
    start = stock * draw(st.integers(2, 10)) / 10
    minimum = stock * draw(st.sampled_from([0.0, 0.1, 0.2]))
    at, value, targets = -1, start, {}
    for slot in sorted(draw(st.sets(st.integers(0, slots - 1), max_size=3))):
        reach = capacity * minutes / 60 * (slot - at)
        low = max(minimum, value - (0 if kind == "one-way_evse" else reach))
        wished = low + (min(stock, value + reach) - low) * draw(st.integers(0, 21)) / 20
        targets[slot] = value = round(wished, 6)
        at = slot
    return kind, [cent / 100 for cent in cents], minutes, capacity, (minimum, stock), start, targets


# Of a start that only rounding puts above the maximum, and a target that is really above it.
@example(
    device=("battery", [0.0], 5, 0.0037, (0.0, 0.00185), 0.0018500000000000003, {0: 0.001865}), sooner=False
)
@given(device=devices(), sooner=st.booleans())
@settings(max_examples=150, deadline=None)
@pytest.mark.contract("16.1", "16.2", "16.3", "27.25")
def test_costs_what_an_independent_program_finds_and_keeps_limits_and_targets(
    device, sooner, make_problem, reference
):
    kind, prices, minutes, capacity, (minimum, stock), start, targets = device
    hours = minutes / 60
    problem = make_problem(
        prices,
        type=kind,
        minutes=minutes,
        capacity=capacity,
        limits=(minimum, stock),
        start=start,
        targets=tuple(((slot + 1) * hours, mwh) for slot, mwh in targets.items()),
        sooner=sooner,
    )
    maximum = stock if kind == "battery" else max([stock, start, *targets.values()])
    power = (0 if kind == "one-way_evse" else -capacity, capacity)
    schedule = StorageScheduler().compute(problem)
    expected = reference(prices, hours, start, power, (minimum, maximum), targets)

    assert (schedule.status is Status.OPTIMAL) == (expected.status == 0), (
        schedule.conflicts,
        expected.message,
    )
    if schedule.status is not Status.OPTIMAL:
        assert expected.status == 2
        assert schedule.conflicts
        assert "leave no schedule" not in schedule.conflicts[0]
        return
    assert schedule.objective == pytest.approx(expected.fun, rel=1e-6, abs=1e-6)
    cost = hours * np.dot(prices, schedule.values)
    assert schedule.costs == {"energy": pytest.approx(cost, rel=1e-9, abs=1e-9)}
    assert np.all((schedule.values >= power[0]) & (schedule.values <= power[1]))
    assert np.allclose(schedule.soc, start + hours * np.cumsum(schedule.values), rtol=0, atol=1e-7)
    assert np.all((schedule.soc >= minimum - 1e-9) & (schedule.soc <= maximum + 1e-9))
    for slot, mwh in targets.items():
        assert schedule.soc[slot] == pytest.approx(mwh, abs=1e-9)


def test_accepts_the_three_storage_types_and_no_other():
    def facts(kind, type_):
        return SensorFacts(id=1, name="x", kind=kind, type=type_, unit="MW", resolution=timedelta(minutes=15))

    assert all(StorageScheduler.accepts(facts("asset", type_)) for type_ in TYPES)
    assert not StorageScheduler.accepts(facts("asset", "solar"))
    assert not StorageScheduler.accepts(facts("market", "battery"))


def test_at_a_flat_price_a_battery_only_sells_what_it_holds_and_that_at_the_very_end(make_problem):
    schedule = StorageScheduler().compute(make_problem([100.0] * 192, start=1.0))

    assert schedule.values[:-2].tolist() == [0.0] * 190
    assert schedule.values[-2:].tolist() == pytest.approx([-2.0] * 2)
    assert schedule.soc[-1] == 0.0


def test_at_a_flat_price_an_empty_battery_does_nothing(make_problem):
    for losses in ({}, {"roundtrip_efficiency": 0.8}):
        plain = make_problem([0.0] * 96 if losses else [75.0] * 96, start=0.0)
        schedule = StorageScheduler().compute(replace(plain, flexibility=Flexibility(**losses)))

        assert schedule.values.tolist() == [0.0] * 96


@pytest.mark.parametrize(("slots", "minutes"), [(672, 15), (2016, 5)])
@pytest.mark.contract("16.7")
def test_preference_for_sooner_does_not_vanish_in_long_windows(make_problem, slots, minutes):
    prices = [250.0] * (slots // 2) + [260.0] * (slots // 2)
    schedule = StorageScheduler().compute(make_problem(prices, minutes=minutes, start=1.0))

    full = 4 * 60 // minutes // 2
    assert np.flatnonzero(schedule.values > 0).tolist() == list(range(full))
    assert np.flatnonzero(schedule.values < 0).tolist() == list(range(slots - full - full // 4, slots))


@pytest.mark.parametrize(("prices", "charged"), [([10.0, 10.0], [2.0, 0.0]), ([10.0001, 10.0], [0.0, 2.0])])
def test_sooner_counts_only_among_plans_of_the_same_cost(make_problem, prices, charged):
    schedule = StorageScheduler().compute(make_problem(prices, start=0.0, targets=((0.5, 0.5),)))

    assert schedule.values.tolist() == pytest.approx(charged)
    assert schedule.objective == pytest.approx(schedule.costs["energy"])


def test_without_preference_the_objective_is_the_cost(make_problem):
    schedule = StorageScheduler().compute(make_problem([10.0, 60.0, 30.0], sooner=False))

    assert schedule.objective == pytest.approx(schedule.costs["energy"])


@pytest.mark.contract("16.1")
def test_battery_sells_out_at_positive_and_fills_at_negative_prices(make_problem):
    assert StorageScheduler().compute(make_problem([50.0] * 8)).soc[-1] == 0.0
    assert StorageScheduler().compute(make_problem([-50.0] * 8)).soc[-1] == pytest.approx(5.0)


@pytest.mark.contract("16.3")
def test_battery_without_limits_has_minimum_zero_and_no_maximum(make_problem):
    cheap = StorageScheduler().compute(make_problem([-1.0] * 200, limits=(None, None)))
    dear = StorageScheduler().compute(make_problem([1.0] * 200, limits=(None, None)))

    assert cheap.soc[-1] == pytest.approx(101.0)
    assert dear.soc.min() == 0.0


def test_costs_of_prices_per_kwh_are_those_of_the_same_prices_per_mwh(make_problem):
    per_mwh = StorageScheduler().compute(make_problem([70000.0, 90000.0, 150000.0], unit="KRW/MWh"))
    per_kwh = StorageScheduler().compute(make_problem([70.0, 90.0, 150.0], unit="KRW/kWh"))

    assert per_kwh.values.tolist() == per_mwh.values.tolist() == pytest.approx([0.0, -2.0, -2.0])
    assert per_kwh.costs == per_mwh.costs == {"energy": pytest.approx(-0.5 * 240000)}


def test_a_price_that_is_not_per_energy_is_refused(make_problem):
    with pytest.raises(AlgorithmError, match=r"unit of the prices is 'EUR'.*EUR/MWh or KRW/kWh"):
        StorageScheduler().compute(make_problem([1.0], unit="EUR"))


@pytest.mark.parametrize("prices", [[], [1.0, float("nan")]])
def test_missing_prices_are_unknown_prices(make_problem, prices):
    with pytest.raises(UnknownPrices, match="Prices unknown"):
        StorageScheduler().compute(make_problem(prices))


@pytest.mark.parametrize("capacity", [None, -1.0, float("nan"), float("inf")])
def test_an_asset_without_usable_capacity_is_refused_by_name(make_problem, capacity):
    with pytest.raises(AlgorithmError, match="capacity_in_mw of asset 'the device'"):
        StorageScheduler().compute(make_problem([1.0], capacity=capacity))


def test_an_asset_of_capacity_zero_does_nothing(make_problem):
    schedule = StorageScheduler().compute(make_problem([1.0, -1.0], capacity=0.0))

    assert schedule.status is Status.OPTIMAL
    assert schedule.values.tolist() == [0.0, 0.0]


def test_baseline_of_a_battery_is_to_do_nothing(make_problem):
    schedule = StorageScheduler().compute(make_problem([10.0, 20.0], targets=((0.5, 1.5),)))

    assert schedule.baseline.tolist() == [0.0, 0.0]
    assert schedule.baseline_costs == {"energy": 0.0}


@pytest.mark.parametrize("kind", ["one-way_evse", "two-way_evse"])
def test_baseline_of_a_station_is_to_charge_at_once_to_its_highest_target(make_problem, kind):
    problem = make_problem([40.0, 30.0, 20.0, 10.0], type=kind, limits=(None, None), targets=((1.0, 1.75),))
    schedule = StorageScheduler().compute(problem)

    assert schedule.baseline.tolist() == pytest.approx([2.0, 1.0, 0.0, 0.0])
    assert schedule.baseline_costs == {"energy": pytest.approx(20.0 + 7.5)}
    assert schedule.costs["energy"] < schedule.baseline_costs["energy"]


def test_baseline_of_a_station_without_target_is_to_do_nothing(make_problem):
    schedule = StorageScheduler().compute(make_problem([-10.0] * 4, type="two-way_evse"))

    assert schedule.baseline.tolist() == [0.0] * 4


def test_a_schedule_found_again_is_the_same(make_problem):
    prices = np.random.default_rng(7).normal(50, 30, 192)
    first, second = (StorageScheduler().compute(make_problem(prices)) for _ in range(2))

    assert first.values.tolist() == second.values.tolist()


def test_the_solver_is_the_one_of_the_setting(make_problem):
    from flask import Flask

    app = Flask(__name__)
    app.config["FLEXMEASURES_LP_SOLVER"] = "nosuchsolver"
    with app.app_context(), pytest.raises(AlgorithmError, match=r"'nosuchsolver'.*not installed"):
        StorageScheduler().compute(make_problem([1.0]))


def test_the_plugin_brings_the_scheduler_and_imports_nothing_heavy():
    program = (
        "import sys, flexmeasures_scheduler_storage as plugin;"
        "print([s.name for s in plugin.register_schedulers()],"
        " [m for m in ('numpy', 'scipy', 'pandas', 'pyomo', 'highspy', 'flask') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "['storage'] []"
