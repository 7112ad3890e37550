"""The cheapest power of one storage device, numbers in and numbers out: `solve()`.

`storage.py` says what a problem is, `equations.py` states its mathematics in Pyomo, `compiled.py` compiles
that once for each form and lets HiGHS solve it in process; other solvers get the Pyomo model itself.

It is a linear program, unless charging and discharging at once would pay (losses at negative prices, or
production that earns more than consumption costs): only when the linear program does so anywhere, it is
solved again with the direction of each slot as a binary variable (14 to 19 times slower), and then once more
with the directions as found, for exact corners and shadow prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flexmeasures_scheduler_storage.compiled import Answer, preload, solve_in_process, structure
from flexmeasures_scheduler_storage.equations import columns, highest_price, pyomo_model
from flexmeasures_scheduler_storage.storage import (
    Form,
    Outcome,
    SchedulerError,
    ShadowPrices,
    Solution,
    StorageProblem,
    form_of,
)

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.storage import Floats

__all__ = [
    "Form",
    "Outcome",
    "SchedulerError",
    "ShadowPrices",
    "Solution",
    "StorageProblem",
    "net_power",
    "next_stock",
    "one_way",
    "preload",
    "solve",
    "stock_after",
    "structure",
]

# Below this power (MW) a value is the solver's rounding, not a plan.
NOISE = 1e-9

# Decimals of MW that are kept: a thousand times finer than the solver is exact, so nothing but noise is lost.
DECIMALS = 12

# Costs are scaled to this size, so that the preference for sooner (at worst some 1e-8 of the price from one
# slot to the next) stands well above the solver's tolerance for reduced costs, which is absolute (1e-7).
COST_SCALE = 1e4

# The share of the largest power that has to flow both ways in a slot to count as charging and discharging.
BOTH_WAYS = 1e-8


def solve(problem: StorageProblem, solver: str = "highs") -> Solution:
    """The cheapest feasible power, or INFEASIBLE.

    solver: "highs" (in process), or any other name that Pyomo's SolverFactory knows and finds installed.
    Raises SchedulerError when the solver is not there or ends without an answer, ValueError when limits of
    power are not finite. May be called from several threads.
    """
    import numpy as np

    size, form = _power_size(problem), form_of(problem)
    scaled = _scale(problem, size)
    answer = _solve(scaled, form, solver)
    if answer is not None and form.split and _both_ways(answer).any():
        answer = _solve(scaled, form._replace(exclusive=True), solver)
        if answer is not None:
            answer = _solve(one_way(scaled, net_power(answer.values) > 0), form, solver)
    if answer is None:
        unknown = np.full(len(problem.prices), np.nan)
        return Solution(outcome=Outcome.INFEASIBLE, power=unknown, stock=unknown, cost=float("nan"))
    power = np.round(net_power(answer.values) * size, DECIMALS)  # 0.3 rather than 0.30000000000000004
    power = np.clip(power, problem.power_lower, problem.power_upper)
    power[np.abs(power) < NOISE] = 0.0
    stock = np.clip(stock_after(problem, power), problem.stock_lower, problem.stock_upper)
    return Solution(
        outcome=Outcome.OPTIMAL,
        power=power,
        stock=stock,
        cost=cost_of(problem, power, stock),
        shadow_prices=_shadow_prices(problem, answer) if solver == "highs" else None,
    )


def cost_of(problem: StorageProblem, power: Floats, stock: Floats) -> float:
    """What a plan costs, money: the objective of `equations`, without penalties for missed wishes."""
    import numpy as np

    charge, discharge = np.maximum(power, 0.0), np.maximum(-power, 0.0)
    cost = problem.hours * (problem.prices @ charge - problem.earned @ discharge)
    cost += problem.hours * problem.cycle_cost * float((charge + discharge).sum()) / 2
    cost -= problem.end_value * stock[-1]
    return float(cost + problem.peak_price * max(float(power.max()) - problem.peak_so_far, 0.0))


def next_stock(problem: StorageProblem, slot: int, stock: float, power: float) -> float:
    """The stock (MWh) at the end of a slot that begins with `stock` and has that power (MW)."""
    gained = problem.charge_efficiency * power if power > 0 else power / problem.discharge_efficiency
    inflow = 0.0 if problem.inflow is None else float(problem.inflow[slot])
    return problem.retention * stock + problem.hours * gained + inflow


def stock_after(problem: StorageProblem, power: Floats) -> Floats:
    """MWh at slot ends, from the power (MW) of each slot."""
    import numpy as np

    charge, discharge = np.maximum(power, 0.0), np.maximum(-power, 0.0)
    flow = problem.charge_efficiency * charge - discharge / problem.discharge_efficiency
    gained = problem.hours * flow + problem.gains
    if problem.retention == 1.0:
        summed: Floats = problem.start + np.cumsum(gained)
        return summed
    stock, found = problem.start, []
    for gain in gained.tolist():
        stock = problem.retention * stock + gain
        found.append(stock)
    return np.array(found)


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
    """The same problem with power and stock in units of `size`; money per unit becomes money per size."""

    def scaled(values: Floats | None) -> Floats | None:
        return None if values is None else values / size

    return replace(
        problem,
        start=problem.start / size,
        power_lower=problem.power_lower / size,
        power_upper=problem.power_upper / size,
        stock_lower=problem.stock_lower / size,
        stock_upper=problem.stock_upper / size,
        inflow=scaled(problem.inflow),
        peak_so_far=problem.peak_so_far / size,
        wished_lower=scaled(problem.wished_lower),
        wished_upper=scaled(problem.wished_upper),
    )


def _solve(problem: StorageProblem, form: Form, solver: str) -> Answer | None:
    if solver == "highs":
        money = COST_SCALE / highest_price(problem) / problem.hours
        return solve_in_process(problem, form, money)
    return _solve_by_pyomo(problem, form, solver)


def net_power(values: Mapping[str, Floats]) -> Floats:
    """Power, consumption positive, from the values of a device's columns."""
    return values["power"] if "power" in values else values["charge"] - values["discharge"]


