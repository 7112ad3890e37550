"""Rows of a file in order of time, each with its begin and end.

A file may have millions of them: what works on all of them makes one array of their number at a time, no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures.timeseries import Floats, Integers

# A gap that is longer than so many slots starts a new series, so that no stray date fills the memory.
MAX_GAP = 1000
# A file makes so many slots of a sensor at most: 95 years of minutes.
MAX_SLOTS = 50_000_000


@dataclass
class Slots:
    """Rows in order of time: starts and real lengths in ms. notes: what was decided; warnings: what is in doubt."""

    starts: Integers
    lengths: Integers
    values: Floats
    lines: NDArray[np.integer[Any]]
    notes: list[str]
    warnings: list[str]
    off_grid: bool = False  # rows begin and end anywhere

    @property
    def ends(self) -> Integers:
        """Where each row ends, in ms."""
        return self.starts + self.lengths


def all_of(length: int, count: int) -> Integers:
    """That length for so many rows, in the memory of one (not to be written to)."""
    import numpy as np

    return np.broadcast_to(np.int64(length), count)


def runs_of(numbers: Integers) -> tuple[Integers, Integers]:
    """Where runs of equal numbers begin, and how many numbers each has."""
    import numpy as np

    firsts = np.append(0, np.flatnonzero(numbers[1:] != numbers[:-1]) + 1)
    return firsts, np.diff(np.append(firsts, len(numbers)))


def most_common(numbers: Integers) -> tuple[int, int, int]:
    """The number that is there most often, how often, and how many different ones there are."""
    import numpy as np

    firsts, counts = runs_of(numbers)
    kinds, kind = np.unique(numbers[firsts], return_inverse=True)
    totals = np.bincount(kind, counts)
    return int(kinds[totals.argmax()]), int(totals.max()), len(kinds)
