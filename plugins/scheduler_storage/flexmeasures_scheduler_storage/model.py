"""The cheapest power of one storage device: a linear program, numbers in and numbers out.

    minimise    sum_j price_j * hours * power_j                              electricity_cost
    so that     stock_j = stock_{j-1} + hours * power_j,  stock_{-1} = start  stock_balance
                power_lower_j <= power_j <= power_upper_j                    power_limits
                stock_lower_j <= stock_j <= stock_upper_j                    stock_limits

Slots j = 0 .. n-1 of equal length; power in MW (consumption positive) is constant within a slot, stock in
MWh is that at a slot's end, a price in money per MWh is paid for consumption and earned by production. A
target is a slot whose two stock limits are equal. Stock is carried from slot to slot (two or three entries
a row), because summing power from the start would make the matrix, and the time to solve it, quadratic.

The Pyomo model states the mathematics. It is compiled to matrices once for each number of slots; later
problems of that size only patch numbers into them and go to HiGHS in process. Other solvers get the Pyomo
model itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Below this power (MW) a value is the solver's rounding, not a plan.
NOISE = 1e-9

# Decimals of MW that are kept: a thousand times finer than the solver is exact, so nothing but noise is lost.
DECIMALS = 12

# Costs are scaled to this size, so that the preference for sooner (at worst some 1e-8 of the price from one
# slot to the next) stands well above the solver's tolerance for reduced costs, which is absolute (1e-7).
COST_SCALE = 1e4

# One thread, because workers fork; no presolve, because it takes longer than it saves (1.9 against 1.6 ms for
# 192 slots); simplex, because it ends in a corner: idle slots are exactly idle, full power is exactly full.
HIGHS_OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "threads": 1,
    "presolve": "off",
    "solver": "simplex",
    "primal_feasibility_tolerance": 1e-9,
}

_compiling = Lock()


class SchedulerError(Exception):
    """The linear program could not be solved, for another reason than being infeasible."""


class Outcome(Enum):
    """How a solve ended. There is no unbounded problem, because power is limited from both sides."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"


@dataclass(frozen=True, kw_only=True, eq=False)
class StorageProblem:
    """One storage device over n slots; every array has shape (n,).

    prices: money per MWh. hours: length of a slot. start: MWh before the first slot. power_lower,
    power_upper: MW, finite, consumption positive. stock_lower, stock_upper: MWh at slot ends, may be
    infinite; equal where the stock is prescribed.
    """

    prices: Floats
    hours: float
    start: float
    power_lower: Floats
    power_upper: Floats
    stock_lower: Floats
    stock_upper: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """power: MW a slot, stock: MWh at slot ends, both of shape (n,) and NaN when infeasible; cost: money."""

    outcome: Outcome
    power: Floats
    stock: Floats
    cost: float


@dataclass(frozen=True, eq=False)
class Structure:
    """The program of n slots as arrays: columns are n powers, then n stocks; row j is slot j's balance.

    starts, rows, values: the matrix by columns (as in scipy's csc_array) for slots of one hour.
    is_power: which entries of `values` belong to powers, and so are to be multiplied by the slot length.
    """

    starts: NDArray[np.int32]
    rows: NDArray[np.int32]
    values: Floats
    is_power: NDArray[np.bool_]


def solve(problem: StorageProblem, solver: str = "highs") -> Solution:
    """The cheapest feasible power, or INFEASIBLE.

    solver: "highs" (in process), or any other name that Pyomo's SolverFactory knows and finds installed.
    Raises SchedulerError when the solver is not there or ends without an answer, ValueError when limits of
    power are not finite. May be called from several threads.
    """
    import numpy as np

    size = _power_size(problem)
    scaled = _scale(problem, size)
    power = _solve_in_process(scaled) if solver == "highs" else _solve_by_pyomo(scaled, solver)
    if power is None:
        unknown = np.full(len(problem.prices), np.nan)
        return Solution(outcome=Outcome.INFEASIBLE, power=unknown, stock=unknown, cost=float("nan"))
    power = np.round(power * size, DECIMALS)  # 0.3 rather than 0.30000000000000004
    power = np.clip(power, problem.power_lower, problem.power_upper)
    power[np.abs(power) < NOISE] = 0.0
    stock = problem.start + problem.hours * np.cumsum(power)
    stock = np.clip(stock, problem.stock_lower, problem.stock_upper)
    cost = problem.hours * float(problem.prices @ power)
    return Solution(outcome=Outcome.OPTIMAL, power=power, stock=stock, cost=cost)


