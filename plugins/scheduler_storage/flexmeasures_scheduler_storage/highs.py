"""A program solved by HiGHS in this process: `optimise()`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexmeasures_scheduler_storage.programs import Program, without_free_rows
from flexmeasures_scheduler_storage.storage import SchedulerError

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.storage import Floats

Options = dict[str, bool | int | float | str]

# One thread, because workers fork; no presolve, because it takes longer than it saves (1.9 against 1.6 ms for
# 192 slots); simplex, because it ends in a corner: idle slots are exactly idle, full power is exactly full.
HIGHS_OPTIONS: Options = {
    "output_flag": False,
    "threads": 1,
    "presolve": "off",
    "solver": "simplex",
    "primal_feasibility_tolerance": 1e-9,
}
# With another solver than "choose", HiGHS would ignore that variables are whole numbers. The programs are small and
# start from a good plan: what HiGHS does to find one, and its restarts, took three quarters of the time.
MIXED_INTEGER_OPTIONS: Options = HIGHS_OPTIONS | {
    "solver": "choose",
    "mip_rel_gap": 5e-7,
    "mip_feasibility_tolerance": 1e-9,
    "mip_allow_restart": False,
    "mip_detect_symmetry": False,
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}


@dataclass(frozen=True, eq=False)
class Solved:
    """Values of all columns, money by which the minimum rises with each column's bound and each row's, and bound.

    objective: the minimum found, bound: what none can be below; both money. Of whole numbers the prices are 0.
    """

    values: Floats
    reduced_costs: Floats
    row_prices: Floats
    objective: float
    bound: float


def optimise(
    numbers: Program, money: float, begin: Floats | None = None, options: Mapping[str, Any] | None = None
) -> Solved | None:
    """The minimum, solved with all costs multiplied by `money`; None when infeasible.

    begin: values of all columns that are feasible, to start whole numbers from. options: of HiGHS, instead of
    the usual ones. Raises SchedulerError when there is no answer.
    """
    import highspy
    import numpy as np

    if (numbers.lower > numbers.upper).any() or (numbers.row_lower > numbers.row_upper).any():
        return None
    mixed, rows = bool(numbers.whole.any()), len(numbers.row_lower)
    if mixed:
        numbers = without_free_rows(numbers)
    highs = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy leaves its constructor untyped
    for option, value in ((MIXED_INTEGER_OPTIONS if mixed else HIGHS_OPTIONS) | dict(options or {})).items():
        _check(highs.setOptionValue(option, value), f"setting its option {option}")
    passed = highs.passModel(
        len(numbers.cost),
        len(numbers.row_lower),
        len(numbers.values),
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        money * numbers.cost,
        numbers.lower,
        numbers.upper,
        numbers.row_lower,
        numbers.row_upper,
        numbers.starts,
        numbers.indices,
        numbers.values,
        numbers.whole.astype(np.int32),
    )
    _check(passed, "reading the program")
    if begin is not None:
        known = highspy.HighsSolution()
        known.col_value = begin.tolist()
        _check(highs.setSolution(known), "reading where to start")
    _check(highs.run(), "solving")
    status = highs.getModelStatus()
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return None
    if status != highspy.HighsModelStatus.kOptimal and not _stopped_with_a_plan(highs):
        raise SchedulerError(f"HiGHS found no schedule: {highs.modelStatusToString(status)}.")
    solution, objective = highs.getSolution(), float(highs.getObjectiveValue())
    bound = float(highs.getInfo().mip_dual_bound) if mixed else objective
    values = np.array(solution.col_value)
    return Solved(
        values=values,
        reduced_costs=np.zeros(len(values)) if mixed else np.array(solution.col_dual) / money,
        row_prices=np.zeros(rows) if mixed else np.array(solution.row_dual) / money,
        objective=objective / money,
        bound=bound / money,
    )


def _stopped_with_a_plan(highs: Any) -> bool:
    """Whether the search for whole numbers ended at its bound of nodes, with something feasible in hand."""
    import highspy

    feasible = int(highspy.SolutionStatus.kSolutionStatusFeasible)
    stopped = highs.getModelStatus() == highspy.HighsModelStatus.kSolutionLimit
    return bool(stopped) and bool(highs.getInfo().primal_solution_status == feasible)


def _check(status: Any, doing: str) -> None:
    """Raise SchedulerError unless HiGHS says that what it was doing went well."""
    import highspy

    if status == highspy.HighsStatus.kError:
        raise SchedulerError(f"HiGHS failed while {doing}.")
