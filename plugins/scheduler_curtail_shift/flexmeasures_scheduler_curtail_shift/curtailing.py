"""The cheapest curtailment of an expected power, numbers in and numbers out: `curtail()`.

Slots only share the volume that may be curtailed in all. So the best is to curtail what limits ask for, and
then, by falling gain per MWh, what pays, until the volume is used up (a fractional knapsack, which greed solves).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROUNDING = 1e-9  # MW or MWh


@dataclass(frozen=True, kw_only=True, eq=False)
class Curtailment:
    """What can be curtailed of an expected power.

    expected: MW a slot, shape (n,), consumption positive. hours: length of a slot. prices: money per MWh, shape
    (n,); production earns them. share: of the expected power that may go, 0 to 1. cost: money for each MWh curtailed.
    limit: the most power that may be left, MW, either way. volume: the most that may be curtailed in all, MWh.
    """

    expected: Floats
    hours: float
    prices: Floats
    share: float = 1.0
    cost: float = 0.0
    limit: float = inf
    volume: float = inf


class CannotCurtail(Exception):
    """The limit asks for more than may be curtailed.

    too_much: the largest power in MW by which the limit is missed in a slot when the whole share is curtailed (0:
    none is). needed: MWh that the limit asks for in all.
    """

    def __init__(self, too_much: float, needed: float) -> None:
        self.too_much, self.needed = too_much, needed
        super().__init__(f"{too_much} MW too much, {needed} MWh needed")


def curtail(problem: Curtailment) -> Floats:
    """The power that is left, MW, shape (n,), at the least cost; CannotCurtail when the limits cannot be kept."""
    import numpy as np

    size = np.abs(problem.expected)
    most = problem.share * size
    must = np.maximum(size - problem.limit, 0.0)
    too_much, needed = float((must - most).max(initial=0.0)), float(must.sum() * problem.hours)
    if too_much > ROUNDING or needed > problem.volume + ROUNDING:
        raise CannotCurtail(max(too_much, 0.0), needed)
    must = np.minimum(must, most)
    # A MWh less of consumption saves its price; a MWh less of production loses what it would have earned.
    gain = np.sign(problem.expected) * problem.prices - problem.cost
    curtailed, left = must.copy(), problem.volume - needed
    for slot in np.argsort(-gain, kind="stable"):
        if gain[slot] <= 0 or left <= 0:
            break
        more = min(most[slot] - must[slot], left / problem.hours)
        curtailed[slot] += more
        left -= more * problem.hours
    power: Floats = np.sign(problem.expected) * (size - curtailed)
    power[np.abs(power) < ROUNDING] = 0.0
    return power
