"""A program solved by HiGHS in this process: `optimise()`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexmeasures_scheduler_storage import effort
from flexmeasures_scheduler_storage.lp.device_problem import SchedulerError
from flexmeasures_scheduler_storage.lp.instances import Program, without_free_rows

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.lp.device_problem import Floats

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
    "mip_rel_gap": effort.GAP,
    "mip_feasibility_tolerance": 1e-9,
    "mip_allow_restart": False,
    "mip_detect_symmetry": False,
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
}


# Programs of more columns than these can take longer than a moment: whoever wants them to stop is asked on the way.
LONG = 5000

# Reduced costs below this (with all costs multiplied by `money`, at most some 1e4) are none: the solver's tolerance is
# 1e-7. So a plan that is chosen among those of least cost costs at most a 1e-10th of its turnover more.
NO_COST = 1e-6

# What MW that are moved weigh among plans of equal cost, so that the preferences within stand above the tolerances.
WEIGHT = 1e4


@dataclass(frozen=True, eq=False)
class Solved:
    """Values of all columns, money by which the minimum rises with each column's bound and each row's, and bound.

    objective: the minimum found, bound: what none can be below; both money. Of whole numbers the prices are 0.
    All but the values are those of the least cost, whatever was chosen among what costs the same.
    """

    values: Floats
    reduced_costs: Floats
    row_prices: Floats
    objective: float
    bound: float


def optimise(
    numbers: Program,
    money: float,
    begin: Floats | None = None,
    options: Mapping[str, Any] | None = None,
    then: Floats | None = None,
) -> Solved | None:
    """The minimum, solved with all costs multiplied by `money`; None when infeasible.

    begin: values of all columns that are feasible, to start whole numbers from. options: of HiGHS, instead of
    the usual ones. then: what is minimised among all that cost the same (not of whole numbers). Ends within the time
    of `effort`, whole numbers with the best that was found. Raises SchedulerError when there is no answer.
    """
    import highspy
    import numpy as np

    if (numbers.lower > numbers.upper).any() or (numbers.row_lower > numbers.row_upper).any():
        return None
    mixed, rows = bool(numbers.whole.any()), len(numbers.row_lower)
    if mixed:
        numbers = without_free_rows(numbers)
    left = effort.seconds_left(searching=mixed)
    if left <= 0:
        raise effort.out_of_time()
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
    if left < np.inf:
        _check(highs.setOptionValue("time_limit", left), "setting its time limit")
    status = _run(highs, asking=mixed or len(numbers.cost) > LONG, mixed=mixed)
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return None
    if status != highspy.HighsModelStatus.kOptimal and not (mixed and _stopped_with_a_plan(highs)):
        raise SchedulerError(f"HiGHS found no schedule: {highs.modelStatusToString(status)}.")
    solution, objective = highs.getSolution(), float(highs.getObjectiveValue())
    bound = float(highs.getInfo().mip_dual_bound) if mixed else objective
    values = np.array(solution.col_value)
    if then is not None and not mixed:
        values = _chosen(highs, numbers, solution, values, WEIGHT * then)
    return Solved(
        values=values,
        reduced_costs=np.zeros(len(values)) if mixed else np.array(solution.col_dual) / money,
        row_prices=np.zeros(rows) if mixed else np.array(solution.row_dual) / money,
        objective=objective / money,
        bound=bound / money,
    )


def _run(highs: Any, asking: bool, mixed: bool) -> Any:
    """Solve, and give the status. asking: whether to stop, now and then; raises StopAsked if so, OutOfTime if over."""
    import highspy

    raised: list[BaseException] = []

    def ask(kind: Any, message: str, told: Any, answer: Any, data: Any) -> None:
        try:  # no exception may cross HiGHS; signals of this process are handled here, too
            if effort.stopping():
                raise effort.StopAsked
        except BaseException as error:
            raised.append(error)
        if raised:
            answer.user_interrupt = True

    if asking:
        callbacks = highspy.cb.HighsCallbackType
        super(highspy.Highs, highs).setCallback(ask, None)
        for each in (callbacks.kCallbackMipInterrupt, callbacks.kCallbackSimplexInterrupt):
            highs.startCallback(each)
    try:
        _check(highs.run(), "solving")
    finally:
        if asking:
            super(highspy.Highs, highs).setCallback(None, None)
    if raised:
        raise raised[0]
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kTimeLimit and not (mixed and _stopped_with_a_plan(highs)):
        raise effort.out_of_time()
    return status


def _chosen(highs: Any, numbers: Program, solution: Any, values: Floats, then: Floats) -> Floats:
    """The values that minimise `then` among all that cost as little: by complementary slackness, those in which every
    column and row that has a price stays where it is.
    """
    import highspy
    import numpy as np

    columns, rows = (np.abs(np.array(each)) > NO_COST for each in (solution.col_dual, solution.row_dual))
    activity = np.array(solution.row_value)
    dual = np.array(solution.col_dual)
    fixed = np.where(dual > 0, numbers.lower, numbers.upper)
    fixed = np.where(np.isfinite(fixed), fixed, values)
    width = len(values)
    lower, upper = np.where(columns, fixed, numbers.lower), np.where(columns, fixed, numbers.upper)
    highs.changeColsBounds(width, np.arange(width, dtype=np.int32), lower, upper)
    moving = rows & (numbers.row_lower < numbers.row_upper)
    if moving.any():
        at = np.flatnonzero(moving).astype(np.int32)
        highs.changeRowsBounds(len(at), at, activity[moving], activity[moving])
    highs.changeColsCost(width, np.arange(width, dtype=np.int32), then)
    left = effort.seconds_left()
    if left < np.inf:  # the least cost is found, which is worth more than the choice among equals
        highs.setOptionValue("time_limit", highs.getRunTime() + max(left, 0.01))
    try:
        status = _run(highs, asking=width > LONG, mixed=False)
        if status != highspy.HighsModelStatus.kOptimal:  # seldom, from where the least cost was found
            highs.clearSolver()
            status = _run(highs, asking=width > LONG, mixed=False)
    except effort.OutOfTime:
        return values
    if status != highspy.HighsModelStatus.kOptimal:
        return values
    return np.array(highs.getSolution().col_value)


def _stopped_with_a_plan(highs: Any) -> bool:
    """Whether the search for whole numbers ended at its bound of nodes or time, with something feasible in hand."""
    import highspy

    ends = highspy.HighsModelStatus
    stopped = highs.getModelStatus() in (ends.kSolutionLimit, ends.kTimeLimit)
    feasible = int(highspy.SolutionStatus.kSolutionStatusFeasible)
    return stopped and bool(highs.getInfo().primal_solution_status == feasible)


def _check(status: Any, doing: str) -> None:
    """Raise SchedulerError unless HiGHS says that what it was doing went well."""
    import highspy

    if status == highspy.HighsStatus.kError:
        raise SchedulerError(f"HiGHS failed while {doing}.")
