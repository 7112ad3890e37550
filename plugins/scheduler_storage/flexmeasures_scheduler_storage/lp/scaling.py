"""A problem in the units in which a solver is exact: its tolerances are absolute, and devices are of all sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.lp.device_problem import Floats, StorageProblem

# Costs are scaled to this size, so that the preference for sooner (at worst some 1e-8 of the price from one
# slot to the next) stands well above the solver's tolerance for reduced costs, which is absolute (1e-7).
COST_SCALE = 1e4


def power_size(problem: StorageProblem) -> float:
    """The largest power in MW (1 if all are 0): the unit in which the solver sees power and stock.

    Tolerances of solvers are absolute, and devices range from 1 kW to 100 MW.
    """
    import numpy as np

    size = float(max(np.abs(problem.power_lower).max(), np.abs(problem.power_upper).max()))
    if not np.isfinite(size):
        raise ValueError(f"limits of power must be finite, not {size}")
    return size or 1.0


def scaled(problem: StorageProblem, size: float) -> StorageProblem:
    """The same problem with power and stock in units of `size`; money per unit becomes money per size."""

    def each(values: Floats | None) -> Floats | None:
        return None if values is None else values / size

    return replace(
        problem,
        start=problem.start / size,
        power_lower=problem.power_lower / size,
        power_upper=problem.power_upper / size,
        stock_lower=problem.stock_lower / size,
        stock_upper=problem.stock_upper / size,
        inflow=each(problem.inflow),
        peak_so_far=problem.peak_so_far / size,
        wished_lower=each(problem.wished_lower),
        wished_upper=each(problem.wished_upper),
    )
