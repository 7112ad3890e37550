"""StorageScheduler: what a battery or a charging station should do, given prices, limits and targets.

It reads the problem into arrays (`limits.py` and the prices here), has them solved (`model.py`), and words
the answer. Inputs that conflict give status INFEASIBLE and say which, never a schedule that looks fine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from flexmeasures.algorithms import (
    Connection,
    Explanation,
    Schedule,
    Scheduler,
    SchedulingProblem,
    SensorFacts,
    Status,
)
from flexmeasures.errors import AlgorithmError
from flexmeasures_scheduler_storage import conflicts, costs, model, site
from flexmeasures_scheduler_storage.limits import (
    Limits,
    bounds_of,
    dynamics,
    read_limits,
    within,
)
from flexmeasures_scheduler_storage.shadows import binding

if TYPE_CHECKING:
    from flexmeasures.series import Floats


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
        priced = costs.priced(problem, dynamics(problem))
        limits = read_limits(problem)
        priced = within(priced, bounds_of(problem, limits.inputs))
        steered = costs.steered(priced) if problem.prefer_charging_sooner else priced
        try:
            solution = model.solve(steered, solver_setting())
            if solution.outcome is model.Outcome.INFEASIBLE:
                return _without_schedule(problem, priced, steered, limits)
        except model.SchedulerError as error:
            raise AlgorithmError(str(error)) from error
        return _worded(problem, priced, steered, limits, solution)

    def compute_site(
        self, problems: Sequence[SchedulingProblem], connection: Connection
    ) -> Sequence[Schedule]:
        """The cheapest schedules whose sum keeps to the connection; all INFEASIBLE with conflicts if there are none.

        An asset that has no schedule by itself tells its own conflict; where each has one, it is the connection's
        limits that conflict with targets and limits of the assets. Raises as `compute`.
        """
        import numpy as np

        limits = [read_limits(each) for each in problems]
        priced = [
            within(costs.priced(problem, dynamics(problem)), bounds_of(problem, limit.inputs))
            for problem, limit in zip(problems, limits, strict=True)
        ]
        steered = [
            costs.steered(each) if problem.prefer_charging_sooner else each
            for problem, each in zip(problems, priced, strict=True)
        ]
        if any(each.peak_price for each in steered):
            raise AlgorithmError(
                "peak_price_per_mw cannot be asked of an asset that is planned with its site."
            )
        ones = np.ones(len(connection.base))
        shared = site.Connection(
            base=connection.base,
            lower=-connection.production_limit * ones,
            upper=connection.consumption_limit * ones,
        )
        try:
            found = site.solve_site(steered, shared)
        except model.SchedulerError as error:
            raise AlgorithmError(str(error)) from error
        if found.outcome is model.Outcome.INFEASIBLE:
            return [self._site_conflict(problem, problems, connection) for problem in problems]
        return [
            _worded(problems[k], priced[k], steered[k], limits[k], _one_of(found, steered[k], k))
            for k in range(len(problems))
        ]

    def _site_conflict(
        self, problem: SchedulingProblem, problems: Sequence[SchedulingProblem], connection: Connection
    ) -> Schedule:
        """What is said of an asset of a site that has no plan."""
        alone = self.compute(replace(problem, flexibility=replace(problem.flexibility, relax=False)))
        own = alone.conflicts
        if not own:
            inputs = [each.words for other in problems for each in read_limits(other).targets]
            most = f"{connection.consumption_limit:.10g} MW of consumption"
            limit = f"the site's limits of {most} and {connection.production_limit:.10g} MW of production"
            own = (limit, *inputs)
        return replace(alone, status=Status.INFEASIBLE, conflicts=own)


def _one_of(found: site.SiteSolution, steered: model.StorageProblem, device: int) -> model.Solution:
    """One device's part of a site's solution."""
    power, stock = found.power[device], found.stock[device]
    cost = model.cost_of(steered, power, stock)
    return model.Solution(outcome=found.outcome, power=power, stock=stock, cost=cost)


def baseline_power(problem: SchedulingProblem, priced: model.StorageProblem, limits: Limits) -> Floats:
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


def solver_setting() -> str:
    """FLEXMEASURES_LP_SOLVER of the running app; highs (contract D10) when there is none or no app."""
    from flask import current_app, has_app_context

    name = current_app.config.get("FLEXMEASURES_LP_SOLVER") if has_app_context() else None
    return str(name or "highs")


def _worded(
    problem: SchedulingProblem,
    priced: model.StorageProblem,
    steered: model.StorageProblem,
    limits: Limits,
    solution: model.Solution,
    relaxation: conflicts.Relaxation | None = None,
) -> Schedule:
    """The schedule, with costs, baseline and explanation."""
    baseline = baseline_power(problem, priced, limits)
    given_up = () if relaxation is None else (f"Inputs conflict, so this was relaxed: {relaxation.words}.",)
    spent = costs.cost_slots(problem, priced, solution.power, solution.stock)
    otherwise = costs.cost_slots(problem, priced, baseline, model.stock_after(priced, baseline))
    return Schedule(
        status=Status.OPTIMAL if relaxation is None else Status.RELAXED,
        values=solution.power,
        soc=solution.stock,
        baseline=baseline,
        costs=_summed(spent),
        baseline_costs=_summed(otherwise),
        objective=solution.cost,
        warnings=(*limits.warnings, *given_up),
        explanation=Explanation(
            cost_slots=spent,
            baseline_cost_slots=otherwise,
            preference=priced.hours * (steered.prices - priced.prices) * solution.power,
            binding=binding(limits, steered, solution),
        ),
    )


def _summed(slots: dict[str, Floats]) -> dict[str, float]:
    return {name: float(values.sum()) for name, values in slots.items()}


def _without_schedule(
    problem: SchedulingProblem, priced: model.StorageProblem, steered: model.StorageProblem, limits: Limits
) -> Schedule:
    """What is said, or scheduled instead, when inputs conflict."""
    import numpy as np

    relaxation = conflicts.relax(problem, steered, limits, solver_setting())
    if problem.flexibility.relax and relaxation is not None:
        solution = model.solve(within(steered, relaxation.bounds), solver_setting())
        if solution.outcome is model.Outcome.OPTIMAL:
            return _worded(problem, priced, within(steered, relaxation.bounds), limits, solution, relaxation)
    conflict = conflicts.find_conflict(problem, steered, limits)
    baseline = baseline_power(problem, priced, limits)
    unknown = np.full(len(problem.prices), np.nan)  # so that nobody can take it for a schedule
    return Schedule(
        status=Status.INFEASIBLE,
        values=unknown,
        soc=unknown,
        baseline=baseline,
        baseline_costs=_summed(
            costs.cost_slots(problem, priced, baseline, model.stock_after(priced, baseline))
        ),
        objective=float("nan"),
        conflicts=tuple(each.words for each in conflict or limits.inputs),
        advice=conflicts.advice(problem, steered, limits, conflict, relaxation),
        warnings=limits.warnings,
    )
