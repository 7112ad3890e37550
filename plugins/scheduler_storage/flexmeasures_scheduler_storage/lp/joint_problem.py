"""Several devices and their connection as one program: what each is by itself, and the row that joins them.

    sum_k power_kj - net_j = - base_j                                                        shared

for every slot j; net is the power at the connection and base what inflexible devices are expected to take (MW,
consumption positive). The equations of devices and connection come from the compiled Pyomo model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flexmeasures_scheduler_storage import effort
from flexmeasures_scheduler_storage.lp.device_problem import EXACT, Form, StorageProblem, form_of
from flexmeasures_scheduler_storage.lp.equations import columns, highest_price
from flexmeasures_scheduler_storage.lp.exclusive_directions import both_ways, net_power, one_way, tempting
from flexmeasures_scheduler_storage.lp.highs import Options, optimise
from flexmeasures_scheduler_storage.lp.instances import Program, choice, program
from flexmeasures_scheduler_storage.lp.scaling import COST_SCALE, power_size, scaled
from flexmeasures_scheduler_storage.lp.templates import structure
from flexmeasures_scheduler_storage.turns import in_turn

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.lp.device_problem import Floats

    Values = dict[str, Floats]  # of a member's columns, by name

# Many devices have rows that presolve takes out.
OPTIONS: Options = {"presolve": "choose"}

# Up to FEW directions are searched for with all nodes that time allows, up to MANY with few nodes and more heuristics,
# and beyond they are as found in turn.
FEW, MANY = 100, 500
EXACT_SEARCH: Options = {"mip_max_nodes": 1000, "mip_rel_gap": EXACT / 2}
SEARCH: Options = {
    "mip_max_nodes": 20,
    "mip_rel_gap": effort.GAP,
    "mip_heuristic_effort": 0.05,
    "mip_heuristic_run_rens": True,
    "mip_heuristic_run_rins": True,
    "mip_heuristic_run_root_reduced_cost": True,
}


@dataclass(frozen=True, eq=False)
class Joint:
    """The best answer found for all members, power in units of `size` (MW).

    values, reduced_costs: by member, of its columns. bound: no plan costs less, money. prices: of the shared row,
    money per MW, shape (n,): by how much the minimum falls with what is taken at the connection.
    """

    values: list[Values]
    reduced_costs: list[Values]
    size: float
    bound: float
    prices: Floats


def cheapest(members: Sequence[StorageProblem], base: Floats) -> Joint | None:
    """The cheapest plan in which no member goes both ways in a slot; None when there is none.

    members: the devices, and the connection at last. Directions are found as in `turns.py`, and then, while there is
    time and the gap is above effort.GAP (with FEW directions EXACT), as in `directions.py`.
    """
    import numpy as np

    size = max(power_size(each) for each in members)
    small, base = [scaled(each, size) for each in members], base / size
    first = _solve(small, base, size)
    if first is None or not any(both_ways(each).any() for each in first.values):
        return first
    best, bound = _in_turn(small, base, first)
    exclusive, found = [np.zeros(len(base), dtype=bool) for _ in members], first
    while best is None or best.bound - bound > EXACT * abs(bound):
        more = [both_ways(each) & ~chosen for each, chosen in zip(found.values, exclusive, strict=True)]
        if not any(each.any() for each in more):
            break
        exclusive = [
            chosen | (each | tempting(member) if each.any() else False)
            for chosen, each, member in zip(exclusive, more, small, strict=True)
        ]
        number = sum(int(each.sum()) for each in exclusive)
        near = best is not None and best.bound - bound <= effort.GAP * abs(bound)
        if (best is not None and number > MANY) or (near and number > FEW):
            break
        chosen_in = [
            replace(each, exclusive=chosen if chosen.any() else None)
            for each, chosen in zip(small, exclusive, strict=True)
        ]
        try:
            better = _solve(chosen_in, base, size, best)
        except effort.OutOfTime:
            if best is None:
                raise
            break
        if better is None:
            return None
        found, bound = better, max(bound, better.bound)
        best = _cheaper(best, _solve(_rounded(small, found), base, size))
    return None if best is None else replace(best, bound=min(bound, best.bound))


def _in_turn(members: Sequence[StorageProblem], base: Floats, first: Joint) -> tuple[Joint | None, float]:
    """The cheaper of two plans of one direction a slot, None without any, and what no plan costs less than."""
    rounded = _solve(_rounded(members, first), base, first.size)
    turns = in_turn(members, base, first.values, first.prices)
    if turns is None:
        return rounded, first.bound
    net = base + sum(turns.power)
    fixed = [one_way(each, power > 0) for each, power in zip(members, [*turns.power, net], strict=True)]
    return _cheaper(rounded, _solve(fixed, base, first.size)), first.bound + first.size * turns.gain


def _cheaper(one: Joint | None, other: Joint | None) -> Joint | None:
    """The cheaper of two plans of linear programs, whose bounds are their costs."""
    if one is None or other is None:
        return one if other is None else other
    return other if other.bound < one.bound else one


def _rounded(members: Sequence[StorageProblem], found: Joint) -> list[StorageProblem]:
    """The members with their directions as found."""
    return [one_way(each, net_power(values) > 0) for each, values in zip(members, found.values, strict=True)]


def _solve(
    members: Sequence[StorageProblem], base: Floats, size: float, known: Joint | None = None
) -> Joint | None:
    """One solve of all members in units of `size`, both ways wherever that is not excluded; None when infeasible."""
    import numpy as np

    forms = [form_of(each) for each in members]
    numbers = _program([program(each, form) for each, form in zip(members, forms, strict=True)], forms, base)
    begin = None
    if known is not None:
        begin = np.concatenate(
            [_start(form, values) for form, values in zip(forms, known.values, strict=True)]
        )
    money = COST_SCALE / max(highest_price(each) for each in members) / members[0].hours
    then = None
    if any(each.sooner is not None for each in members[:-1]):
        then = np.concatenate([choice(each, form) for each, form in zip(members, forms, strict=True)])
    solved = optimise(numbers, money, begin, _options(int(numbers.whole.sum())), then)
    if solved is None:
        return None
    paid = sum(each.peak_price * each.peak_so_far for each in members)
    return Joint(
        values=_by_member(forms, solved.values),
        reduced_costs=_by_member(forms, solved.reduced_costs),
        size=size,
        bound=size * (solved.bound - paid),
        prices=solved.row_prices[-len(base) :],
    )


def _options(directions: int) -> Options:
    if not directions:
        return OPTIONS
    return EXACT_SEARCH if directions <= FEW else SEARCH


def _start(form: Form, values: Values) -> Floats:
    """All columns of a member from those of a plan of one direction a slot."""
    import numpy as np

    charging = {"charging": (net_power(values) > 0).astype(np.float64)}
    return np.concatenate([(values | charging)[name] for name in columns(form)])


def _by_member(forms: Sequence[Form], columns: Floats) -> list[Values]:
    begin, found = 0, []
    for form in forms:
        known = structure(form)
        found.append(
            {name: columns[begin + part.start : begin + part.stop] for name, part in known.columns.items()}
        )
        begin += known.width
    return found


def _program(programs: Sequence[Program], forms: Sequence[Form], base: Floats) -> Program:
    """The programs side by side, and the shared row of each slot below them."""
    import numpy as np
    from scipy.sparse import block_diag, csc_array, hstack, vstack

    own, shared = [], []
    for number, (form, numbers) in enumerate(zip(forms, programs, strict=True)):
        known, sign = structure(form), -1.0 if number == len(forms) - 1 else 1.0
        own.append(
            csc_array((numbers.values, known.indices, known.starts), shape=(known.height, known.width))
        )
        shared.append(_share(form, sign))
    matrix = csc_array(vstack([block_diag(own, format="csc"), hstack(shared, format="csc")], format="csc"))
    return Program(
        cost=np.concatenate([each.cost for each in programs]),
        lower=np.concatenate([each.lower for each in programs]),
        upper=np.concatenate([each.upper for each in programs]),
        row_lower=np.concatenate([*(each.row_lower for each in programs), -base]),
        row_upper=np.concatenate([*(each.row_upper for each in programs), -base]),
        starts=matrix.indptr.astype(np.int32),
        indices=matrix.indices.astype(np.int32),
        values=matrix.data,
        whole=np.concatenate([each.whole for each in programs]),
    )


def _share(form: Form, sign: float) -> Any:
    """A member's part of the shared rows: its power in each slot, times a sign."""
    import numpy as np
    from scipy.sparse import csc_array

    known, slots = structure(form), np.arange(form.slots)
    parts = [("charge", sign), ("discharge", -sign)] if form.split else [("power", sign)]
    data = np.concatenate([np.full(form.slots, each) for _, each in parts])
    across = np.concatenate([known.columns[name].start + slots for name, _ in parts])
    return csc_array((data, (np.tile(slots, len(parts)), across)), shape=(form.slots, known.width))
