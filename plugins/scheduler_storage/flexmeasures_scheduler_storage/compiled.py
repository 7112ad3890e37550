"""Pyomo's model compiled to matrices once for each form, then only patched with numbers and given to HiGHS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

from flexmeasures_scheduler_storage.equations import (
    PENALTY,
    columns,
    highest_price,
    pyomo_model,
    rows,
)
from flexmeasures_scheduler_storage.storage import Form, SchedulerError, StorageProblem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures_scheduler_storage.storage import Floats

# One thread, because workers fork; no presolve, because it takes longer than it saves (1.9 against 1.6 ms for
# 192 slots); simplex, because it ends in a corner: idle slots are exactly idle, full power is exactly full.
HIGHS_OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "presolve": "off",
    "solver": "simplex",
    "primal_feasibility_tolerance": 1e-9,
}
# With another solver than "choose", HiGHS would ignore that variables are whole numbers.
MIXED_INTEGER_OPTIONS: dict[str, bool | int | float | str] = HIGHS_OPTIONS | {
    "presolve": "choose",
    "solver": "choose",
    "mip_rel_gap": 1e-7,
    "mip_feasibility_tolerance": 1e-9,
}

_compiling = Lock()


@dataclass(frozen=True, eq=False)
class Structure:
    """The program of a form as arrays, the matrix by columns (as in scipy's csc_array), all coefficients 1.

    columns, rows: where the parts of the program are, by the names of `equations`. entries: which entries of
    `values` stand in a part's columns and another's rows.
    """

    starts: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: Floats
    columns: Mapping[str, slice]
    rows: Mapping[str, slice]
    entries: Mapping[tuple[str, str], NDArray[np.intp]]
    earlier: NDArray[np.intp]  # entries of a slot's stock in the balance of the next slot
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Program:
    """Numbers of one program: bounds and cost of columns, bounds of rows, and the matrix entries."""

    cost: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    values: Floats


@dataclass(frozen=True, eq=False)
class Answer:
    """Values and reduced costs of all columns, by the structure's names."""

    values: Mapping[str, Floats]
    reduced_costs: Mapping[str, Floats]


def preload() -> None:
    """Import all that solving needs (a second), so that a worker can do it before its first job arrives."""
    import_module("highspy")
    structure(Form(slots=1))  # Pyomo imports what it needs (much of scipy) only when it compiles


def structure(form: Form) -> Structure:
    """The compiled program of that form, from memory if it was compiled before."""
    with _compiling:  # Pyomo pauses the garbage collector while it compiles, which is global state
        return _compile(form)


def placeholders(slots: int) -> StorageProblem:
    """A problem all of whose coefficients are 1 (or -1), whatever the form."""
    import numpy as np

    ones = np.ones(slots)
    return StorageProblem(
        prices=ones,
        hours=1.0,
        start=0.0,
        power_lower=-ones,
        power_upper=ones,
        stock_lower=0 * ones,
        stock_upper=ones,
        wished_lower=0 * ones,
        wished_upper=ones,
    )


@lru_cache(maxsize=32)
def _compile(form: Form) -> Structure:
    """Let Pyomo compile the program of that form, with placeholders for all numbers."""
    import numpy as np

    matrix = compiled_by_pyomo(placeholders(form.slots), form).A
    starts, indices = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    column_parts, width = _parts(columns(form), form.slots)
    row_parts, height = _parts(rows(form), form.slots)
    column_of = np.repeat(np.arange(width), np.diff(starts))
    entries = {
        (column, row): np.flatnonzero(
            (column_of >= across.start)
            & (column_of < across.stop)
            & (indices >= down.start)
            & (indices < down.stop)
        )
        for column, across in column_parts.items()
        for row, down in row_parts.items()
    }
    carried = entries["stock", "balance"]
    earlier = carried[column_of[carried] - column_parts["stock"].start < indices[carried]]
    for array in (starts, indices, matrix.data):
        array.flags.writeable = False
    return Structure(starts, indices, matrix.data, column_parts, row_parts, entries, earlier, width, height)


def compiled_by_pyomo(problem: StorageProblem, form: Form) -> Any:
    """Pyomo's standard form of the program: A (by columns), c, rhs, in the order of `columns` and `rows`."""
    from pyomo.common.gc_manager import PauseGC
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    with PauseGC():  # thousands of small objects that all live until the end
        model = pyomo_model(problem, form)
        order = [variable for name in columns(form) for variable in getattr(model, name).values()]
        return LinearStandardFormCompiler().write(model, mixed_form=True, column_order=order)


def _parts(names: list[str], slots: int) -> tuple[dict[str, slice], int]:
    """Where each part stands among all columns or rows, and how many there are in all."""
    parts, begin = {}, 0
    for name in names:
        end = begin + (1 if name == "peak" else slots)
        parts[name] = slice(begin, end)
        begin = end
    return parts, begin


def program(problem: StorageProblem, form: Form) -> Program:
    """The numbers of the problem, patched into the structure of the form without any loop in Python."""
    import numpy as np

    found = structure(form)
    cost, lower, row_lower = np.zeros(found.width), np.zeros(found.width), np.full(found.height, -np.inf)
    upper, row_upper, values = np.full(found.width, np.inf), np.zeros(found.height), found.values.copy()
    column, row, entries = found.columns, found.rows, found.entries

    values[found.earlier] *= problem.retention
    balance = problem.gains.copy()
    balance[0] += problem.retention * problem.start
    row_lower[row["balance"]] = row_upper[row["balance"]] = balance
    lower[column["stock"]], upper[column["stock"]] = problem.stock_lower, problem.stock_upper
    cost[column["stock"].stop - 1] = -problem.end_value

    most_charge, most_discharge = np.maximum(problem.power_upper, 0), np.maximum(-problem.power_lower, 0)
    if form.split:
        cycled = problem.cycle_cost / 2
        cost[column["charge"]] = problem.hours * (problem.prices + cycled)
        cost[column["discharge"]] = problem.hours * (cycled - problem.earned)
        lower[column["charge"]], upper[column["charge"]] = np.maximum(problem.power_lower, 0), most_charge
        lower[column["discharge"]] = np.maximum(-problem.power_upper, 0)
        upper[column["discharge"]] = most_discharge
        values[entries["charge", "balance"]] *= problem.hours * problem.charge_efficiency
        values[entries["discharge", "balance"]] *= problem.hours / problem.discharge_efficiency
    else:
        cost[column["power"]] = problem.hours * problem.prices
        lower[column["power"]], upper[column["power"]] = problem.power_lower, problem.power_upper
        values[entries["power", "balance"]] *= problem.hours
    if form.exclusive:
        upper[column["charging"]] = 1.0
        values[entries["charging", "charging_only"]] *= most_charge
        values[entries["charging", "discharging_only"]] *= most_discharge
        row_upper[row["discharging_only"]] = most_discharge
    if form.peak:
        cost[column["peak"]], lower[column["peak"]] = problem.peak_price, problem.peak_so_far
    if form.wishes:
        cost[column["under"]] = cost[column["over"]] = PENALTY * highest_price(problem)
        row_lower[row["wished_least"]], row_upper[row["wished_least"]] = problem.wished_lower, np.inf
        row_upper[row["wished_most"]] = problem.wished_upper
    return Program(cost, lower, upper, row_lower, row_upper, values)


def solve_in_process(problem: StorageProblem, form: Form, money: float) -> Answer | None:
    """Let HiGHS solve it, with costs multiplied by `money`; None when infeasible."""
    import highspy
    import numpy as np

    found, numbers = structure(form), program(problem, form)
    if (numbers.lower > numbers.upper).any() or (numbers.row_lower > numbers.row_upper).any():
        return None
    highs = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy leaves its constructor untyped
    for option, value in (MIXED_INTEGER_OPTIONS if form.exclusive else HIGHS_OPTIONS).items():
        _check(highs.setOptionValue(option, value), f"setting its option {option}")
    whole = np.zeros(found.width, dtype=np.int32)
    if form.exclusive:
        whole[found.columns["charging"]] = 1
    passed = highs.passModel(
        found.width,
        found.height,
        len(numbers.values),
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        money * numbers.cost,
        numbers.lower,
        numbers.upper,
        numbers.row_lower,
        numbers.row_upper,
        found.starts,
        found.indices,
        numbers.values,
        whole,
    )
    _check(passed, "reading the program")
    _check(highs.run(), "solving")
    status = highs.getModelStatus()
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return None
    if status != highspy.HighsModelStatus.kOptimal:
        raise SchedulerError(f"HiGHS found no schedule: {highs.modelStatusToString(status)}.")
    solution = highs.getSolution()
    values = np.array(solution.col_value)
    duals = np.zeros(found.width) if form.exclusive else np.array(solution.col_dual) / money
    return Answer(
        {name: values[part] for name, part in found.columns.items()},
        {name: duals[part] for name, part in found.columns.items()},
    )


def _check(status: Any, doing: str) -> None:
    """Raise SchedulerError unless HiGHS says that what it was doing went well."""
    import highspy

    if status == highspy.HighsStatus.kError:
        raise SchedulerError(f"HiGHS failed while {doing}.")
