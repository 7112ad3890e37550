"""The cheapest time for a process that has to run, numbers in and numbers out: `place()`.

All or nothing: one run without a pause, the cheapest of all starts. Interruptible: the parts of the run keep
their order, and pauses between them cost nothing; a small dynamic program over (slot, part) finds the cheapest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Process:
    """A process and the window that it may run in.

    profile: MW in each slot of its run, shape (k,), consumption positive. first, last: the numbers of the first
    slot that it may use, and of the one after the last. prices: money per MWh, shape (n,). hours: of a slot.
    """

    profile: Floats
    prices: Floats
    hours: float
    first: int
    last: int
    interruptible: bool = False

    @property
    def fits(self) -> bool:
        """Whether there is room for the process in its window."""
        return len(self.profile) <= self.last - self.first


def place(process: Process) -> Floats:
    """Power in MW, shape (n,), with the process at its cheapest (of equal ones the earliest). ValueError: no room."""
    if not process.fits:
        raise ValueError("the process is longer than its window")
    return _at(process, _pieces(process) if process.interruptible else _block(process))


def at_once(process: Process) -> Floats:
    """Power in MW, shape (n,), with the process as early as it may run: what happens without flexibility."""
    return _at(process, list(range(process.first, process.first + len(process.profile))))


def _at(process: Process, slots: list[int]) -> Floats:
    import numpy as np

    power = np.zeros(len(process.prices))
    power[slots] = process.profile
    return power


def _block(process: Process) -> list[int]:
    import numpy as np

    window = process.prices[process.first : process.last]
    start = process.first + int(np.correlate(window, process.profile).argmin())
    return list(range(start, start + len(process.profile)))


def _pieces(process: Process) -> list[int]:
    """cheapest[j]: the least cost of the parts until now within the first j slots of the window."""
    import numpy as np

    window = process.prices[process.first : process.last]
    cheapest, used = np.zeros(len(window) + 1), []
    for power in process.profile:
        ending = np.concatenate([[np.inf], cheapest[:-1] + power * window])  # this part in slot j - 1
        cheapest = np.minimum.accumulate(ending)
        used.append(ending)
    slots, end = [], len(window)
    for ending in reversed(used):
        end = int(ending[: end + 1].argmin()) - 1
        slots.append(process.first + end)
    return slots[::-1]
