"""StorageScheduler: what a battery or a charging station should do, given prices, limits and targets.

It reads the problem into arrays (`limits.py` and the prices here), has them solved (`model.py`), and words
the answer. Inputs that conflict give status INFEASIBLE and say which, never a schedule that looks fine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from flexmeasures.algorithms import Schedule, Scheduler, SchedulingProblem, SensorFacts, Status
from flexmeasures.errors import AlgorithmError, UnknownPrices
from flexmeasures_scheduler_storage import conflicts, model
from flexmeasures_scheduler_storage.limits import (
    Limits,
    bounds_of,
    hours,
    read_limits,
    storage_problem,
)

if TYPE_CHECKING:
    from flexmeasures.series import Floats

# How many of a price unit's denominator make one MWh.
PER_MWH = {"MWh": 1.0, "kWh": 1000.0}


class StorageScheduler(Scheduler):
    """Plans batteries, one-way and two-way charging stations at least cost."""

    name: ClassVar[str] = "storage"
    version: ClassVar[str] = "1"

    @classmethod
    def accepts(cls, asset: SensorFacts) -> bool:
        """Assets of the types battery, one-way_evse and two-way_evse."""
        return asset.kind == "asset" and asset.type in ("battery", "one-way_evse", "two-way_evse")

    @classmethod
    def warm(cls) -> None:
        """Import Pyomo and HiGHS."""
        model.preload()

    def compute(self, problem: SchedulingProblem) -> Schedule:
        """The cheapest schedule that keeps limits and targets; INFEASIBLE with conflicts if there is none.

        With `relax` asked for, RELAXED instead: as near to the targets as can be, then cheapest. Raises
        UnknownPrices when prices are missing, AlgorithmError when the asset's capacity is not set, the unit of
        the prices is not understood, or the solver fails.
        """
        prices = prices_per_mwh(problem)
        limits = read_limits(problem)
        steered = prices + preference_for_sooner(prices) if problem.prefer_charging_sooner else prices
        storage = storage_problem(problem, steered, bounds_of(problem, limits.inputs))
        try:
            solution = model.solve(storage, solver_setting())
            if solution.outcome is model.Outcome.INFEASIBLE:
                return _without_schedule(problem, prices, storage, limits)
        except model.SchedulerError as error:
            raise AlgorithmError(str(error)) from error
        return _worded(problem, prices, limits, solution)


def prices_per_mwh(problem: SchedulingProblem) -> Floats:
    """Prices in money per MWh, shape (n,): the problem's own, converted by the denominator of their unit.

    So a price of 100 KRW/kWh is 100,000 KRW/MWh, and costs come out in whole KRW.
    """
    import numpy as np

    _, _, energy = problem.price_unit.rpartition("/")
    if energy not in PER_MWH:
        raise AlgorithmError(
            f"The unit of the prices is {problem.price_unit!r}, which is no price of energy."
            " Accepted: a currency per MWh or kWh, such as EUR/MWh or KRW/kWh."
        )
    if not len(problem.prices) or not np.isfinite(problem.prices).all():
        raise UnknownPrices(
            f"Prices unknown: asset {problem.asset.name!r} has no price for each slot of its window."
        )
    return problem.prices * PER_MWH[energy]


def preference_for_sooner(prices: Floats) -> Floats:
    """What is added to prices so that of equal ones the sooner is charged at, money per MWh, shape (n,).

    A ramp over the window from 0 at the first slot to a thousandth of the spread of prices at the last, or
    to 0.001 when all are equal (documentation, chapter 7.2; contract 16.7).
    """
    import numpy as np

    spread = float(prices.max() - prices.min())
    return np.linspace(0.0, spread / 1000 if spread > 0 else 0.001, len(prices))


def baseline_power(problem: SchedulingProblem, limits: Limits) -> Floats:
    """What the asset would do without flexibility, MW, shape (n,).

    A battery does nothing; a charging station charges at once, at full power, up to its highest target.
    """
    import numpy as np

    slots = np.arange(len(problem.prices))
    if problem.asset.type == "battery" or not limits.targets:
        return np.zeros(len(slots))
    missing = max(target.value for target in limits.targets) - problem.soc_at_start
    most = float(problem.asset.capacity_in_mw or 0.0)
    power: Floats = np.clip(missing / hours(problem) - most * slots, 0.0, most)
    return power


def energy_cost(problem: SchedulingProblem, prices: Floats, power: Floats) -> float:
    """Money paid for consumption less money earned by production."""
    return hours(problem) * float(prices @ power)


def solver_setting() -> str:
    """FLEXMEASURES_LP_SOLVER of the running app; highs (contract D10) when there is none or no app."""
    from flask import current_app, has_app_context

    name = current_app.config.get("FLEXMEASURES_LP_SOLVER") if has_app_context() else None
    return str(name or "highs")


def _worded(
    problem: SchedulingProblem,
    prices: Floats,
    limits: Limits,
    solution: model.Solution,
    relaxation: conflicts.Relaxation | None = None,
) -> Schedule:
    """The schedule, with costs and baseline."""
    baseline = baseline_power(problem, limits)
    given_up = () if relaxation is None else (f"Inputs conflict, so this was relaxed: {relaxation.words}.",)
    return Schedule(
        status=Status.OPTIMAL if relaxation is None else Status.RELAXED,
        values=solution.power,
        soc=solution.stock,
        baseline=baseline,
        costs={"energy": energy_cost(problem, prices, solution.power)},
        baseline_costs={"energy": energy_cost(problem, prices, baseline)},
        objective=solution.cost,
        warnings=(*limits.warnings, *given_up),
    )


def _without_schedule(
    problem: SchedulingProblem, prices: Floats, storage: model.StorageProblem, limits: Limits
) -> Schedule:
    """What is said, or scheduled instead, when inputs conflict."""
    import numpy as np

    relaxation = conflicts.relax(problem, storage, limits, solver_setting())
    if problem.flexibility.relax and relaxation is not None:
        bounds = relaxation.bounds
        kept = replace(storage, stock_lower=bounds.stock_lower, stock_upper=bounds.stock_upper)
        solution = model.solve(kept, solver_setting())
        if solution.outcome is model.Outcome.OPTIMAL:
            return _worded(problem, prices, limits, solution, relaxation)
    conflict = conflicts.find_conflict(problem, storage, limits)
    baseline = baseline_power(problem, limits)
    unknown = np.full(len(problem.prices), np.nan)  # so that nobody can take it for a schedule
    return Schedule(
        status=Status.INFEASIBLE,
        values=unknown,
        soc=unknown,
        baseline=baseline,
        baseline_costs={"energy": energy_cost(problem, prices, baseline)},
        objective=float("nan"),
        conflicts=tuple(each.words for each in conflict or limits.inputs),
        advice=conflicts.advice(problem, storage, limits, conflict, relaxation),
        warnings=limits.warnings,
    )
