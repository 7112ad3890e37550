"""From the facts of an asset and the wishes of its user to limits, slot by slot (contract 16.2 to 16.4).

Where the contract leaves a choice, it is this:

- Limits of the state of charge hold from the first slot end at which they can be kept, so that a start
  below the minimum or above the maximum is no conflict; until then it lies between start and limit.
- The maximum of a charging station (whose battery is unknown) is the highest of its targets, the start and
  its minimum; the asset's own max_soc_in_mwh counts where it is larger than these.
- A target applies at the last slot end not after it (contract 15.6). Of two different targets of one kind at
  one slot end the later wins, with a warning; targets outside of the window are left out, with a warning.
- A target outside of the limits is a conflict; limits do not bend for it.

Each input of the user keeps its own bounds, so that conflicts and shadow prices can be told by input.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import TYPE_CHECKING

from flexmeasures.errors import AlgorithmError
from flexmeasures.timing import iso_time
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduling import SchedulingProblem, Target

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

# Targets and limits (MWh) that differ by less than this are the same number, rounded in another unit.
ROUNDING = 1e-9

POWER = ("power_lower", "power_upper")
STOCK = ("stock_lower", "stock_upper")


@dataclass(frozen=True, kw_only=True, eq=False)
class Input:
    """One thing that the user stated, and what it bounds; arrays of shape (n,), infinite where it does not.

    name: the field. words: what it says, for users. value: in unit. power_lower, power_upper: MW,
    consumption positive. stock_lower, stock_upper: MWh at slot ends. slot: of a target, at whose end it applies.
    """

    name: str
    words: str
    value: float
    unit: str
    power_lower: Floats | None = None
    power_upper: Floats | None = None
    stock_lower: Floats | None = None
    stock_upper: Floats | None = None
    slot: int | None = None
    target: Target | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Bounds:
    """The tightest bounds of several inputs, each of shape (n,), MW and MWh."""

    power_lower: Floats
    power_upper: Floats
    stock_lower: Floats
    stock_upper: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Limits:
    """Everything that a plan must keep to, by input; warnings: inputs that were left out or cannot hold."""

    inputs: tuple[Input, ...]
    warnings: tuple[str, ...]

    @property
    def targets(self) -> list[Input]:
        """The inputs that are targets, in order of time."""
        return [each for each in self.inputs if each.target is not None]


def read_limits(problem: SchedulingProblem) -> Limits:
    """All limits of a problem; AlgorithmError when the asset has no usable capacity_in_mw."""
    powers = power_inputs(problem)
    targets, warnings = place_targets(problem)
    stocks, more_warnings = stock_inputs(problem, bounds_of(problem, powers), targets)
    start = Input(
        name="start",
        words=f"the start at {problem.soc_at_start:.10g} MWh ({iso_time(problem.start)})",
        value=problem.soc_at_start,
        unit="MWh",
    )
    return Limits(inputs=(*targets, *stocks, *powers, start), warnings=(*warnings, *more_warnings))


def bounds_of(problem: SchedulingProblem, inputs: Iterable[Input]) -> Bounds:
    """The tightest bounds of these inputs, infinite where none bounds."""
    import numpy as np

    given, slots = list(inputs), len(problem.prices)
    found = {}
    for side in (*POWER, *STOCK):
        tighter, none = (np.maximum, -inf) if side.endswith("lower") else (np.minimum, inf)
        values = np.full(slots, none)
        for each in given:
            if (bound := getattr(each, side)) is not None:
                values = tighter(values, bound)
        found[side] = values
    lower, upper = found["stock_lower"], found["stock_upper"]
    same = (lower > upper) & (lower <= upper + ROUNDING)
    lower[same] = upper[same]
    return Bounds(**found)


def power_inputs(problem: SchedulingProblem) -> list[Input]:
    """The power that the asset can have: -C to C, for a one-way charging station 0 to C."""
    import numpy as np

    asset, capacity = problem.asset, problem.asset.capacity_in_mw
    if capacity is None or not 0 <= capacity < inf:
        raise AlgorithmError(
            f"capacity_in_mw of asset {asset.name!r} is {capacity}, so its power cannot be planned."
            " Accepted: a number of MW, not negative."
        )
    slots = len(problem.prices)
    capacity_input = Input(
        name="capacity_in_mw",
        words=f"the power limit of {capacity:.10g} MW (capacity_in_mw)",
        value=float(capacity),
        unit="MW",
        power_lower=np.full(slots, -float(capacity)),
        power_upper=np.full(slots, float(capacity)),
    )
    inputs, wanted = [capacity_input], problem.flexibility
    if (limit := wanted.charge_limit_in_mw) is not None:
        text = f"the charging limit of {limit:.10g} MW (charge_limit_in_mw)"
        most = np.full(slots, limit)
        inputs += [Input(name="charge_limit_in_mw", words=text, value=limit, unit="MW", power_upper=most)]
    if (limit := wanted.discharge_limit_in_mw) is not None:
        text = f"the discharging limit of {limit:.10g} MW (discharge_limit_in_mw)"
        least = np.full(slots, -limit)
        inputs += [Input(name="discharge_limit_in_mw", words=text, value=limit, unit="MW", power_lower=least)]
    if (wanted.charge_efficiency or 0.0) > 1:
        text = "that a heat pump cannot discharge (charge_efficiency above 1)"
        least = np.zeros(slots)
        inputs += [Input(name="charge_efficiency", words=text, value=0.0, unit="MW", power_lower=least)]
    if asset.type == "one-way_evse":
        text = "that it cannot discharge (one-way_evse)"
        inputs += [Input(name="asset_type", words=text, value=0.0, unit="MW", power_lower=np.zeros(slots))]
    return inputs


def stock_range(problem: SchedulingProblem, targets: list[Input]) -> tuple[float, float]:
    """Least and largest state of charge in MWh, once reached; the largest may be infinite."""
    asset = problem.asset
    minimum = asset.min_soc_in_mwh if asset.min_soc_in_mwh is not None else 0.0
    maximum = asset.max_soc_in_mwh if asset.max_soc_in_mwh is not None else inf
    if asset.type != "battery":
        wanted = max([problem.soc_at_start, minimum, *(target.value for target in targets)])
        maximum = maximum if wanted < maximum < inf else wanted
    return minimum, maximum


def stock_inputs(
    problem: SchedulingProblem, power: Bounds, targets: list[Input]
) -> tuple[list[Input], list[str]]:
    """The limits of the state of charge, from when on they can be kept; warnings where that is never."""
    import numpy as np

    minimum, maximum = stock_range(problem, targets)
    slots, start = len(problem.prices), problem.soc_at_start
    lower, upper = np.full(slots, minimum), np.full(slots, maximum)
    warnings = []
    if start < minimum - ROUNDING:
        way = _way_to(problem, minimum, power.power_upper, targets)
        lower[: len(way)] = [min(start, stock) for stock in way]  # losses may take it lower at first
        if len(way) == slots:
            warnings.append(f"The minimum of {minimum:.10g} MWh cannot be reached within the window.")
    if start > maximum + ROUNDING:
        way = _way_to(problem, maximum, power.power_lower, targets)
        upper[: len(way)] = [max(start, stock) for stock in way]
        if len(way) == slots:
            warnings.append(f"The state of charge cannot fall to {maximum:.10g} MWh within the window.")
    words = {
        "min_soc_in_mwh": f"the minimum of {minimum:.10g} MWh (min_soc_in_mwh)",
        "max_soc_in_mwh": f"the maximum of {maximum:.10g} MWh (max_soc_in_mwh)",
    }
    least = Input(
        name="min_soc_in_mwh", words=words["min_soc_in_mwh"], value=minimum, unit="MWh", stock_lower=lower
    )
    most = Input(
        name="max_soc_in_mwh", words=words["max_soc_in_mwh"], value=maximum, unit="MWh", stock_upper=upper
    )
    return [least, most] if maximum < inf else [least], warnings


def place_targets(problem: SchedulingProblem) -> tuple[list[Input], list[str]]:
    """The targets in order of time, each at a slot; warnings about those left out."""
    placed: dict[tuple[int, str], Target] = {}
    warnings = []
    for target in sorted(problem.targets, key=lambda target: target.datetime):
        slot = (target.datetime - problem.start) // problem.resolution - 1
        if not 0 <= slot < len(problem.prices):
            window = f"{iso_time(problem.start)} to {iso_time(problem.end)}"
            warnings.append(f"The {words(target)} is left out: no slot of the window ({window}) ends then.")
            continue
        earlier = placed.pop((slot, target.kind), None)
        if earlier is not None and earlier.value != target.value:
            warnings.append(f"The {words(earlier)} is left out: the {words(target)} falls on the same slot.")
        placed[slot, target.kind] = target
    return [_target_input(problem, slot, target) for (slot, _), target in placed.items()], warnings


def _target_input(problem: SchedulingProblem, slot: int, target: Target) -> Input:
    import numpy as np

    slots = len(problem.prices)
    lower, upper = np.full(slots, -inf), np.full(slots, inf)
    lower[slot] = upper[slot] = target.value
    return Input(
        name=f"targets {iso_time(target.datetime)}",
        words=f"the {words(target)}",
        value=target.value,
        unit="MWh",
        stock_lower=None if target.kind == "maximum" else lower,
        stock_upper=None if target.kind == "minimum" else upper,
        slot=slot,
        target=target,
    )


def words(target: Target) -> str:
    """A target in words, with its time as the user wrote it."""
    kind = "" if target.kind == "exact" else f"{target.kind} "
    return f"{kind}target of {target.value:.10g} MWh at {iso_time(target.datetime)}"


def dynamics(problem: SchedulingProblem) -> solve.StorageProblem:
    """How the stock of the device moves; no prices yet, and no bounds."""
    import numpy as np

    nothing, wanted = np.zeros(len(problem.prices)), problem.flexibility
    one_way = 1.0 if wanted.roundtrip_efficiency is None else sqrt(wanted.roundtrip_efficiency)
    return solve.StorageProblem(
        prices=nothing,
        hours=hours(problem),
        start=problem.soc_at_start,
        power_lower=nothing,
        power_upper=nothing,
        stock_lower=nothing,
        stock_upper=nothing,
        charge_efficiency=one_way if wanted.charge_efficiency is None else wanted.charge_efficiency,
        discharge_efficiency=one_way if wanted.discharge_efficiency is None else wanted.discharge_efficiency,
        retention=(1.0 - wanted.loss_per_hour) ** hours(problem),
        inflow=_inflow(problem),
    )


def _inflow(problem: SchedulingProblem) -> Floats | None:
    """MWh that enter the stock by themselves in each slot: none, or the demand as what leaves."""
    import numpy as np

    steady = problem.flexibility.demand_in_mw
    if problem.demand is None and not steady:
        return None
    varying = np.zeros(len(problem.prices)) if problem.demand is None else problem.demand
    return -hours(problem) * (varying + steady)


def within(storage: solve.StorageProblem, bounds: Bounds) -> solve.StorageProblem:
    """The program with these bounds."""
    return replace(storage, **{side: getattr(bounds, side) for side in (*POWER, *STOCK)})


def hours(problem: SchedulingProblem) -> float:
    """Length of a slot in hours."""
    return problem.resolution.total_seconds() / 3600


def _way_to(problem: SchedulingProblem, limit: float, power: Floats, targets: list[Input]) -> list[float]:
    """The stock at slot ends until it can be at `limit`, when it goes there at `power` from the start.

    Exact targets are met, so on the way the stock goes on from each of them. All slots when it never gets there.
    """
    exact = {each.slot: each.value for each in targets if each.target and each.target.kind == "exact"}
    storage, stock, way = dynamics(problem), problem.soc_at_start, []
    sign = 1 if stock < limit else -1
    for slot in range(len(problem.prices)):
        before = stock
        stock = exact[slot] if slot in exact else solve.next_stock(storage, slot, stock, float(power[slot]))
        if sign * (limit - stock) <= ROUNDING * abs(stock - before):
            break
        way.append(stock)
    return way


def without(inputs: Iterable[Input], dropped: Input) -> list[Input]:
    """The other inputs."""
    return [each for each in inputs if each is not dropped]
