"""Why the assets of a site have no plan together: a minimal set of inputs that conflict, and what would do instead.

An asset that has no plan by itself tells its own conflict. Else the set holds inputs of several assets and limits of
the connection, found as for one asset (`conflicts.py`): taken away block by block, for good if the rest still
conflicts. Every asset that could help has its part in the conflict, by what keeps it from helping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage import conflicts
from flexmeasures_scheduler_storage.conflicts import Relaxation, loosened, wishing
from flexmeasures_scheduler_storage.limits import (
    Bounds,
    Input,
    Limits,
    bounds_of,
    within,
)
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduler_storage.lp.joint_problem import cheapest
from flexmeasures_scheduler_storage.lp.scaling import power_size
from flexmeasures_scheduling import SchedulingProblem

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats
    from flexmeasures_scheduler_storage.lp.site_problem import Connection

# Of more assets than these the set is not made minimal: each input would take a program of all assets.
FEW = 20

# What power without a limit is, in units of the largest power of the site: a solver of whole numbers wants a number.
UNLIMITED = 1000.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """An asset of a site: its problem, the program of it without and with the preference for sooner, its limits."""

    problem: SchedulingProblem
    priced: solve.StorageProblem
    steered: solve.StorageProblem
    limits: Limits


Stated = tuple[int, Input]  # by which asset, or, by the number after the last, by the connection


def words_of(members: Sequence[Member], stated: Stated) -> str:
    """An input, and of which asset, for users."""
    number, stated_input = stated
    if number == len(members):
        return stated_input.words
    return f"{stated_input.words} of asset {members[number].problem.asset.name}"


def find_conflict(members: Sequence[Member], connection: Connection, limits: Sequence[Input]) -> list[Stated]:
    """A minimal set of inputs that conflict, targets first; of more than FEW assets all that may have a part."""
    for number, each in enumerate(members):
        own = conflicts.find_conflict(each.problem, each.steered, each.limits)
        if own:
            return [(number, stated) for stated in own]
    everything = all_inputs(members, limits)
    if len(members) > FEW:
        return [each for each in everything if each[0] == len(members) or each[1].target is not None]
    return _minimal(everything, lambda given: feasible(members, connection, given))


def all_inputs(members: Sequence[Member], limits: Sequence[Input]) -> list[Stated]:
    """The inputs of all assets, targets first, and the limits of the connection."""
    own = [(number, each) for number, member in enumerate(members) for each in member.limits.inputs]
    return [
        *sorted(own, key=lambda stated: _rank(stated[1])),
        *((len(members), each) for each in limits),
    ]


def _rank(stated: Input) -> tuple[bool, str]:
    """Targets first, and the same limits of all assets side by side."""
    return stated.target is None, "" if stated.target is not None else stated.name


def _minimal(inputs: Sequence[Stated], feasible: Callable[[Sequence[Stated]], bool]) -> list[Stated]:
    """A minimal conflicting set of inputs that conflict: whole blocks are taken away where that can be."""
    kept, blocks = list(inputs), [list(inputs)]
    while blocks:
        block = blocks.pop()
        rest = [each for each in kept if not any(each is other for other in block)]
        if not feasible(rest):
            kept = rest
        elif len(block) > 1:
            half = len(block) // 2
            blocks += [block[half:], block[:half]]
    return kept


def feasible(members: Sequence[Member], connection: Connection, given: Sequence[Stated]) -> bool:
    """Whether the assets have a plan under these inputs alone."""
    return cheapest(_under(members, connection, given), connection.base) is not None


def _under(
    members: Sequence[Member], connection: Connection, given: Sequence[Stated]
) -> list[solve.StorageProblem]:
    """The programs of assets and connection under these inputs alone, at no price; what is not limited is large."""
    import numpy as np

    nothing, hours, programs = np.zeros(len(connection.base)), members[0].priced.hours, []
    sizes = [float(np.abs(side).max()) for side in (connection.lower, connection.upper, connection.base)]
    most = UNLIMITED * max([*sizes, *(power_size(each.priced) for each in members)])
    for number, member in enumerate(members):
        stated = [each for other, each in given if other == number]
        bounds = _finite(bounds_of(member.problem, stated), most)
        lossy = member.priced.charge_efficiency != 1 or member.priced.discharge_efficiency != 1
        programs.append(
            replace(
                within(member.priced, bounds),
                prices=nothing,
                production_prices=None,
                cycle_cost=float(lossy),  # so that nothing goes both ways that need not
                end_value=0.0,
                sooner=None,
                anywhere=all(each.name != "start" for each in stated),
            )
        )
    shared = [each for number, each in given if number == len(members)]
    bounds = _finite(bounds_of(members[0].problem, shared), most)
    meter = replace(
        connection, lower=bounds.power_lower, upper=bounds.power_upper, spread=None, peak_price=0.0
    )
    return [*programs, meter.device(hours)]


def _finite(bounds: Bounds, most: float) -> Bounds:
    import numpy as np

    return replace(
        bounds,
        power_lower=np.maximum(bounds.power_lower, -most),
        power_upper=np.minimum(bounds.power_upper, most),
    )


def relax(members: Sequence[Member], connection: Connection) -> list[Relaxation] | None:
    """The cheapest relaxation by asset: of targets if that is enough, else of all limits of the state of charge.

    None when no change of these helps.
    """
    for wished in (
        [each.limits.targets for each in members],
        [[each for each in member.limits.inputs if not _of_power(each)] for member in members],
    ):
        found = _relaxed(members, connection, wished)
        if found is not None:
            return found
    return None


def _of_power(stated: Input) -> bool:
    return stated.power_lower is not None or stated.power_upper is not None


def _relaxed(
    members: Sequence[Member], connection: Connection, wished: Sequence[Sequence[Input]]
) -> list[Relaxation] | None:
    """Keep all but the wished inputs, and miss these by as little as possible."""
    kept, wishes = [], []
    for each, missed in zip(members, wished, strict=True):
        hard = [stated for stated in each.limits.inputs if not any(stated is other for other in missed)]
        kept.append(bounds_of(each.problem, hard))
        wishes.append(bounds_of(each.problem, missed))
    devices = [wishing(each.steered, *bounds) for each, *bounds in zip(members, kept, wishes, strict=True)]
    meter = connection.device(devices[0].hours)
    found = cheapest([*devices, meter], connection.base)
    if found is None:
        return None
    stocks: list[Floats] = [found.size * values["stock"] for values in found.values[:-1]]
    return [loosened(*each) for each in zip(kept, wishes, wished, stocks, strict=True)]


def nearest_reachable(
    members: Sequence[Member], connection: Connection, given: Sequence[Stated], target: Stated
) -> float | None:
    """The stock (MWh) nearest to a target that the other given inputs leave; None when they conflict as well."""
    number, stated = target
    if stated.slot is None:
        return None
    programs = _under(members, connection, [each for each in given if each[1] is not stated])
    wish = bounds_of(members[number].problem, [stated])
    programs[number] = replace(programs[number], wished_lower=wish.stock_lower, wished_upper=wish.stock_upper)
    found = cheapest(programs, connection.base)
    return None if found is None else float(found.size * found.values[number]["stock"][stated.slot])


def advice(
    members: Sequence[Member],
    connection: Connection,
    limits: Sequence[Input],
    conflict: Sequence[Stated],
    relaxations: Sequence[Relaxation] | None,
) -> tuple[str, ...]:
    """Sentences for users: what could be reached instead, and what would cost least to give up."""
    sentences, everything = [], all_inputs(members, limits)
    targets = [each for each in conflict if each[1].target is not None]
    for each in targets if len(members) <= FEW else ():
        nearest = nearest_reachable(members, connection, everything, each)
        if nearest is None:
            nearest = nearest_reachable(members, connection, conflict, each)
        if nearest is not None:
            sentences.append(f"Instead of {words_of(members, each)}, {nearest:.10g} MWh can be reached.")
    changes = [
        f"{words_of(members, (number, stated))} becomes {value:.10g} {stated.unit}"
        for number, relaxation in enumerate(relaxations or ())
        for stated, value in relaxation.changes
    ]
    if changes:
        sentences.append(f"Cheapest relaxation (relax): {'; '.join(changes)}.")
    return tuple(sentences)
