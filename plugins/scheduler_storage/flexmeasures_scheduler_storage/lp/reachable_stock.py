"""Which stock can be reached: intervals carried from slot to slot, forwards and backwards.

The stock of one device is a single number whose change in a slot is anything between two limits, so what can
be reached at each slot end is an interval, and a problem is feasible if and only if none is empty. That takes
no solver, and so judges the solver's verdict independently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What moves and bounds a stock over n slots; sequences of length n, in MWh, any of them infinite.

    start: the least and the most before the first slot. least_gain, most_gain: what a slot adds (negative:
    takes). retention: share of the stock that a slot leaves. lower, upper: limits at slot ends. tolerance: by
    how much limits may be missed.
    """

    start: Interval
    least_gain: Sequence[float]
    most_gain: Sequence[float]
    retention: float
    lower: Sequence[float]
    upper: Sequence[float]
    tolerance: float = 0.0

    def forwards(self) -> list[Interval] | None:
        """The stock that can be reached at each slot end while keeping limits until then; None if none can."""
        low, high = self.start
        found = []
        slots = zip(self.least_gain, self.most_gain, self.lower, self.upper, strict=True)
        for least, most, lower, upper in slots:
            low = max(self.retention * low + least, lower)
            high = min(self.retention * high + most, upper)
            if low > high + self.tolerance:
                return None
            low, high = min(low, high), max(low, high)
            found.append((low, high))
        return found

    def backwards(self) -> list[Interval] | None:
        """The stock at each slot end from which limits can be kept from there on, its own included."""
        low, high = -inf, inf
        found: list[Interval] = []
        slots = zip(self.least_gain, self.most_gain, self.lower, self.upper, strict=True)
        for least, most, lower, upper in reversed(list(slots)):
            low, high = max(low, lower), min(high, upper)
            if low > high + self.tolerance:
                return None
            found.append((low, high))
            low, high = (low - most) / self.retention, (high - least) / self.retention
        return found[::-1]

    @property
    def feasible(self) -> bool:
        """Whether any stock keeps all limits."""
        return self.forwards() is not None
