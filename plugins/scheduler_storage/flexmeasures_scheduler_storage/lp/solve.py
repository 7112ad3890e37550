"""The cheapest power of one storage device, numbers in and numbers out: `solve()`.

`storage.py` says what a problem is, `equations.py` states its mathematics in Pyomo, `compiled.py` compiles
that once for each form and lets HiGHS solve it in process; other solvers get the Pyomo model itself.

It is a linear program, unless charging and discharging at once would pay: `directions.py` tells how that is
kept out. In the end it is a linear program again, with the directions as found, for exact corners and shadow prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage import dynamic, effort, peaks
from flexmeasures_scheduler_storage.lp.device_problem import (
    Form,
    Outcome,
    SchedulerError,
    ShadowPrices,
    Solution,
    StorageProblem,
    form_of,
)
from flexmeasures_scheduler_storage.lp.equations import PENALTY, columns, highest_price, pyomo_model
from flexmeasures_scheduler_storage.lp.exclusive_directions import both_ways, net_power, one_way, tempting
from flexmeasures_scheduler_storage.lp.highs import optimise
from flexmeasures_scheduler_storage.lp.instances import choice, program
from flexmeasures_scheduler_storage.lp.scaling import COST_SCALE, power_size, scaled
from flexmeasures_scheduler_storage.lp.templates import preload, structure

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.lp.device_problem import Floats

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

# Decimals of MW and MWh that are kept: a thousand times finer than the solver is exact, so nothing but noise is lost.
DECIMALS = 12


@dataclass(frozen=True, eq=False)
class Answer:
    """Values of the columns by the names of `equations`, their reduced costs where the solver tells them, and bound.

    bound: no plan costs less, in the money of the program.
    """

    values: dict[str, Floats]
    reduced_costs: Mapping[str, Floats]
    bound: float = -inf


def solve(problem: StorageProblem, solver: str = "highs") -> Solution:
    """The cheapest feasible power, or INFEASIBLE; of plans that cost the same the one that `sooner` asks for.

    solver: "highs" (in process), or any other name that Pyomo's SolverFactory knows and finds installed.
    Raises SchedulerError when the solver is not there or ends without an answer, ValueError when limits of
    power are not finite. May be called from several threads.
    """
    import numpy as np

    size = power_size(problem)
    small = scaled(problem, size)
    answer = _solve(small, solver)
    if answer is not None and both_ways(answer.values).any():
        answer = _directed(small, answer, solver)
    if answer is None:
        unknown = np.full(len(problem.prices), np.nan)
        return Solution(outcome=Outcome.INFEASIBLE, power=unknown, stock=unknown, cost=float("nan"))
    power = cleaned(problem, net_power(answer.values) * size)
    stock = cleaned_stock(problem, power)
    cost = cost_of(problem, power, stock)
    return Solution(
        outcome=Outcome.OPTIMAL,
        power=power,
        stock=stock,
        cost=cost,
        bound=min(size * answer.bound - problem.peak_price * problem.peak_so_far, cost),
        shadow_prices=shadow_prices(problem, answer.reduced_costs) if solver == "highs" else None,
    )


def cleaned(problem: StorageProblem, power: Floats) -> Floats:
    """Power without the solver's rounding, within its limits."""
    import numpy as np

    rounded = np.round(power, DECIMALS)  # 0.3 rather than 0.30000000000000004
    within = np.clip(rounded, problem.power_lower, problem.power_upper)
    within[np.abs(within) < NOISE] = 0.0
    return within


def cleaned_stock(problem: StorageProblem, power: Floats) -> Floats:
    """The stock (MWh at slot ends) of a power (MW), without rounding, within its limits."""
    import numpy as np

    stock = np.round(stock_after(problem, power), DECIMALS)
    return np.clip(stock, problem.stock_lower, problem.stock_upper)


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


def _directed(problem: StorageProblem, answer: Answer, solver: str) -> Answer | None:
    """The best plan of one direction a slot, from one that goes both ways in some; None when infeasible.

    At the end of the time for searching, the best that is known.
    """
    rounded = _solve(one_way(problem, net_power(answer.values) > 0), solver)
    if dynamic.can_plan(problem):
        try:
            penalty, check = PENALTY * highest_price(problem), effort.check_search
            if problem.peak_price:
                found = peaks.plan(problem, penalty, check, answer.bound)
            else:
                found = dynamic.plan(problem, penalty, check)
        except effort.OutOfTime:
            if rounded is None:
                raise
            return replace(rounded, bound=answer.bound)
        exact = None if found is None else _solve(one_way(problem, found.power > 0), solver)
        if found is not None and exact is not None:
            return replace(exact, bound=max(found.bound, answer.bound))
    return _searched(problem, answer, rounded, solver)


def _searched(problem: StorageProblem, answer: Answer, rounded: Answer | None, solver: str) -> Answer | None:
    """As `_directed`, by whole numbers for the directions of those slots where that is needed."""
    import numpy as np

    exclusive, found, bound = np.zeros(len(problem.prices), dtype=bool), answer, answer.bound
    while (both_ways(found.values) & ~exclusive).any():
        exclusive |= both_ways(found.values) | tempting(problem)
        try:
            better = _solve(replace(problem, exclusive=exclusive), solver, rounded)
        except effort.OutOfTime:
            if rounded is None:
                raise
            return replace(rounded, bound=bound)
        if better is None:
            return None
        found, bound = better, max(bound, better.bound)
        rounded = _solve(one_way(problem, net_power(found.values) > 0), solver)
    return None if rounded is None else replace(rounded, bound=bound)


def _solve(problem: StorageProblem, solver: str, known: Answer | None = None) -> Answer | None:
    """The best answer, going both ways where nothing excludes that; None when infeasible.

    known: an answer of one direction a slot, to start from.
    """
    import numpy as np

    form = form_of(problem)
    if solver != "highs":
        return _solve_by_pyomo(problem, form, solver)
    begin = None
    if known is not None and form.exclusive:
        charging = {"charging": (net_power(known.values) > 0).astype(np.float64)}
        begin = np.concatenate([(known.values | charging)[name] for name in columns(form)])
    money = COST_SCALE / highest_price(problem) / problem.hours
    then = None if problem.sooner is None else choice(problem, form)
    solved = optimise(program(problem, form), money, begin, then=then)
    if solved is None:
        return None
    parts = structure(form).columns
    return Answer(
        {name: solved.values[part] for name, part in parts.items()},
        {name: solved.reduced_costs[part] for name, part in parts.items()},
        solved.bound,
    )


def shadow_prices(problem: StorageProblem, reduced: Mapping[str, Floats]) -> ShadowPrices:
    """Reduced costs by the bound that they belong to: positive ones to the lower, negative ones to the upper.

    Power and stock are scaled alike, so that money per unit is the same as in the scaled program.
    """
    import numpy as np

    stock = reduced["stock"] if problem.stored else np.zeros(len(problem.prices))
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
