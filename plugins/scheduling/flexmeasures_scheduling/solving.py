"""Calling a scheduler: outside of any transaction, and what it returns is verified before anybody uses it.

Verified are the kind of each number, the length, the power, the state of charge and the targets, for every
scheduler alike. Tolerances: a share TOLERANCE of the capacity or of the store, and ROUNDING in MW or MWh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from flexmeasures.db import db
from flexmeasures.errors import AlgorithmError, InfeasibleProblem
from flexmeasures.timing import iso_time
from flexmeasures_scheduling.base import (
    Connection,
    Schedule,
    Scheduler,
    SchedulingProblem,
    SitePlan,
    Status,
    Target,
)

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

TOLERANCE = 1e-4
ROUNDING = 1e-6
CHARGING_STATIONS = ("one-way_evse", "two-way_evse")


def solve(scheduler: type[Scheduler], problem: SchedulingProblem, *, infeasible: bool = False) -> Schedule:
    """Let a scheduler plan one asset.

    Args:
        infeasible: Give also a schedule that says that there is none, and why.

    Raises:
        InfeasibleProblem: The user's inputs conflict; the text names them.
        AlgorithmError: There is no plan, or it is none that can be stored; the text names the scheduler.
    """
    schedule: Schedule = _outside_of_transactions(lambda: scheduler().compute(problem))
    if infeasible and getattr(schedule, "status", None) is Status.INFEASIBLE:
        return schedule
    verify(schedule, problem, scheduler.name)
    return schedule


def solve_site(
    scheduler: type[Scheduler], problems: Sequence[SchedulingProblem], connection: Connection
) -> SitePlan:
    """Let a scheduler plan the assets of a site together. Raises as `solve`."""
    plan = _outside_of_transactions(lambda: scheduler().compute_site(problems, connection))
    if not isinstance(plan, SitePlan):
        raise _wrong(scheduler.name, f"returned {_kind(plan)} for a site", "a SitePlan")
    if len(plan.schedules) != len(problems):
        raise _wrong(
            scheduler.name, f"returned {len(plan.schedules)} schedules", f"{len(problems)}, one an asset"
        )
    for schedule, problem in zip(plan.schedules, problems, strict=True):
        verify(schedule, problem, scheduler.name)
    if all(schedule.status is Status.OPTIMAL for schedule in plan.schedules):
        net = connection.base + sum(schedule.values for schedule in plan.schedules)
        lower, upper = -connection.production_limit, connection.consumption_limit
        # What inflexible assets take may alone be more than the connection carries; assets cannot mend that.
        lower, upper = min(lower, float(connection.base.min())), max(upper, float(connection.base.max()))
        _within(scheduler.name, problems[0], "net power of the site", "MW", net, lower, upper)
    return plan


def _outside_of_transactions(compute: Callable[[], Any]) -> Any:
    db.session.commit()
    answer = compute()
    session = db.session
    if session.new or session.dirty or session.deleted:
        session.rollback()  # a scheduler is asked for a schedule; nothing else of it is stored
    else:
        session.commit()
    return answer


def verify(schedule: Any, problem: SchedulingProblem, name: str) -> None:
    """Let only a whole plan pass, optimal or relaxed as was asked for, that keeps to the problem. Raises as `solve`.

    A relaxed plan need not reach the targets, nor keep the state of charge within its limits.
    """
    if not isinstance(schedule, Schedule):
        raise _wrong(name, f"returned {_kind(schedule)}", "a Schedule")
    if schedule.status is Status.INFEASIBLE:
        reasons = "; ".join(map(str, schedule.conflicts)) or "the limits and targets"
        text = f"The problem is infeasible. These inputs conflict: {reasons}.".replace("..", ".")
        raise InfeasibleProblem(" ".join([text, *map(str, schedule.advice)]))
    if schedule.status not in (Status.OPTIMAL, Status.RELAXED):
        ended = schedule.status.value if isinstance(schedule.status, Status) else repr(schedule.status)
        raise AlgorithmError(f"The scheduler {name} found no plan: {ended}.")
    values, soc, _ = (_numbers(schedule, what, problem, name) for what in ("values", "soc", "baseline"))
    _verify_costs(schedule, name)
    _within(name, problem, "power", "MW", values, *_power_limits(problem))
    if schedule.status is Status.OPTIMAL and _has_store(problem):
        lower, upper = _stock_limits(problem)
        _within(name, problem, "state of charge", "MWh", soc, lower, upper)
        for target in _targets(problem):
            _verify_target(name, problem, soc, target, upper)


def _numbers(schedule: Schedule, what: str, problem: SchedulingProblem, name: str) -> Floats:
    import numpy as np

    slots, given = len(problem.prices), getattr(schedule, what)
    if np.ma.is_masked(given):
        raise _wrong(name, f"gave {what} of which some are masked", f"{slots} real numbers, one a slot")
    _verify_index(given, what, problem, name)
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iuf":
        raise _wrong(name, f"gave {what} of type {array.dtype}", f"{slots} real numbers, one a slot")
    if array.shape != (slots,) or not np.isfinite(array).all():
        raise AlgorithmError(
            f"The scheduler {name} gave {what} of shape {array.shape}; expected are {slots}"
            " numbers, one a slot, all finite."
        )
    return array.astype(np.float64)


def _verify_index(given: Any, what: str, problem: SchedulingProblem, name: str) -> None:
    """Of a series of pandas with times: whether these are the starts of the window's slots."""
    times = getattr(given, "index", None)
    if times is None or callable(times) or len(times) != len(problem.prices):
        return
    if isinstance(times[0], datetime):
        first, last = problem.start, problem.end - problem.resolution
        try:
            fits = times[0] == first and times[-1] == last
        except TypeError:  # a time without UTC offset
            fits = False
        if not fits:
            window = f"the slots from {iso_time(first)} to {iso_time(last)}"
            raise _wrong(name, f"gave {what} for the slots from {times[0]} to {times[-1]}", window)