def _power_size(problem: StorageProblem) -> float:
    """The largest power in MW (1 if all are 0): the unit in which the solver sees power and stock.

    Tolerances of solvers are absolute, and devices range from 1 kW to 100 MW.
    """
    import numpy as np

    size = float(max(np.abs(problem.power_lower).max(), np.abs(problem.power_upper).max()))
    if not np.isfinite(size):
        raise ValueError(f"limits of power must be finite, not {size}")
    return size or 1.0


def _scale(problem: StorageProblem, size: float) -> StorageProblem:
    """The same problem with power and stock in units of `size`, and the largest price COST_SCALE."""
    import numpy as np

    highest = float(np.abs(problem.prices).max())
    return replace(
        problem,
        prices=problem.prices * (COST_SCALE / highest if highest > 0 else 1.0),
        start=problem.start / size,
        power_lower=problem.power_lower / size,
        power_upper=problem.power_upper / size,
        stock_lower=problem.stock_lower / size,
        stock_upper=problem.stock_upper / size,
    )


# The Pyomo model, one function an equation


def stock_balance(model: Any, slot: int) -> Any:
    """stock_j = stock_{j-1} + hours * power_j  [MWh = MWh + h * MW], no losses (contract 16.2)."""
    before = model.start if slot == 0 else model.stock[slot - 1]
    return model.stock[slot] - before - model.hours * model.power[slot] == 0


def electricity_cost(model: Any) -> Any:
    """sum_j price_j * hours * power_j  [money = money/MWh * h * MW], production earns (contract 16.1)."""
    return sum(model.hours * model.price[j] * model.power[j] for j in model.slots)


def power_limits(problem: StorageProblem, slot: int) -> tuple[float, float]:
    """power_lower_j <= power_j <= power_upper_j  [MW], consumption positive (contract 16.3, 16.4)."""
    return float(problem.power_lower[slot]), float(problem.power_upper[slot])


def stock_limits(problem: StorageProblem, slot: int) -> tuple[float | None, float | None]:
    """stock_lower_j <= stock_j <= stock_upper_j  [MWh], equal at a target (contract 16.2 to 16.4)."""
    lower, upper = float(problem.stock_lower[slot]), float(problem.stock_upper[slot])
    return (lower if lower > -float("inf") else None, upper if upper < float("inf") else None)


def pyomo_model(problem: StorageProblem) -> Any:
    """The whole program as a Pyomo ConcreteModel with variables `power` and `stock`."""
    from pyomo.core.base import ConcreteModel, Constraint, Objective, RangeSet, Var

    model = ConcreteModel("storage")
    model.slots = RangeSet(0, len(problem.prices) - 1)
    model.price, model.hours, model.start = problem.prices.tolist(), problem.hours, problem.start
    model.power = Var(model.slots, bounds=lambda _, slot: power_limits(problem, slot))
    model.stock = Var(model.slots, bounds=lambda _, slot: stock_limits(problem, slot))
    model.balance = Constraint(model.slots, rule=stock_balance)
    model.cost = Objective(rule=electricity_cost)
    return model


# HiGHS in process


def preload() -> None:
    """Import all that solving needs (a second), so that a worker can do it before its first job arrives."""
    import_module("highspy")
    structure(1)  # Pyomo imports what it needs (much of scipy) only when it compiles


def structure(slots: int) -> Structure:
    """The compiled program of that many slots, from memory if it was compiled before."""
    with _compiling:  # Pyomo pauses the garbage collector while it compiles, which is global state
        return _compile(slots)


