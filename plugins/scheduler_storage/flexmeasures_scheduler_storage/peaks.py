"""The best plan of one direction a slot where the highest power has a price: by halving what that may be.

With power up to a limit the rest is a dynamic program (`dynamic.py`), which costs less the higher the limit is. So
between two limits no plan costs less than that of the higher one, with the peak of the lower one paid for. The interval
in which least can be had is halved, until no interval promises more than effort.GAP, or time is over.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage import dynamic, effort
from flexmeasures_scheduler_storage.dynamic import Found

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.lp.device_problem import StorageProblem

Check = Callable[[], None]

# Limits that are nearer than this share of the largest power are one.
SAME = 1e-9

# A plan that costs nothing has no share of that to be exact to: then it is one of this share of a full peak's price.
LITTLE = 0.01


def plan(
    problem: StorageProblem, penalty: float, check: Check = lambda: None, at_least: float = -inf
) -> Found | None:
    """As `dynamic.plan`, with the price of the peak, which cost and bound include from a peak of 0 on.

    at_least: no plan costs less, as the linear program knows. OutOfTime only where there is no plan yet.
    """
    search = _Search(problem, penalty, check)
    most = float(problem.power_upper.max())
    whole = search.up_to(most)
    if whole is None or search.best is None:
        return None
    least = min(max(problem.peak_so_far, float(problem.power_lower.max()), 0.0), most)
    waiting = [(max(whole.bound + search.paid(least), at_least), least, most, whole.bound)]
    try:
        search.up_to(least)
        while search.is_better(waiting[0][0]) and waiting[0][2] - waiting[0][1] > SAME * most:
            search.halve(waiting)
    except effort.OutOfTime:
        pass
    lowest = min(search.best.cost, waiting[0][0])
    return replace(search.best, bound=max(lowest, at_least))


# By what it promises: a bound, the limits that it lies between, and what none costs less than without the peak.
Interval = tuple[float, float, float, float]


@dataclass
class _Search:
    """What is sought, and the best that was found."""

    problem: StorageProblem
    penalty: float
    check: Check
    best: Found | None = None

    def paid(self, peak: float) -> float:
        """What the peak costs."""
        return self.problem.peak_price * max(peak, self.problem.peak_so_far)

    def is_better(self, bound: float) -> bool:
        """Whether this bound promises more than the gap, half of which is left for rounding."""
        if self.best is None:
            return True
        known = max(abs(self.best.cost), LITTLE * self.paid(float(self.problem.power_upper.max())))
        return self.best.cost - bound > effort.GAP / 2 * known

    def up_to(self, limit: float) -> Found | None:
        """The plan with power up to a limit, at no price of the peak; it is noted if it is the best."""
        import numpy as np

        upper = np.minimum(self.problem.power_upper, limit)
        if (self.problem.power_lower > upper).any():
            return None
        limited = replace(self.problem, power_upper=upper, peak_price=0.0)
        found = dynamic.plan(limited, self.penalty, self.check)
        if found is not None:
            cost = found.cost + self.paid(float(found.power.max()))
            if self.best is None or cost < self.best.cost:
                self.best = replace(found, cost=cost)
        return found

    def halve(self, waiting: list[Interval]) -> None:
        """Put two halves in the place of the first interval; it stays when the time ends meanwhile."""
        bound, low, high, cost = waiting[0]
        middle = (low + high) / 2
        found = self.up_to(middle)
        heapq.heapreplace(waiting, (max(bound, cost + self.paid(middle)), middle, high, cost))
        if found is not None:
            heapq.heappush(waiting, (max(bound, found.bound + self.paid(low)), low, middle, found.bound))