def _both_ways(answer: Answer) -> Any:
    """Which slots charge and discharge at once, shape (n,) of booleans."""
    import numpy as np

    return np.minimum(answer.values["charge"], answer.values["discharge"]) > BOTH_WAYS


def one_way(problem: StorageProblem, charging: Any) -> StorageProblem:
    """The same problem with each slot's direction fixed."""
    import numpy as np

    return replace(
        problem,
        power_lower=np.where(charging, np.maximum(problem.power_lower, 0.0), problem.power_lower),
        power_upper=np.where(charging, problem.power_upper, np.minimum(problem.power_upper, 0.0)),
    )


def _shadow_prices(problem: StorageProblem, answer: Answer) -> ShadowPrices:
    """Reduced costs by the bound that they belong to: positive ones to the lower, negative ones to the upper.

    Power and stock are scaled alike, so that money per unit is the same as in the scaled program.
    """
    import numpy as np

    reduced = answer.reduced_costs
    stock = reduced["stock"]
    if "power" in reduced:
        power_lower, power_upper = np.maximum(reduced["power"], 0.0), np.minimum(reduced["power"], 0.0)
    else:
        # A direction that is shut, by the device or by the choice of directions, is no limit of the other.
        power_upper = np.where(problem.power_upper > 0, np.minimum(reduced["charge"], 0.0), 0.0)
        power_lower = np.where(problem.power_lower < 0, np.maximum(-reduced["discharge"], 0.0), 0.0)
    return ShadowPrices(
        power_lower=power_lower,
        power_upper=power_upper,
        stock_lower=np.maximum(stock, 0.0),
        stock_upper=np.minimum(stock, 0.0),
    )


def _solve_by_pyomo(problem: StorageProblem, form: Form, solver: str) -> Answer | None:
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
    money = COST_SCALE / highest_price(problem)
    model = pyomo_model(_priced(problem, money), form)
    results = optimiser.solve(model, load_solutions=False)
    ending = results.solver.termination_condition
    if ending in (TerminationCondition.infeasible, TerminationCondition.infeasibleOrUnbounded):
        return None
    if ending != TerminationCondition.optimal or results.solver.status != SolverStatus.ok:
        raise SchedulerError(f"The solver {solver} found no schedule: {ending}.")
    model.solutions.load_from(results)
    found = {
        name: np.array([variable.value for variable in getattr(model, name).values()], dtype=np.float64)
        for name in columns(form)
    }
    return Answer(found, {})


def _priced(problem: StorageProblem, money: float) -> StorageProblem:
    """The same problem with all money multiplied."""
    return replace(
        problem,
        prices=problem.prices * money,
        production_prices=None if problem.production_prices is None else problem.production_prices * money,
        cycle_cost=problem.cycle_cost * money,
        end_value=problem.end_value * money,
        peak_price=problem.peak_price * money,
    )
