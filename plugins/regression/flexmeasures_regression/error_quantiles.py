"""How far outcomes lie from forecasts: quantiles of past errors by hour of the day. Numbers in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVELS = np.array([0.01, 0.025, *np.arange(0.05, 0.951, 0.05), 0.975, 0.99])
HOURS = 24
NEAR = 1  # errors of so many hours before and after count for an hour too
FEWEST = 20  # errors that quantiles are taken of; with fewer, those of all hours
NEWEST = 1 / 4  # part of the errors on which the widths are corrected
NOMINAL = 0.8
Z = 1.2816  # quantile of the normal distribution at the upper end of NOMINAL


@dataclass(frozen=True)
class Spread:
    """offsets (24, levels): what to add to a forecast for each hour of the day (UTC) and each of LEVELS."""

    offsets: Floats

    @classmethod
    def of(cls, errors: Floats, hours: Ints, independent: float) -> Spread | None:
        """From out-of-sample errors (outcome - forecast), oldest first, and their hours of the day.

        independent: about how many of them do not merely repeat others.

        Conformal: the width is corrected so that the older errors would have covered NOMINAL of the newest
        ones (after Xu and Xie 2021, whose intervals follow the newest errors). A few independent errors say little
        of those to come: the width grows as Student's distribution does. None where there are too few.
        """
        if len(errors) < FEWEST:
            return None
        older = max(1, int(len(errors) * (1 - NEWEST)))
        factor = _factor(_by_hour(errors[:older], hours[:older]), errors[older:], hours[older:])
        offsets = _by_hour(errors, hours)
        middle = offsets[:, len(LEVELS) // 2][:, None]
        return cls(middle + factor * _of_few(independent) * (offsets - middle))

    def scaled(self, factor: float) -> Spread:
        """Of errors that are so many times as large."""
        return Spread(factor * self.offsets)

    def at(self, probability: float, hours: Ints) -> Floats:
        """Offsets for one probability at hours of the day, shape (hours,)."""
        return _at(self.offsets, probability)[hours]


def _by_hour(errors: Floats, hours: Ints) -> Floats:
    """Quantiles of the errors at each hour and those next to it, shape (24, levels)."""
    every = np.quantile(errors, LEVELS)
    rows = []
    for hour in range(HOURS):
        apart = np.abs((hours - hour + HOURS // 2) % HOURS - HOURS // 2)
        near = errors[apart <= NEAR]
        rows.append(np.quantile(near, LEVELS) if len(near) >= FEWEST else every)
    return np.array(rows)


def _at(offsets: Floats, probability: float) -> Floats:
    """Interpolate between LEVELS at each hour of the day, shape (24,); beyond them, the outermost."""
    place = float(np.interp(probability, LEVELS, np.arange(len(LEVELS))))
    below = min(int(place), len(LEVELS) - 2)
    return offsets[:, below] + (place - below) * (offsets[:, below + 1] - offsets[:, below])


def _factor(offsets: Floats, errors: Floats, hours: Ints) -> float:
    """How much wider intervals have to be to cover NOMINAL of these errors; within a half and twice."""
    if len(errors) < FEWEST:
        return 1.0
    low, high = (_at(offsets, p)[hours] for p in (0.1, 0.9))
    middle = offsets[hours, len(LEVELS) // 2]
    above, below = np.maximum(high - middle, 1e-12), np.maximum(middle - low, 1e-12)
    needed = np.where(errors > middle, (errors - middle) / above, (middle - errors) / below)
    return float(np.clip(np.quantile(needed, NOMINAL), 0.5, 2.0))


def _of_few(count: float) -> float:
    """How much wider than known errors those to come lie, where only so many independent ones are known.

    The interval of a prediction from `count` normal errors (t quantile times sqrt(1 + 1/count)) against that of known
    spread, both to the first order (Hill 1970).
    """
    return 1 + ((Z**2 + 1) / 4 + 1 / 2) / max(count, 2)
