"""flexmeasures.solving: what any scheduler returns is verified before it is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from flexmeasures.errors import AlgorithmError
from flexmeasures_algorithms import SensorFacts
from flexmeasures_scheduling import (
    Connection,
    Flexibility,
    Schedule,
    SchedulingProblem,
    SitePlan,
    Status,
    Target,
    solve_site,
    verify,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SLOTS = 8


def problem(**changes: Any) -> SchedulingProblem:
    """A battery of 0.5 MW and 0.1 to 2 MWh that starts at 1 MWh."""
    facts: dict[str, Any] = {"type": "battery", "capacity_in_mw": 0.5}
    facts |= {"min_soc_in_mwh": 0.1, "max_soc_in_mwh": 2.0}
    facts |= {name: changes.pop(name) for name in tuple(changes) if name in {*facts, "attributes"}}
    asset = SensorFacts(id=1, name="it", kind="asset", unit="MW", resolution=QUARTER, **facts)
    stated: dict[str, Any] = {"prices": np.ones(SLOTS), "soc_at_start": 1.0} | changes
    return SchedulingProblem(asset=asset, start=START, resolution=QUARTER, price_unit="EUR/MWh", **stated)


def schedule(values: Any = 0.0, soc: Any = 1.0, **changes: Any) -> Schedule:
    def spread(given: Any) -> Any:
        return given if isinstance(given, list | np.ndarray) else np.full(SLOTS, given)

    stated: dict[str, Any] = {"status": Status.OPTIMAL, "baseline": np.zeros(SLOTS)} | changes
    return Schedule(values=spread(values), soc=spread(soc), **stated)


def refused(answer: Any, **changes: Any) -> str:
    with pytest.raises(AlgorithmError) as caught:
        verify(answer, problem(**changes), "theirs")
    return str(caught.value)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (None, "it returned None. Accepted: a Schedule."),
        ([0.0] * SLOTS, "it returned a list. Accepted: a Schedule."),
        (SimpleNamespace(status=Status.OPTIMAL), "it returned a SimpleNamespace. Accepted: a Schedule."),
        (schedule(1j), "it gave values of type complex128. Accepted: 8 real numbers, one a slot."),
        (schedule("much"), "it gave values of type <U4. Accepted: 8 real numbers, one a slot."),
        (schedule(True), "it gave values of type bool. Accepted: 8 real numbers, one a slot."),
        (
            schedule(np.array([None] * SLOTS)),
            "it gave values of type object. Accepted: 8 real numbers, one a slot.",
        ),
        (
            schedule([[1.0], [1.0, 2.0]]),
            "it gave values of type object. Accepted: 8 real numbers, one a slot.",
        ),
        (
            schedule(1e6),
            "it has a power of 1000000 MW at 2026-03-01T00:00:00Z. Accepted: -0.5 to 0.5 MW, within 5.1e-05 MW.",
        ),
        (
            schedule(soc=[1, 1, 1, 2.1, 1, 1, 1, 1]),
            "it has a state of charge of 2.1 MWh at 2026-03-01T01:00:00Z. Accepted: 0.1 to 2 MWh, within",
        ),
        (schedule(soc=0.0), "it has a state of charge of 0 MWh at 2026-03-01T00:15:00Z."),
    ],
)
def test_what_is_no_schedule_of_the_problem_is_refused_with_scheduler_fault_and_what_is_accepted(
    answer: Any, fault: str
) -> None:
    assert refused(answer).startswith(f"The schedule of scheduler theirs is not stored: {fault}")


@pytest.mark.parametrize("what", ["values", "soc", "baseline"])
@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((SLOTS, 1)), np.full(SLOTS, np.inf), 0.0])
def test_each_array_has_one_finite_number_a_slot(what: str, wrong: Any) -> None:
    answer = schedule()
    object.__setattr__(answer, what, wrong)
    assert refused(answer).startswith(f"The scheduler theirs gave {what} of shape {np.shape(wrong)};")


@pytest.mark.parametrize(
    "costs",
    [
        {"costs": None},
        {"costs": [1.0]},
        {"costs": {"electricity": 10**400}},
        {"costs": {"electricity": 1j}},
        {"objective": float("nan")},
        {"baseline_costs": {"x": "1"}},
    ],
)
def test_costs_are_finite_numbers(costs: dict[str, Any]) -> None:
    assert refused(schedule(**costs)) == "The scheduler theirs gave costs that are no finite numbers."


def test_masked_numbers_are_refused() -> None:
    masked = np.ma.array(np.zeros(SLOTS), mask=[True] + [False] * (SLOTS - 1))
    assert "it gave values of which some are masked" in refused(schedule(masked))


def test_a_series_of_pandas_is_of_the_window_that_was_asked_for() -> None:
    import pandas as pd

    right = pd.date_range(START, periods=SLOTS, freq="15min")
    verify(schedule(pd.Series(0.0, index=right).to_numpy()), problem(), "theirs")
    for index in (right + pd.Timedelta("1h"), right.tz_localize(None)):
        answer = schedule()
        object.__setattr__(answer, "values", pd.Series(0.0, index=index))
        fault = refused(answer)
        assert "Accepted: the slots from 2026-03-01T00:00:00Z to 2026-03-01T01:45:00Z" in fault
    object.__setattr__(answer, "values", pd.Series(0.0, index=right))
    verify(answer, problem(), "theirs")


@pytest.mark.parametrize("kind", ["exact", "minimum", "maximum"])
@pytest.mark.parametrize("is_state", [0.5, 1.0, 1.5])
def test_a_target_is_met_by_its_kind(kind: str, is_state: float) -> None:
    target = Target(value=1.0, datetime=START + timedelta(hours=1), kind=kind)
    met = is_state == 1.0 or (kind, is_state) in (("minimum", 1.5), ("maximum", 0.5))
    if met:
        verify(schedule(soc=is_state), problem(targets=(target,)), "theirs")
        return
    fault = refused(schedule(soc=is_state), targets=(target,))
    assert f"state of charge of {is_state:.10g} MWh at 2026-03-01T01:00:00Z" in fault
    assert f"the {kind} target of 1 MWh, within 0.000201 MWh" in fault


def test_a_relaxed_schedule_may_miss_targets_and_stock_limits_but_never_the_power() -> None:
    target = Target(value=1.9, datetime=START + timedelta(hours=1))
    verify(schedule(soc=2.5, status=Status.RELAXED), problem(targets=(target,)), "theirs")
    assert "power of 0.6 MW" in refused(schedule(0.6, status=Status.RELAXED))


@pytest.mark.parametrize(("start", "soc"), [(0.05, 0.05), (0.05, 0.04), (2.4, 2.4), (2.4, 2.3)])
def test_a_start_outside_of_the_limits_is_no_fault_of_the_schedule(start: float, soc: float) -> None:
    verify(schedule(soc=soc), problem(soc_at_start=start), "theirs")


def test_rounding_is_no_fault() -> None:
    verify(schedule(0.50004, soc=2.0001), problem(), "theirs")


@pytest.mark.parametrize(
    ("flexibility", "power"),
    [({"charge_limit_in_mw": 0.2}, 0.3), ({"discharge_limit_in_mw": 0.2}, -0.3)],
)
def test_the_user_s_own_power_limits_count(flexibility: dict[str, float], power: float) -> None:
    assert f"power of {power} MW" in refused(schedule(power), flexibility=Flexibility(**flexibility))


def test_a_one_way_charging_station_does_not_discharge() -> None:
    assert "power of -0.1 MW" in refused(schedule(-0.1), type="one-way_evse")
    verify(schedule(-0.1), problem(type="two-way_evse"), "theirs")


def test_the_battery_of_a_charging_station_holds_what_its_targets_ask() -> None:
    target = Target(value=3.0, datetime=START + SLOTS * QUARTER)
    soc = np.linspace(1, 3, SLOTS)
    verify(schedule(soc=soc), problem(type="two-way_evse", targets=(target,)), "theirs")
    assert "state of charge of 3.1" in refused(
        schedule(soc=[*soc[:-1], 3.1]), type="two-way_evse", targets=(target,)
    )


def test_an_asset_without_a_store_has_no_state_of_charge_to_verify() -> None:
    stock = {"min_soc_in_mwh": None, "max_soc_in_mwh": None}
    verify(schedule(soc=-7.0), problem(type="solar", **stock), "theirs")


@pytest.mark.usefixtures("in_app")
class TestSite:
    def test_the_net_power_keeps_to_the_connection(self) -> None:
        scheduler = _of_site(schedule(0.4), schedule(0.4))
        with pytest.raises(AlgorithmError, match=r"net power of the site of 0.8 MW at 2026-03-01T00:00:00Z"):
            solve_site(scheduler, [problem(), problem()], _connection(0.0))

    def test_what_inflexible_assets_take_is_no_fault_of_the_plan(self) -> None:
        solve_site(_of_site(schedule(0.0), schedule(0.0)), [problem(), problem()], _connection(0.9))

    def test_one_schedule_an_asset(self) -> None:
        with pytest.raises(AlgorithmError, match=r"it returned 1 schedules. Accepted: 2, one an asset"):
            solve_site(_of_site(schedule()), [problem(), problem()], _connection(0.0))

    def test_none_is_named(self) -> None:
        with pytest.raises(AlgorithmError, match=r"theirs is not stored: it returned None for a site"):
            solve_site(_of_site(), [problem()], _connection(0.0))


def _connection(base: float) -> Connection:
    return Connection(base=np.full(SLOTS, base), consumption_limit=0.6, production_limit=0.6)


def _of_site(*schedules: Schedule) -> Any:
    class Theirs:
        name = "theirs"

        def compute_site(self, problems: Any, connection: Any) -> SitePlan | None:
            return SitePlan(schedules=schedules) if schedules else None

    return Theirs
