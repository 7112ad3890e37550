"""StorageScheduler: what a battery or a charging station should do, given prices, limits and targets.

It reads the problem into arrays (`limits.py` and the prices here), has them solved (`model.py`), and words
the answer. Inputs that conflict give status INFEASIBLE and say which, never a schedule that looks fine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from flexmeasures.algorithms import Schedule, Scheduler, SchedulingProblem, SensorFacts, Status
from flexmeasures.errors import AlgorithmError, UnknownPrices
from flexmeasures_scheduler_storage import model
from flexmeasures_scheduler_storage.limits import Limits, hours, read_limits, unreachable

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

        Raises UnknownPrices when prices are missing, AlgorithmError when the asset's capacity is not set,
        the unit of the prices is not understood, or the solver fails.
        """
        prices = prices_per_mwh(problem)
        limits = read_limits(problem)
        baseline = baseline_power(problem, limits)
        baseline_costs = {"energy": energy_cost(problem, prices, baseline)}
        solution = None if limits.conflicts else _solve(problem, prices, limits)
        if solution is None or solution.outcome is model.Outcome.INFEASIBLE:
            return _infeasible(problem, limits, baseline, baseline_costs)
        return Schedule(
            status=Status.OPTIMAL,
            values=solution.power,
            soc=solution.stock,
            baseline=baseline,
            costs={"energy": energy_cost(problem, prices, solution.power)},
            baseline_costs=baseline_costs,
            objective=solution.cost,
            warnings=limits.warnings,
        )


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
    missing = max(target.value for target in limits.targets.values()) - problem.soc_at_start
    power: Floats = np.clip(missing / hours(problem) - limits.power_upper * slots, 0.0, limits.power_upper)
    return power


def energy_cost(problem: SchedulingProblem, prices: Floats, power: Floats) -> float:
    """Money paid for consumption less money earned by production."""
    return hours(problem) * float(prices @ power)


def _solve(problem: SchedulingProblem, prices: Floats, limits: Limits) -> model.Solution:
    """Hand the numbers to the linear program and the solver of the settings."""
    import numpy as np

    ones = np.ones(len(prices))
    if problem.prefer_charging_sooner:
        prices = prices + preference_for_sooner(prices)
    storage = model.StorageProblem(
        prices=prices,
        hours=hours(problem),
        start=problem.soc_at_start,
        power_lower=limits.power_lower * ones,
        power_upper=limits.power_upper * ones,
        stock_lower=limits.stock_lower,
        stock_upper=limits.stock_upper,
    )
    try:
        return model.solve(storage, solver_setting())
    except model.SchedulerError as error:
        raise AlgorithmError(str(error)) from error


def solver_setting() -> str:
    """FLEXMEASURES_LP_SOLVER of the running app; highs (contract D10) when there is none or no app."""
    from flask import current_app, has_app_context

    name = current_app.config.get("FLEXMEASURES_LP_SOLVER") if has_app_context() else None
    return str(name or "highs")


def _infeasible(
    problem: SchedulingProblem, limits: Limits, baseline: Floats, baseline_costs: dict[str, float]
) -> Schedule:
    """No schedule, and why; values are NaN, so that nobody can take them for one."""
    import numpy as np

    unknown = np.full(len(problem.prices), np.nan)
    return Schedule(
        status=Status.INFEASIBLE,
        values=unknown,
        soc=unknown,
        baseline=baseline,
        baseline_costs=baseline_costs,
        objective=float("nan"),
        conflicts=limits.conflicts or unreachable(problem, limits),
        warnings=limits.warnings,
    )
