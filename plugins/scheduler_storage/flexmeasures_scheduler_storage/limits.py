"""From the facts of an asset and the wishes of its user to limits, slot by slot (contract 16.2 to 16.4).

Where the contract leaves a choice, it is this:

- Limits of the state of charge hold from the first slot end at which they can be kept, so that a start
  below the minimum or above the maximum is no conflict; until then it lies between start and limit.
- The maximum of a charging station (whose battery is unknown) is the highest of its targets, the start and
  its minimum; the asset's own max_soc_in_mwh counts where it is larger than these.
- A target applies at the last slot end not after it (contract 15.6). Of two different targets at one slot
  end the later wins, with a warning; targets outside of the window are left out, with a warning.
- A target outside of the limits is a conflict; limits do not bend for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from flexmeasures.algorithms import SchedulingProblem, Target
from flexmeasures.errors import AlgorithmError
from flexmeasures.timing import iso_duration, iso_time

if TYPE_CHECKING:
    from flexmeasures.series import Floats

# Targets and limits (MWh) that differ by less than this are the same number, rounded in another unit.
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Limits:
    """What a plan must keep to.

    power_lower, power_upper: MW, consumption positive. stock_lower, stock_upper: MWh at slot ends, shape
    (n,), equal at a target. targets: by the number of the slot at whose end they apply, in order of time.
    conflicts: inputs that contradict each other whatever the plan; warnings: inputs that were left out.
    """

    power_lower: float
    power_upper: float
    stock_lower: Floats
    stock_upper: Floats
    targets: dict[int, Target]
    conflicts: tuple[str, ...]
    warnings: tuple[str, ...]


def read_limits(problem: SchedulingProblem) -> Limits:
    """All limits of a problem; AlgorithmError when the asset has no usable capacity_in_mw."""
    power_lower, power_upper = power_range(problem)
    targets, warnings = place_targets(problem)
    minimum, maximum = stock_range(problem, targets)
    lower, upper = stock_limits(problem, (minimum, maximum), (power_lower, power_upper), targets)
    start = problem.soc_at_start
    if start < minimum and lower[-1] < minimum:
        warnings.append(f"The minimum of {minimum:.10g} MWh cannot be reached within the window.")
    if start > maximum and upper[-1] > maximum:
        warnings.append(f"The state of charge cannot fall to {maximum:.10g} MWh within the window.")
    conflicts = (
        []
        if minimum <= maximum
        else [f"The asset's min_soc_in_mwh ({minimum:.10g} MWh) is above the maximum of {maximum:.10g} MWh."]
    )
    for slot, target in targets.items():
        low, high = float(lower[slot]), float(upper[slot])
        if not low - ROUNDING <= target.value <= high + ROUNDING:
            conflicts.append(_outside(target, minimum if target.value < low else maximum))
        lower[slot] = upper[slot] = target.value
    return Limits(
        power_lower=power_lower,
        power_upper=power_upper,
        stock_lower=lower,
        stock_upper=upper,
        targets=targets,
        conflicts=tuple(conflicts),
        warnings=tuple(warnings),
    )


def power_range(problem: SchedulingProblem) -> tuple[float, float]:
    """Least and largest power in MW: -C to C, for a one-way charging station 0 to C."""
    asset, capacity = problem.asset, problem.asset.capacity_in_mw
    if capacity is None or not 0 <= capacity < inf:
        raise AlgorithmError(
            f"capacity_in_mw of asset {asset.name!r} is {capacity}, so its power cannot be planned."
            " Accepted: a number of MW, not negative."
        )
    return (0.0 if asset.type == "one-way_evse" else -float(capacity)), float(capacity)


def stock_range(problem: SchedulingProblem, targets: dict[int, Target]) -> tuple[float, float]:
    """Least and largest state of charge in MWh, once reached; the largest may be infinite."""
    asset = problem.asset
    minimum = asset.min_soc_in_mwh if asset.min_soc_in_mwh is not None else 0.0
    maximum = asset.max_soc_in_mwh if asset.max_soc_in_mwh is not None else inf
    if asset.type != "battery":
        wanted = max([problem.soc_at_start, minimum, *(target.value for target in targets.values())])
        maximum = maximum if wanted < maximum < inf else wanted
    return minimum, maximum


def place_targets(problem: SchedulingProblem) -> tuple[dict[int, Target], list[str]]:
    """Targets by the slot at whose end they apply, in order of time; warnings about those left out."""
    placed: dict[int, Target] = {}
    warnings = []
    for target in sorted(problem.targets, key=lambda target: target.datetime):
        slot = (target.datetime - problem.start) // problem.resolution - 1
        if not 0 <= slot < len(problem.prices):
            window = f"{iso_time(problem.start)} to {iso_time(problem.end)}"
            warnings.append(f"The {_words(target)} is left out: no slot of the window ({window}) ends then.")
            continue
        earlier = placed.pop(slot, None)
        if earlier is not None and earlier.value != target.value:
            warnings.append(
                f"The {_words(earlier)} is left out: the {_words(target)} falls on the same slot."
            )
        placed[slot] = target
    return placed, warnings


def stock_limits(
    problem: SchedulingProblem,
    stock: tuple[float, float],
    power: tuple[float, float],
    targets: dict[int, Target],
) -> tuple[Floats, Floats]:
    """Least and largest stock in MWh at each slot end, both of shape (n,), before targets are applied.

    stock: the range in MWh that is to be kept once reached; power: the range in MW.
    """
    import numpy as np

    slots = len(problem.prices)
    lower, upper = np.full(slots, stock[0]), np.full(slots, stock[1])
    if problem.soc_at_start < stock[0]:
        lower[: _slots_until(problem, stock[0], power[1], targets)] = problem.soc_at_start
    if problem.soc_at_start > stock[1]:
        upper[: _slots_until(problem, stock[1], power[0], targets)] = problem.soc_at_start
    return lower, upper


def _slots_until(problem: SchedulingProblem, limit: float, power: float, targets: dict[int, Target]) -> int:
    """How many slots end before the stock can be at `limit`, when it goes there at `power` from the start.

    Targets are exact, so on the way the stock goes on from each of them. n when it never gets there.
    """
    sign = 1 if problem.soc_at_start < limit else -1
    step = hours(problem) * power
    stock = problem.soc_at_start
    for slot in range(len(problem.prices)):
        stock = targets[slot].value if slot in targets else stock + step
        if sign * (limit - stock) <= 1e-9 * abs(step):
            return slot
    return len(problem.prices)


def unreachable(problem: SchedulingProblem, limits: Limits) -> tuple[str, ...]:
    """Which target cannot be reached, from where and why, in words: the first in order of time."""
    stock, since, origin = problem.soc_at_start, -1, "at the start"
    for slot, target in limits.targets.items():
        span = hours(problem) * (slot - since)
        least, most = stock + span * limits.power_lower, stock + span * limits.power_upper
        if not least <= target.value <= most:
            reach = f"at most {most:.10g}" if target.value > most else f"at least {least:.10g}"
            power = limits.power_upper if target.value > most else limits.power_lower
            duration = iso_duration((slot - since) * problem.resolution)
            moment = iso_time(problem.start + (since + 1) * problem.resolution)
            conflict = (
                f"The {_words(target)} cannot be reached: from {stock:.10g} MWh {origin} ({moment}),"
                f" {duration} at the power limit of {abs(power):.10g} MW give {reach} MWh."
            )
            return (conflict,)
        stock, since, origin = target.value, slot, "at the target before"
    return ("The limits of power and of the state of charge leave no schedule.",)


def hours(problem: SchedulingProblem) -> float:
    """Length of a slot in hours."""
    return problem.resolution.total_seconds() / 3600


def _outside(target: Target, limit: float) -> str:
    """The conflict between a target and a limit (MWh) that it lies beyond."""
    side = "above the maximum" if target.value > limit else "below the minimum"
    return f"The {_words(target)} is {side} of {limit:.10g} MWh."


def _words(target: Target) -> str:
    """A target in words, with its time as the user wrote it."""
    return f"target of {target.value:.10g} MWh at {iso_time(target.datetime)}"