def _verify_costs(schedule: Schedule, name: str) -> None:
    import numpy as np

    try:
        figures = [schedule.objective, *schedule.costs.values(), *schedule.baseline_costs.values()]
        numbers = [isinstance(figure, int | float | np.integer | np.floating) for figure in figures]
        finite = all(numbers) and all(isfinite(float(figure)) for figure in figures)
    except (AttributeError, OverflowError, TypeError):
        finite = False
    if not finite:
        raise AlgorithmError(f"The scheduler {name} gave costs that are no finite numbers.")


def _power_limits(problem: SchedulingProblem) -> tuple[float, float]:
    """Least and largest power in MW."""
    capacity, asked = problem.asset.capacity_in_mw, problem.flexibility
    most = inf if capacity is None else capacity
    charge, discharge = asked.charge_limit_in_mw, asked.discharge_limit_in_mw
    upper = most if charge is None else min(most, charge)
    lower = -most if discharge is None else -min(most, discharge)
    return (0.0 if problem.asset.type == "one-way_evse" else lower), upper


def _has_store(problem: SchedulingProblem) -> bool:
    asset = problem.asset
    return asset.type in ("battery", *CHARGING_STATIONS) or asset.max_soc_in_mwh is not None


def _stock_limits(problem: SchedulingProblem) -> tuple[float, float]:
    """Least and largest state of charge in MWh: the asset's, widened to a start outside of them.

    The battery behind a charging station is unknown: it holds what its targets ask.
    """
    asset, start = problem.asset, problem.soc_at_start
    lower = asset.min_soc_in_mwh if asset.min_soc_in_mwh is not None else 0.0
    upper = asset.max_soc_in_mwh if asset.max_soc_in_mwh is not None else inf
    if asset.type != "battery":
        wanted = [target.value for target in problem.targets]
        upper = max([upper, *wanted]) if upper < inf else max([start, lower, *wanted])
    # Losses may take a store below where it starts, if that is below the minimum.
    return (lower if start >= lower else min(0.0, start)), max(upper, start)


def _targets(problem: SchedulingProblem) -> list[tuple[int, Target]]:
    """The targets that apply, each with the slot at whose end; of two of one kind at one slot end the later."""
    found: dict[tuple[int, str], Target] = {}
    for target in sorted(problem.targets, key=lambda each: each.datetime):
        slot = (target.datetime - problem.start) // problem.resolution - 1
        if 0 <= slot < len(problem.prices):
            found[slot, target.kind] = target
    return [(slot, target) for (slot, _), target in found.items()]


def _verify_target(
    name: str, problem: SchedulingProblem, soc: Floats, placed: tuple[int, Target], store: float
) -> None:
    slot, target = placed
    is_state, slack = float(soc[slot]), _slack(max(abs(target.value), store if store < inf else 0.0))
    below, above = is_state < target.value - slack, is_state > target.value + slack
    if (below and target.kind != "maximum") or (above and target.kind != "minimum"):
        raise _wrong(
            name,
            f"has a state of charge of {is_state:.10g} MWh at {iso_time(target.datetime)}",
            f"the {target.kind} target of {target.value:.10g} MWh, within {slack:.3g} MWh",
        )


def _within(
    name: str, problem: SchedulingProblem, what: str, unit: str, values: Floats, lower: float, upper: float
) -> None:
    import numpy as np

    slack = _slack(max((abs(bound) for bound in (lower, upper) if abs(bound) < inf), default=0.0))
    outside = np.flatnonzero((values < lower - slack) | (values > upper + slack))
    if len(outside):
        slot = int(outside[0])
        at = problem.start + slot * problem.resolution
        if unit == "MWh":
            at += problem.resolution  # the state at the end of the slot
        raise _wrong(
            name,
            f"has a {what} of {values[slot]:.10g} {unit} at {iso_time(at)}",
            f"{lower:.10g} to {upper:.10g} {unit}, within {slack:.3g} {unit}",
        )


def _slack(size: float) -> float:
    return TOLERANCE * size + ROUNDING


def _kind(thing: Any) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"


def _wrong(name: str, fault: str, accepted: str) -> AlgorithmError:
    return AlgorithmError(
        f"The schedule of scheduler {name} is not stored: it {fault}. Accepted: {accepted}."
    )
