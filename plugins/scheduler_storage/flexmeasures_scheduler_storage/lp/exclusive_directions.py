"""One direction in each slot, where going both ways at once would pay: whole numbers for as few slots as can be.

That is where prices are negative (losses are paid for) or where production earns more than consumption costs. Only if
the linear program goes both ways anywhere, the directions of such slots become whole numbers, and those of any others
(in which a store that is full has to take more) once an answer goes both ways there. Each search starts from the best
plan with the directions of the answer before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures_scheduler_storage.lp.device_problem import Floats, StorageProblem

    Values = Mapping[str, Floats]  # of a device's columns, by name

# The share of the largest power that has to flow both ways in a slot to count as charging and discharging.
BOTH_WAYS = 1e-8


def net_power(values: Values) -> Floats:
    """Power, consumption positive, from the values of a device's columns."""
    return values["power"] if "power" in values else values["charge"] - values["discharge"]


def both_ways(values: Values) -> NDArray[np.bool_]:
    """Which slots charge and discharge at once, shape (n,)."""
    import numpy as np

    if "power" in values:
        return np.zeros(len(values["power"]), dtype=bool)
    found: NDArray[np.bool_] = np.minimum(values["charge"], values["discharge"]) > BOTH_WAYS
    return found


def tempting(problem: StorageProblem) -> NDArray[np.bool_]:
    """In which slots it earns money to take energy in and out at once, shape (n,)."""
    through = problem.charge_efficiency * problem.discharge_efficiency
    worn = problem.cycle_cost * (1 + through) / 2
    found: NDArray[np.bool_] = problem.prices + worn < through * problem.earned
    return found


def one_way(problem: StorageProblem, charging: NDArray[np.bool_]) -> StorageProblem:
    """The same problem with each slot's direction fixed."""
    import numpy as np

    return replace(
        problem,
        power_lower=np.where(charging, np.maximum(problem.power_lower, 0.0), problem.power_lower),
        power_upper=np.where(charging, problem.power_upper, np.minimum(problem.power_upper, 0.0)),
        exclusive=None,
    )
