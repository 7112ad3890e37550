"""A solution as a schedule: with its costs, what would be without flexibility, and why it looks as it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage import conflicts, costs, effort
from flexmeasures_scheduler_storage.limits import Limits
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduler_storage.shadow_prices import binding
from flexmeasures_scheduling import Explanation, Schedule, SchedulingProblem, Status

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats
    from flexmeasures_scheduler_storage.lp.site_problem import SiteSolution


def baseline_power(problem: SchedulingProblem, priced: solve.StorageProblem, limits: Limits) -> Floats:
    """What the asset would do without flexibility, MW, shape (n,).

    A battery does nothing; a charging station charges at once, at full power, up to its highest target.
    """
    import numpy as np

    slots = np.arange(len(problem.prices))
    if problem.asset.type == "battery" or not limits.targets:
        return np.zeros(len(slots))
    missing = max(target.value for target in limits.targets) - problem.soc_at_start
    most = priced.power_upper
    power: Floats = np.clip(missing / priced.charge_efficiency / priced.hours - most * slots, 0.0, most)
    return power


def worded(
    problem: SchedulingProblem,
    priced: solve.StorageProblem,
    steered: solve.StorageProblem,
    limits: Limits,
    solution: solve.Solution,
    relaxation: conflicts.Relaxation | None = None,
) -> Schedule:
    """The schedule, with costs, baseline and explanation."""
    baseline = baseline_power(problem, priced, limits)
    given_up = () if relaxation is None else (f"Inputs conflict, so this was relaxed: {relaxation.words}.",)
    unproven = () if solution.proven else (gap_in_words(solution, problem, "The schedule"),)
    spent = costs.cost_slots(problem, priced, solution.power, solution.stock)
    otherwise = costs.cost_slots(problem, priced, baseline, solve.stock_after(priced, baseline))
    return Schedule(
        status=Status.OPTIMAL if relaxation is None else Status.RELAXED,
        values=solution.power,
        soc=solution.stock,
        baseline=baseline,
        costs=summed(spent),
        baseline_costs=summed(otherwise),
        objective=solution.cost,
        warnings=(*limits.warnings, *given_up, *unproven),
        explanation=Explanation(
            cost_slots=spent,
            baseline_cost_slots=otherwise,
            binding=binding(limits, steered, solution),
        ),
    )


def gap_in_words(solution: solve.Solution | SiteSolution, problem: SchedulingProblem, what: str) -> str:
    """By how much a plan may cost more than the cheapest, proven, for users."""
    currency, most = problem.price_unit.partition("/")[0], solution.cost - solution.bound
    share = f" ({100 * solution.gap:.3g} %)" if solution.gap < 10 else ""
    return (
        f"{what} may cost up to {most:.4g} {currency} more than the cheapest{share}: solving ended at the gap of"
        f" {100 * effort.GAP:g} % or at its limits, such as FLEXMEASURES_SOLVER_TIME_LIMIT."
    )


def summed(slots: dict[str, Floats]) -> dict[str, float]:
    """Money by component, over all slots."""
    return {name: float(values.sum()) for name, values in slots.items()}
