"""Rows of a file in order of time, each with its begin and end."""

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
    """Rows in order of time: each is about [start, end). notes: what was decided; warnings: what is in doubt."""

    starts: Integers
    ends: Integers
    values: Floats
    lines: NDArray[np.integer[Any]]
    notes: list[str]
    warnings: list[str]
    off_grid: bool = False  # rows begin and end anywhere

    @property
    def lengths(self) -> Integers:
        """Real lengths of the rows in ms."""
        return self.ends - self.starts