@lru_cache(maxsize=32)
def _compile(slots: int) -> Structure:
    """Let Pyomo compile the program of that many slots, with placeholders for all numbers."""
    import numpy as np
    from pyomo.common.gc_manager import PauseGC
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    ones, zeros = np.ones(slots), np.zeros(slots)
    placeholders = StorageProblem(
        prices=ones,
        hours=1.0,
        start=0.0,
        power_lower=zeros,
        power_upper=ones,
        stock_lower=zeros,
        stock_upper=ones,
    )
    with PauseGC():  # thousands of small objects that all live until the end
        model = pyomo_model(placeholders)
        columns = [*model.power.values(), *model.stock.values()]
        form = LinearStandardFormCompiler().write(model, mixed_form=True, column_order=columns)
    entries = np.diff(form.A.indptr)
    arrays = (
        form.A.indptr.astype(np.int32),
        form.A.indices.astype(np.int32),
        form.A.data,
        np.repeat(np.arange(2 * slots) < slots, entries),
    )
    for array in arrays:
        array.flags.writeable = False
    return Structure(*arrays)


def _solve_in_process(problem: StorageProblem) -> Floats | None:
    """Patch the numbers into the compiled structure and let HiGHS solve it; None when infeasible."""
    import highspy
    import numpy as np

    highs = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy leaves its constructor untyped
    for option, value in HIGHS_OPTIONS.items():
        _check(highs.setOptionValue(option, value), f"setting its option {option}")
    _check(_pass_model(highs, problem), "reading the program")
    _check(highs.run(), "solving")
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None
    if status != highspy.HighsModelStatus.kOptimal:
        raise SchedulerError(f"HiGHS found no schedule: {highs.modelStatusToString(status)}.")
    return np.array(highs.getSolution().col_value[: len(problem.prices)])


def _pass_model(highs: Any, problem: StorageProblem) -> Any:
    """Hand over the problem's arrays without any loop in Python; gives HiGHS's status."""
    import highspy
    import numpy as np

    slots = len(problem.prices)
    form = structure(slots)
    balance = np.zeros(slots)
    balance[0] = problem.start
    return highs.passModel(
        2 * slots,
        slots,
        len(form.values),
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        np.concatenate([problem.prices, np.zeros(slots)]),
        np.concatenate([problem.power_lower, problem.stock_lower]),
        np.concatenate([problem.power_upper, problem.stock_upper]),
        balance,
        balance,
        form.starts,
        form.rows,
        np.where(form.is_power, problem.hours * form.values, form.values),
        np.zeros(2 * slots, dtype=np.int32),
    )


def _check(status: Any, doing: str) -> None:
    """Raise SchedulerError unless HiGHS says that what it was doing went well."""
    import highspy

    if status == highspy.HighsStatus.kError:
        raise SchedulerError(f"HiGHS failed while {doing}.")


# Other solvers


def _solve_by_pyomo(problem: StorageProblem, solver: str) -> Floats | None:
    """Let Pyomo hand the model to a solver that is installed on this machine; None when infeasible."""
    import numpy as np
    from pyomo.environ import SolverFactory
    from pyomo.opt import SolverStatus, TerminationCondition

    optimiser = SolverFactory(solver)
    if not optimiser.available(exception_flag=False):
        raise SchedulerError(
            f"The solver {solver!r} (setting FLEXMEASURES_LP_SOLVER) is not installed on this machine."
            " Accepted: highs, or the name of an installed solver that Pyomo knows, such as cbc or glpk."
        )
    model = pyomo_model(problem)
    results = optimiser.solve(model, load_solutions=False)
    ending = results.solver.termination_condition
    if ending in (TerminationCondition.infeasible, TerminationCondition.infeasibleOrUnbounded):
        return None
    if ending != TerminationCondition.optimal or results.solver.status != SolverStatus.ok:
        raise SchedulerError(f"The solver {solver} found no schedule: {ending}.")
    model.solutions.load_from(results)
    return np.array([model.power[slot].value for slot in model.slots])
