"""How much flexibility a schedule uses: the volumes of documentation, chapter 6.3, from plan and baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Activation:
    """What a plan does to its baseline.

    net_in_mwh: by how much it consumes more in all (negative: less, or produces more); what curtailment is
    measured by. shifted_in_mwh: energy that is moved to another time. shifted_in_mwh_h: that energy times how long
    it is moved, in MWh*h, each MWh over the shortest way; what shifting is measured by.
    """

    net_in_mwh: float
    shifted_in_mwh: float
    shifted_in_mwh_h: float


def activation(values: ArrayLike, baseline: ArrayLike, hours: float) -> Activation:
    """The volumes of a plan; values, baseline: MW a slot of `hours`, shape (n,), consumption positive.

    Consumption that is added is matched with consumption that is taken away in their order of time; where there is
    more of one of them than of the other, the rest is the net volume.
    """
    import numpy as np

    change = (np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)) * hours
    added, taken = np.cumsum(np.maximum(change, 0.0)), np.cumsum(np.maximum(-change, 0.0))
    moved = min(added[-1], taken[-1]) if len(change) else 0.0
    # Between two of these masses, all that is added comes from one slot, and all that is taken from one.
    edges = np.unique(np.clip(np.concatenate([[0.0, moved], added, taken]), 0.0, moved))
    middle, mass = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    slots = np.searchsorted(added, middle) - np.searchsorted(taken, middle)
    return Activation(
        net_in_mwh=float(change.sum()),
        shifted_in_mwh=float(moved),
        shifted_in_mwh_h=float(hours * (mass @ np.abs(slots))),
    )
