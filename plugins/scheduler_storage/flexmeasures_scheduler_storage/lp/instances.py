"""The numbers of a problem, patched into the compiled structure of its form: a `Program`, ready for a solver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage.lp.device_problem import Form, StorageProblem
from flexmeasures_scheduler_storage.lp.equations import PENALTY, highest_price
from flexmeasures_scheduler_storage.lp.templates import structure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures_scheduler_storage.lp.device_problem import Floats
    from flexmeasures_scheduler_storage.lp.templates import Structure


# What the power at a connection weighs beside that of devices, where it costs nothing to take and give at once.
CONNECTION = 4e-10


@dataclass(frozen=True, eq=False)
class Program:
    """Minimise cost @ x so that lower <= x <= upper and row_lower <= A x <= row_upper, some x being whole numbers.

    starts, indices, values: A by columns. whole: which columns are whole numbers.
    """

    cost: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    starts: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: Floats
    whole: NDArray[np.bool_]


def without_free_rows(numbers: Program) -> Program:
    """The same program without the rows that hold anyway, such as those of directions that are not chosen."""
    import numpy as np

    kept = np.isfinite(numbers.row_lower) | np.isfinite(numbers.row_upper)
    entries = kept[numbers.indices]
    before = np.append(0, np.cumsum(entries))
    return replace(
        numbers,
        row_lower=numbers.row_lower[kept],
        row_upper=numbers.row_upper[kept],
        starts=before[numbers.starts].astype(np.int32),
        indices=(np.cumsum(kept) - 1)[numbers.indices[entries]].astype(np.int32),
        values=numbers.values[entries],
    )


def program(problem: StorageProblem, form: Form) -> Program:
    """The numbers of the problem in the structure of the form, without any loop in Python."""
    import numpy as np

    found = structure(form)
    numbers = Program(
        cost=np.zeros(found.width),
        lower=np.zeros(found.width),
        upper=np.full(found.width, np.inf),
        row_lower=np.full(found.height, -np.inf),
        row_upper=np.zeros(found.height),
        starts=found.starts,
        indices=found.indices,
        values=found.values.copy(),
        whole=np.zeros(found.width, dtype=bool),
    )
    if form.stored:
        _stock(problem, found, numbers)
    (_charge_and_discharge if form.split else _power)(problem, found, numbers)
    if form.exclusive:
        _directions(problem, found, numbers)
    if form.peak:
        peak = found.columns["peak"]
        numbers.cost[peak], numbers.lower[peak] = problem.peak_price, problem.peak_so_far
    if form.wishes:
        _wishes(problem, found, numbers)
    return numbers


def choice(problem: StorageProblem, form: Form) -> Floats:
    """What is minimised among plans of equal cost, in the columns of the form: MW moved, the sooner the better."""
    import numpy as np

    found = structure(form)
    weights = np.zeros(found.width)
    if problem.sooner is not None and form.split:
        weights[found.columns["charge"]] = 1.0 + problem.sooner
        weights[found.columns["discharge"]] = 1.0 - problem.sooner
        if not problem.stored:  # a connection moves nothing by itself, but does not take and give at once
            weights *= CONNECTION
    return weights


def _stock(problem: StorageProblem, found: Structure, numbers: Program) -> None:
    import numpy as np

    column, row = found.columns["stock"], found.rows["balance"]
    numbers.values[found.earlier] *= problem.retention
    balance = problem.gains.copy()
    balance[0] += problem.retention * problem.start
    numbers.row_lower[row] = numbers.row_upper[row] = balance
    if problem.anywhere:
        numbers.row_lower[row.start], numbers.row_upper[row.start] = -np.inf, np.inf
    numbers.lower[column], numbers.upper[column] = problem.stock_lower, problem.stock_upper
    numbers.cost[column.stop - 1] = -problem.end_value


def _power(problem: StorageProblem, found: Structure, numbers: Program) -> None:
    column = found.columns["power"]
    numbers.cost[column] = problem.hours * problem.prices
    numbers.lower[column], numbers.upper[column] = problem.power_lower, problem.power_upper
    if problem.stored:
        numbers.values[found.entries["power", "balance"]] *= problem.hours


def _charge_and_discharge(problem: StorageProblem, found: Structure, numbers: Program) -> None:
    import numpy as np

    charge, discharge, cycled = found.columns["charge"], found.columns["discharge"], problem.cycle_cost / 2
    numbers.cost[charge] = problem.hours * (problem.prices + cycled)
    numbers.cost[discharge] = problem.hours * (cycled - problem.earned)
    numbers.lower[charge] = np.maximum(problem.power_lower, 0)
    numbers.upper[charge] = np.maximum(problem.power_upper, 0)
    numbers.lower[discharge] = np.maximum(-problem.power_upper, 0)
    numbers.upper[discharge] = np.maximum(-problem.power_lower, 0)
    if problem.stored:
        numbers.values[found.entries["charge", "balance"]] *= problem.hours * problem.charge_efficiency
        numbers.values[found.entries["discharge", "balance"]] *= problem.hours / problem.discharge_efficiency


def _directions(problem: StorageProblem, found: Structure, numbers: Program) -> None:
    """Whole numbers only where they are asked for: elsewhere their rows hold anyway."""
    import numpy as np

    column, chosen = found.columns["charging"], np.asarray(problem.exclusive, dtype=bool)
    numbers.upper[column], numbers.whole[column] = 1.0, chosen
    numbers.values[found.entries["charging", "charging_only"]] *= problem.most_charge
    numbers.values[found.entries["charging", "discharging_only"]] *= problem.most_discharge
    numbers.row_upper[found.rows["charging_only"]] = np.where(chosen, 0.0, np.inf)
    numbers.row_upper[found.rows["discharging_only"]] = np.where(chosen, problem.most_discharge, np.inf)


def _wishes(problem: StorageProblem, found: Structure, numbers: Program) -> None:
    import numpy as np

    penalty = PENALTY * highest_price(problem)
    numbers.cost[found.columns["under"]] = numbers.cost[found.columns["over"]] = penalty
    numbers.row_lower[found.rows["wished_least"]] = problem.wished_lower
    numbers.row_upper[found.rows["wished_least"]] = np.inf
    numbers.row_upper[found.rows["wished_most"]] = problem.wished_upper
