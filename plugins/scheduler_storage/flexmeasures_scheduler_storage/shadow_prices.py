"""Which of the user's inputs keep a schedule from being cheaper, by how much, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage.limits import POWER, ROUNDING, STOCK, Input, Limits
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduling import Binding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures.timeseries import Floats

# Shadow prices below this share of the highest price are the solver's rounding.
NOISE = 1e-9


def binding(limits: Limits, storage: solve.StorageProblem, solution: solve.Solution) -> tuple[Binding, ...]:
    """The inputs that bind, each with its shadow price in the slots where it does.

    A bound's shadow price belongs to the first input that states it (targets before limits of the state of
    charge). Where a limit does not hold yet (a start below the minimum), it is nobody's.
    """
    if solution.shadow_prices is None:
        return ()
    import numpy as np

    slots = len(storage.prices)
    noise = NOISE * max(1.0, float(np.abs(storage.prices).max()))
    taken = {side: np.zeros(slots, dtype=bool) for side in (*POWER, *STOCK)}
    found = []
    for each in limits.inputs:
        price = np.zeros(slots)
        for side in (*POWER, *STOCK):
            theirs = _stated(each, side, getattr(storage, side)) & ~taken[side]
            sign = (
                -1 if side == "power_lower" else 1
            )  # of a limit of production, a larger value is a lower bound
            price += np.where(theirs, sign * getattr(solution.shadow_prices, side), 0.0)
            taken[side] |= theirs
        at = np.flatnonzero(np.abs(price) > noise)
        if len(at):
            by_slot = dict(zip(at.tolist(), price[at].tolist(), strict=True))
            found.append(
                Binding(limit=each.name, words=each.words, value=each.value, unit=each.unit, slots=by_slot)
            )
    return tuple(found)


def _stated(each: Input, side: str, bound: Floats) -> NDArray[np.bool_]:
    """In which slots the bound of the program is this input's value, shape (n,) of booleans."""
    import numpy as np

    stated = getattr(each, side)
    if stated is None:
        return np.zeros(len(bound), dtype=bool)
    value = -each.value if side == "power_lower" else each.value
    found: NDArray[np.bool_] = (np.abs(bound - stated) <= ROUNDING) & (np.abs(stated - value) <= ROUNDING)
    return found
