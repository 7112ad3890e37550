"""The mathematics of one storage device as a Pyomo model: one function an equation.

Slots j = 0 .. n-1 of equal length h; power in MW (consumption positive) is constant within a slot, stock in
MWh is that at a slot's end. Parts that a problem does not need (`storage.Form`) are not in its model:

    minimise    sum_j h (price_j charge_j - earned_j discharge_j)                       electricity_cost
                + sum_j h cycle_cost (charge_j + discharge_j) / 2                       cycle_cost
                - end_value stock_{n-1}                                                 end_value
                + peak_price (peak - peak_so_far)                                       peak_cost
                + penalty sum_j (under_j + over_j)                                      missed_wishes
    so that     stock_j = retention stock_{j-1} + h (eta charge_j - discharge_j / eta') + inflow_j
                power_lower_j <= charge_j - discharge_j <= power_upper_j, stock_lower_j <= stock_j <= stock_upper_j
                charge_j <= limit_j charging_j, discharge_j <= limit_j (1 - charging_j), charging_j in {0, 1}
                charge_j - discharge_j <= peak, peak >= peak_so_far
                wished_lower_j - under_j <= stock_j <= wished_upper_j + over_j

Without losses one variable `power` takes the place of charge - discharge. Stock is carried from slot to slot
(two or three entries a row), because summing power from the start would make the matrix, and the time to
solve it, quadratic.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.lp.device_problem import Form, StorageProblem

# What a missed wish costs per MWh, in units of the highest price: more than any plan could earn by missing it.
PENALTY = 100.0


def net_power(model: Any, slot: int) -> Any:
    """power_j = charge_j - discharge_j  [MW], consumption positive."""
    return model.charge[slot] - model.discharge[slot] if model.form.split else model.power[slot]


def flow(model: Any, slot: int) -> Any:
    """eta charge_j - discharge_j / eta'  [MW]: what enters the stock, losses taken off."""
    problem = model.problem
    if not model.form.split:
        return model.power[slot]
    produced = model.discharge[slot] / problem.discharge_efficiency
    return problem.charge_efficiency * model.charge[slot] - produced


def stock_balance(model: Any, slot: int) -> Any:
    """stock_j = retention stock_{j-1} + h flow_j + inflow_j  [MWh] (contract 16.2)."""
    problem = model.problem
    before = problem.start if slot == 0 else model.stock[slot - 1]
    gained = problem.hours * flow(model, slot) + float(problem.gains[slot])
    return model.stock[slot] - problem.retention * before - gained == 0


def charging_only(model: Any, slot: int) -> Any:
    """charge_j <= limit charging_j  [MW]: no charging in a slot that discharges."""
    if not model.problem.exclusive[slot]:
        return _nothing()
    return model.charge[slot] - float(model.problem.most_charge[slot]) * model.charging[slot] <= 0


def discharging_only(model: Any, slot: int) -> Any:
    """discharge_j <= limit (1 - charging_j)  [MW]: no discharging in a slot that charges."""
    if not model.problem.exclusive[slot]:
        return _nothing()
    limit = float(model.problem.most_discharge[slot])
    return model.discharge[slot] + limit * model.charging[slot] <= limit


def _nothing() -> Any:
    """Says to Pyomo that a slot has no such equation."""
    from pyomo.core.base import Constraint

    return Constraint.Skip


def below_peak(model: Any, slot: int) -> Any:
    """power_j <= peak  [MW]."""
    return net_power(model, slot) - model.peak <= 0


def wished_least(model: Any, slot: int) -> Any:
    """stock_j + under_j >= wished_lower_j  [MWh]."""
    return model.stock[slot] + model.under[slot] >= float(model.problem.wished_lower[slot])


def wished_most(model: Any, slot: int) -> Any:
    """stock_j - over_j <= wished_upper_j  [MWh]."""
    return model.stock[slot] - model.over[slot] <= float(model.problem.wished_upper[slot])


def electricity_cost(model: Any) -> Any:
    """sum_j h (price_j charge_j - earned_j discharge_j)  [money], production earns (contract 16.1)."""
    problem, slots = model.problem, model.slots
    prices, earned = problem.prices.tolist(), problem.earned.tolist()
    if not model.form.split:
        return sum(problem.hours * prices[j] * model.power[j] for j in slots)
    return sum(problem.hours * (prices[j] * model.charge[j] - earned[j] * model.discharge[j]) for j in slots)


def cycle_cost(model: Any) -> Any:
    """sum_j h cycle_cost (charge_j + discharge_j) / 2  [money]."""
    each = model.problem.hours * model.problem.cycle_cost / 2
    return sum(each * (model.charge[j] + model.discharge[j]) for j in model.slots) if model.form.split else 0


