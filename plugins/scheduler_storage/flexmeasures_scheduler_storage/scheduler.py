"""StorageScheduler: what a battery or a charging station should do, given prices, limits and targets.

It reads the problem into arrays (`limits.py` and the prices here), has them solved (`model.py`), and words
the answer. Inputs that conflict give status INFEASIBLE and say which, never a schedule that looks fine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from flexmeasures.algorithms import (
    Connection,
    Schedule,
    Scheduler,
    SchedulingProblem,
    SensorFacts,
    SitePlan,
)
from flexmeasures.errors import AlgorithmError
from flexmeasures_scheduler_storage import conflicts, costs, model
from flexmeasures_scheduler_storage.limits import (
    Limits,
    bounds_of,
    dynamics,
    read_limits,
    within,
)
from flexmeasures_scheduler_storage.site_plan import plan_site
from flexmeasures_scheduler_storage.wording import baseline_power, summed, worded


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
        return worded(problem, priced, steered, limits, solution)

    def compute_site(self, problems: Sequence[SchedulingProblem], connection: Connection) -> SitePlan:
        """The cheapest schedules whose sum keeps to the connection; INFEASIBLE with conflicts if there are none.

        With `relax` asked for, RELAXED instead, as `compute`, which it also raises as.
        """
        try:
            return plan_site(problems, connection)
        except model.SchedulerError as error:
            raise AlgorithmError(str(error)) from error


def solver_setting() -> str:
    """FLEXMEASURES_LP_SOLVER of the running app; highs (contract D10) when there is none or no app."""
    from flask import current_app, has_app_context

    name = current_app.config.get("FLEXMEASURES_LP_SOLVER") if has_app_context() else None
    return str(name or "highs")


def _without_schedule(
    problem: SchedulingProblem, priced: model.StorageProblem, steered: model.StorageProblem, limits: Limits
) -> Schedule:
    """What is said, or scheduled instead, when inputs conflict."""

    relaxation = conflicts.relax(problem, steered, limits, solver_setting())
    if problem.flexibility.relax and relaxation is not None:
        solution = model.solve(within(steered, relaxation.bounds), solver_setting())
        if solution.outcome is model.Outcome.OPTIMAL:
            return worded(problem, priced, within(steered, relaxation.bounds), limits, solution, relaxation)
    conflict = conflicts.find_conflict(problem, steered, limits)
    baseline = baseline_power(problem, priced, limits)
    return Schedule.infeasible(
        baseline,
        baseline_costs=summed(
            costs.cost_slots(problem, priced, baseline, model.stock_after(priced, baseline))
        ),
        conflicts=tuple(each.words for each in conflict or limits.inputs),
        advice=conflicts.advice(problem, steered, limits, conflict, relaxation),
        warnings=limits.warnings,
    )
