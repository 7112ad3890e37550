"""Why there is no schedule: a minimal set of the user's own inputs that conflict, and what would do instead.

The set is found by a deletion filter (Chinneck and Dravnieks, 1991): each input in turn is taken away, for
good if the rest still conflicts; what is left conflicts, and would not without any one of its members. The
nearest reachable value of a target is what all other inputs leave. The cheapest relaxation misses the targets
by the fewest MWh in all, and limits of the state of charge only where no change of targets helps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage.limits import POWER, ROUNDING, Bounds, Input, Limits, bounds_of, without
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduler_storage.lp.reachable_stock import Reach
from flexmeasures_scheduling import SchedulingProblem

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

# By which share of the largest change in a slot limits may be missed, as the solver may miss them.
TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Relaxation:
    """Bounds that can be kept, and what had to be given up for them: pairs of an input and its new value."""

    bounds: Bounds
    changes: tuple[tuple[Input, float], ...]

    @property
    def words(self) -> str:
        """What is given up, for users."""
        return "; ".join(f"{each.words} becomes {value:.10g} {each.unit}" for each, value in self.changes)


def minimal_conflict(inputs: Sequence[Input], feasible: Callable[[Sequence[Input]], bool]) -> list[Input]:
    """Inputs that conflict, none of which could be left out without solving the conflict; [] if none do."""
    if feasible(inputs):
        return []
    kept = list(inputs)
    for each in inputs:
        rest = without(kept, each)
        if not feasible(rest):
            kept = rest
    return kept


def find_conflict(problem: SchedulingProblem, storage: solve.StorageProblem, limits: Limits) -> list[Input]:
    """A minimal set of the user's inputs that conflict, targets first; [] when no tolerance is too small."""
    for tolerance in (TOLERANCE, 0.0):

        def feasible(inputs: Sequence[Input], tolerance: float = tolerance) -> bool:
            return reach_of(problem, storage, inputs, tolerance).feasible

        if found := minimal_conflict(limits.inputs, feasible):
            return found
    return []


def reach_of(
    problem: SchedulingProblem, storage: solve.StorageProblem, inputs: Sequence[Input], tolerance: float
) -> Reach:
    """What can be reached under these inputs alone; without the start, from anywhere."""
    bounds = bounds_of(problem, inputs)
    started = any(each.name == "start" for each in inputs)
    slots = range(len(problem.prices))
    at_nothing = replace(storage, start=0.0)
    least = [solve.next_stock(at_nothing, j, 0.0, float(bounds.power_lower[j])) for j in slots]
    most = [solve.next_stock(at_nothing, j, 0.0, float(bounds.power_upper[j])) for j in slots]
    size = storage.hours * float(max(abs(storage.power_lower).max(), abs(storage.power_upper).max()))
    return Reach(
        start=(storage.start, storage.start) if started else (-inf, inf),
        least_gain=least,
        most_gain=most,
        retention=storage.retention,
        lower=bounds.stock_lower.tolist(),
        upper=bounds.stock_upper.tolist(),
        tolerance=tolerance * size,
    )


def nearest_reachable(
    problem: SchedulingProblem, storage: solve.StorageProblem, inputs: Sequence[Input], target: Input
) -> float | None:
    """The stock (MWh) nearest to a target that all other inputs leave; None when these conflict as well."""
    if target.slot is None:
        return None
    reach = reach_of(problem, storage, without(inputs, target), TOLERANCE)
    there, back = reach.forwards(), reach.backwards()
    if there is None or back is None:
        return None
    low = max(there[target.slot][0], back[target.slot][0])
    high = min(there[target.slot][1], back[target.slot][1])
    return min(max(target.value, low), high)


def relax(
    problem: SchedulingProblem, storage: solve.StorageProblem, limits: Limits, solver: str
) -> Relaxation | None:
    """The cheapest relaxation: of targets if that is enough, else of all limits of the state of charge.

    None when no change of these helps.
    """
    others = [each for each in limits.inputs if each.target is None]
    powers = [each for each in others if each.power_lower is not None or each.power_upper is not None]
    stocks = [each for each in limits.inputs if each not in powers]
    for hard, wished in ((others, limits.targets), (powers, stocks)):
        relaxation = _relaxed(problem, storage, hard, wished, solver)
        if relaxation is not None:
            return relaxation
    return None


def _relaxed(
    problem: SchedulingProblem,
    storage: solve.StorageProblem,
    hard: Sequence[Input],
    wished: Sequence[Input],
    solver: str,
) -> Relaxation | None:
    """Keep the hard inputs, and miss the wished ones by as little as possible."""
    kept, wishes = bounds_of(problem, hard), bounds_of(problem, wished)
    solution = solve.solve(wishing(storage, kept, wishes), solver)
    if solution.outcome is solve.Outcome.INFEASIBLE:
        return None
    return loosened(kept, wishes, wished, solution.stock)


def wishing(storage: solve.StorageProblem, kept: Bounds, wishes: Bounds) -> solve.StorageProblem:
    """The program that has to keep the one, and misses the other by as little as possible."""
    return replace(
        storage,
        stock_lower=kept.stock_lower,
        stock_upper=kept.stock_upper,
        wished_lower=wishes.stock_lower,
        wished_upper=wishes.stock_upper,
    )


def loosened(kept: Bounds, wishes: Bounds, wished: Sequence[Input], stock: Floats) -> Relaxation:
    """Bounds that a plan with that stock (MWh at slot ends) keeps, and what of the wished inputs changes for it."""
    import numpy as np

    room = ROUNDING * max(1.0, float(np.abs(stock).max()))
    missed = (wishes.stock_lower > stock + room) | (wishes.stock_upper < stock - room)
    # Both sides, for two wishes that cross leave no room for the solver's rounding between them.
    lower = np.where(missed, np.minimum(wishes.stock_lower, stock), wishes.stock_lower)
    upper = np.where(missed, np.maximum(wishes.stock_upper, stock), wishes.stock_upper)
    changes = tuple((each, value) for each in wished if (value := _missed(each, stock, room)) is not None)
    power = {side: getattr(kept, side) for side in POWER}
    bounds = Bounds(
        **power,
        stock_lower=np.maximum(kept.stock_lower, lower),
        stock_upper=np.minimum(kept.stock_upper, upper),
    )
    return Relaxation(bounds=bounds, changes=changes)


def _missed(wished: Input, stock: Floats, room: float) -> float | None:
    """The value that an input would have to have: the stock that is farthest from it; None if it is kept."""
    worst, value = room, None
    for bound, sign in ((wished.stock_lower, 1), (wished.stock_upper, -1)):
        if bound is None:
            continue
        missing = sign * (bound - stock)
        slot = int(missing.argmax())
        if missing[slot] > worst:
            worst, value = float(missing[slot]), float(stock[slot])
    return value


def advice(
    problem: SchedulingProblem,
    storage: solve.StorageProblem,
    limits: Limits,
    conflict: Sequence[Input],
    relaxation: Relaxation | None,
) -> tuple[str, ...]:
    """Sentences for users: what could be reached instead, and what would cost least to give up."""
    sentences = []
    for target in (each for each in conflict if each.target is not None):
        nearest = nearest_reachable(problem, storage, limits.inputs, target)
        if nearest is None:
            nearest = nearest_reachable(problem, storage, conflict, target)
        if nearest is not None:
            sentences.append(f"Instead of {target.words}, {nearest:.10g} MWh can be reached.")
    if relaxation is not None and relaxation.changes:
        sentences.append(f"Cheapest relaxation (relax): {relaxation.words}.")
    return tuple(sentences)
