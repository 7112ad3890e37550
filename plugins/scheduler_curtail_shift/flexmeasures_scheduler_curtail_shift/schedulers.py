"""Reads a problem, lets it be solved, and words the answer: the schedulers `curtailment` and `shifting`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flexmeasures.errors import AlgorithmError, NotEnoughData
from flexmeasures.models.sources import EXPECTING
from flexmeasures.timing import floor_time, iso_duration, iso_time
from flexmeasures_algorithms import SensorFacts
from flexmeasures_scheduler_curtail_shift.attributes import (
    CURTAILMENT,
    PROCESS,
    CurtailmentSchema,
    ProcessSchema,
    read,
)
from flexmeasures_scheduler_curtail_shift.curtailing import CannotCurtail, Curtailment, curtail
from flexmeasures_scheduler_curtail_shift.shifting import Process, at_once, place
from flexmeasures_scheduling import (
    Explanation,
    Schedule,
    Scheduler,
    SchedulingProblem,
    Status,
    preference_for_sooner,
    prices_per_mwh,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class CurtailmentScheduler(Scheduler):
    """Lowers the expected production or consumption where that pays, or where a limit asks for it."""

    name: ClassVar[str] = "curtailment"
    version: ClassVar[str] = "1"

    @classmethod
    def accepts(cls, asset: SensorFacts) -> bool:
        """Assets with the attribute `curtailment`."""
        return isinstance(asset.attributes.get(CURTAILMENT), dict)

    def compute(self, problem: SchedulingProblem) -> Schedule:
        """Plan against the newest forecast of the asset's power; NotEnoughData where there is none."""
        asset = problem.asset
        wanted = read(CurtailmentSchema(), CURTAILMENT, asset.attributes, asset.name)
        expected, prices = _expected(problem), prices_per_mwh(problem)
        task = Curtailment(
            expected=expected,
            hours=_hours(problem),
            prices=prices,
            share=wanted["share"],
            cost=wanted["price_per_mwh"],
            limit=wanted["limit_in_mw"],
            volume=wanted["most_in_mwh"],
        )
        try:
            power = curtail(task)
        except CannotCurtail as reason:
            conflicts, advice = _why_not(task, reason)
            return Schedule.infeasible(expected, conflicts=conflicts, advice=(advice,))
        costs = {"energy": task.hours * prices * power}
        if task.cost:
            costs["curtailment"] = task.hours * task.cost * abs(expected - power)
        return _planned(power, expected, costs, {"energy": task.hours * prices * expected})


class ShiftingScheduler(Scheduler):
    """Lets a process run when it is cheapest, within the time that it may run in."""

    name: ClassVar[str] = "shifting"
    version: ClassVar[str] = "1"

    @classmethod
    def accepts(cls, asset: SensorFacts) -> bool:
        """Assets with the attribute `process`."""
        return isinstance(asset.attributes.get(PROCESS), dict)

    def compute(self, problem: SchedulingProblem) -> Schedule:
        """Plan; where the process has no room the schedule is infeasible, and says what conflicts."""
        import numpy as np

        wanted = read(ProcessSchema(), PROCESS, problem.asset.attributes, problem.asset.name)
        slots, rest = divmod(wanted["duration"], problem.resolution)
        if rest:
            raise AlgorithmError(
                f"The duration {iso_duration(wanted['duration'])} of the process of asset {problem.asset.name!r} is"
                f" no multiple of its resolution {iso_duration(problem.resolution)}."
            )
        prices, hours = prices_per_mwh(problem), _hours(problem)
        slope = preference_for_sooner(prices) if problem.prefer_charging_sooner else np.zeros(len(prices))
        first, last = _window(problem, wanted)
        profile = np.full(slots, wanted["power_in_mw"])
        process = Process(
            profile=profile,
            prices=prices + np.sign(wanted["power_in_mw"]) * slope,
            hours=hours,
            first=first,
            last=last,
            interruptible=wanted["interruptible"],
        )
        if not process.fits:
            conflicts, advice = _no_room(problem, wanted, process)
            unknown = np.full(len(prices), np.nan)
            return Schedule.infeasible(unknown, conflicts=conflicts, advice=(advice,))
        power, soonest = place(process), at_once(process)
        return _planned(
            power, soonest, {"energy": hours * prices * power}, {"energy": hours * prices * soonest}
        )