def end_value(model: Any) -> Any:
    """end_value stock_{n-1}  [money]: what is left at the end is worth."""
    return model.problem.end_value * model.stock[model.slots.last()] if model.form.stored else 0


def peak_cost(model: Any) -> Any:
    """peak_price (peak - peak_so_far)  [money]."""
    return model.problem.peak_price * (model.peak - model.problem.peak_so_far) if model.form.peak else 0


def missed_wishes(model: Any) -> Any:
    """penalty sum_j (under_j + over_j)  [money], so high that nothing is worth missing a wish."""
    if not model.form.wishes:
        return 0
    penalty = PENALTY * highest_price(model.problem)
    return sum(penalty * (model.under[j] + model.over[j]) for j in model.slots)


def highest_price(problem: StorageProblem) -> float:
    """The largest money per MWh that the problem knows; 1 when all are 0."""
    known = max(abs(problem.prices).max(), abs(problem.earned).max())
    return float(max(known, abs(problem.cycle_cost), abs(problem.end_value))) or 1.0


def power_bounds(problem: StorageProblem, slot: int) -> tuple[float, float]:
    """power_lower_j <= power_j <= power_upper_j  [MW], consumption positive (contract 16.3, 16.4)."""
    return float(problem.power_lower[slot]), float(problem.power_upper[slot])


def charge_bounds(problem: StorageProblem, slot: int) -> tuple[float, float]:
    """max(power_lower_j, 0) <= charge_j <= max(power_upper_j, 0)  [MW]."""
    lower, upper = power_bounds(problem, slot)
    return max(lower, 0.0), max(upper, 0.0)


def discharge_bounds(problem: StorageProblem, slot: int) -> tuple[float, float]:
    """max(-power_upper_j, 0) <= discharge_j <= max(-power_lower_j, 0)  [MW]."""
    lower, upper = power_bounds(problem, slot)
    return max(-upper, 0.0), max(-lower, 0.0)


def stock_bounds(problem: StorageProblem, slot: int) -> tuple[float | None, float | None]:
    """stock_lower_j <= stock_j <= stock_upper_j  [MWh], equal at a target (contract 16.2 to 16.4)."""
    lower, upper = float(problem.stock_lower[slot]), float(problem.stock_upper[slot])
    return (lower if lower > -inf else None, upper if upper < inf else None)


def pyomo_model(problem: StorageProblem, form: Form) -> Any:
    """The whole program as a Pyomo ConcreteModel; `columns` and `rows` list its parts in order."""
    from pyomo.core.base import Binary, ConcreteModel, Constraint, NonNegativeReals, Objective, RangeSet, Var

    model = ConcreteModel("storage")
    model.problem, model.form = problem, form
    model.slots = RangeSet(0, form.slots - 1)
    if form.split:
        model.charge = Var(model.slots, bounds=lambda _, j: charge_bounds(problem, j))
        model.discharge = Var(model.slots, bounds=lambda _, j: discharge_bounds(problem, j))
    else:
        model.power = Var(model.slots, bounds=lambda _, j: power_bounds(problem, j))
    if form.stored:
        model.stock = Var(model.slots, bounds=lambda _, j: stock_bounds(problem, j))
        model.balance = Constraint(model.slots, rule=stock_balance)
    if form.exclusive:
        model.charging = Var(model.slots, domain=Binary)
        model.charging_only = Constraint(model.slots, rule=charging_only)
        model.discharging_only = Constraint(model.slots, rule=discharging_only)
    if form.peak:
        model.peak = Var(bounds=(problem.peak_so_far, None))
        model.below_peak = Constraint(model.slots, rule=below_peak)
    if form.wishes:
        model.under = Var(model.slots, domain=NonNegativeReals)
        model.over = Var(model.slots, domain=NonNegativeReals)
        model.wished_least = Constraint(model.slots, rule=wished_least)
        model.wished_most = Constraint(model.slots, rule=wished_most)
    cost = electricity_cost(model) + cycle_cost(model) - end_value(model)
    model.cost = Objective(expr=cost + peak_cost(model) + missed_wishes(model))
    return model


def columns(form: Form) -> list[str]:
    """Names of the variables of a form, in the order of its columns; all have n columns but `peak`, with 1."""
    names = ["charge", "discharge"] if form.split else ["power"]
    names += ["stock"] if form.stored else []
    names += ["charging"] if form.exclusive else []
    names += ["peak"] if form.peak else []
    return names + (["under", "over"] if form.wishes else [])


def rows(form: Form) -> list[str]:
    """Names of the constraints of a form, in the order of its rows, n each."""
    names = ["balance"] if form.stored else []
    names += ["charging_only", "discharging_only"] if form.exclusive else []
    names += ["below_peak"] if form.peak else []
    return names + (["wished_least", "wished_most"] if form.wishes else [])