# -- reading -------------------------------------------------------------------------------------------


def _hours(problem: SchedulingProblem) -> float:
    return problem.resolution.total_seconds() / 3600


def _expected(problem: SchedulingProblem) -> Floats:
    """What the asset is expected to do by itself: the newest belief about each slot, of anybody but schedulers."""
    import numpy as np

    if problem.read is None:
        raise AlgorithmError("The scheduler curtailment needs to read the forecast of the asset.")
    series = problem.read(
        problem.asset.id,
        problem.start,
        problem.end,
        resolution=problem.resolution,
        source_types=EXPECTING,
    )
    missing = np.flatnonzero(np.isnan(series.values))
    if len(missing):
        since = problem.start + int(missing[0]) * problem.resolution
        raise NotEnoughData(
            f"There is no forecast of asset {problem.asset.name!r} for {len(missing)} of {len(series)} slots, the"
            f" first at {iso_time(since)}. Make one: flexmeasures add forecasts --asset-id {problem.asset.id}."
        )
    return series.values


def _window(problem: SchedulingProblem, wanted: dict[str, Any]) -> tuple[int, int]:
    """The first slot that starts at or after the earliest start; the end of the last that ends by the latest end."""
    earliest, latest = wanted["earliest_start"], wanted["latest_end"]
    first, last = 0, len(problem.prices)
    if earliest is not None:
        first = max(0, -((problem.start - earliest) // problem.resolution))
    if latest is not None:
        end = floor_time(latest, problem.resolution)
        last = min(last, max(0, (end - problem.start) // problem.resolution))
    return first, last


# -- wording -------------------------------------------------------------------------------------------


def _planned(
    power: Floats,
    baseline: Floats,
    costs: dict[str, Floats],
    baseline_costs: dict[str, Floats],
) -> Schedule:
    import numpy as np

    spent = {name: float(values.sum()) for name, values in costs.items()}
    return Schedule(
        status=Status.OPTIMAL,
        values=power,
        soc=np.zeros(len(power)),
        baseline=baseline,
        costs=spent,
        baseline_costs={name: float(values.sum()) for name, values in baseline_costs.items()},
        objective=sum(spent.values()),
        explanation=Explanation(cost_slots=costs, baseline_cost_slots=baseline_costs),
    )


def _why_not(task: Curtailment, reason: CannotCurtail) -> tuple[tuple[str, ...], str]:
    limit = f"the limit of {task.limit:.10g} MW (limit_in_mw)"
    if reason.too_much > 0:
        reachable = task.limit + reason.too_much
        conflicts = (limit, f"the share of {task.share:.10g} that may be curtailed (share)")
        return conflicts, f"The nearest limit that can be kept is {reachable:.6g} MW."
    conflicts = (limit, f"the volume of {task.volume:.10g} MWh that may be curtailed (most_in_mwh)")
    return conflicts, f"The limit asks for {reason.needed:.6g} MWh to be curtailed."


def _no_room(
    problem: SchedulingProblem, wanted: dict[str, Any], process: Process
) -> tuple[tuple[str, ...], str]:
    """A minimal set of the user's inputs that conflict, and how much room there is."""
    bounds = {key: wanted[key] for key in ("earliest_start", "latest_end") if wanted[key] is not None}
    for key in list(bounds):
        first, last = _window(problem, {"earliest_start": None, "latest_end": None} | bounds | {key: None})
        if len(process.profile) > last - first:  # no room without it either
            del bounds[key]
    conflicts = [f"the duration of {iso_duration(wanted['duration'])} (duration)"]
    conflicts += [f"the {key.replace('_', ' ')} {iso_time(moment)} ({key})" for key, moment in bounds.items()]
    room = max(process.last - process.first, 0) * problem.resolution
    window = f"{iso_time(problem.start)} to {iso_time(problem.end)}"
    return tuple(conflicts), f"There is room for {iso_duration(room)}, within the window from {window}."
