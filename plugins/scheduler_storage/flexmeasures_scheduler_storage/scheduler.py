"""StorageScheduler: what a battery or a charging station should do, given prices, limits and targets.

It reads the problem into arrays (`limits.py` and the prices here), has them solved (`solve.py`), and words
the answer. Inputs that conflict give status INFEASIBLE and say which, never a schedule that looks fine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar

from flexmeasures.errors import AlgorithmError, Stopped
from flexmeasures.jobs import stop_asked
from flexmeasures_algorithms import SensorFacts
from flexmeasures_scheduler_storage import conflicts, costs, effort
from flexmeasures_scheduler_storage.limits import (
    Limits,
    bounds_of,
    dynamics,
    read_limits,
    within,
)
from flexmeasures_scheduler_storage.lp import site_problem, solve
from flexmeasures_scheduler_storage.schedule_building import baseline_power, summed, worded
from flexmeasures_scheduler_storage.site_scheduler import plan_site
from flexmeasures_scheduling import Connection, Schedule, Scheduler, SchedulingProblem, SitePlan

# Seconds for solving one schedule where nothing is set, and the share of a job's time that solving may take.
DEFAULT_TIME_LIMIT = 10.0
OF_JOB = 0.8


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
        solve.preload()

    def compute(self, problem: SchedulingProblem) -> Schedule:
        """The cheapest schedule that keeps limits and targets; INFEASIBLE with conflicts if there is none.

        With `relax` asked for, RELAXED instead: as near to the targets as can be, then cheapest. Raises
        UnknownPrices when prices are missing, Stopped when the job is cancelled meanwhile, AlgorithmError when the
        asset's capacity is not set, the unit of the prices is not understood, or the solver fails or has found no
        plan within its time limit.
        """
        priced = costs.priced(problem, dynamics(problem))
        limits = read_limits(problem)
        priced = within(priced, bounds_of(problem, limits.inputs))
        steered = costs.steered(priced, problem.prefer_charging_sooner)
        with _bounded():
            solution = solve.solve(steered, solver_setting())
            if solution.outcome is solve.Outcome.INFEASIBLE:
                return _without_schedule(problem, priced, steered, limits)
        return worded(problem, priced, steered, limits, solution)

    def compute_site(self, problems: Sequence[SchedulingProblem], connection: Connection) -> SitePlan:
        """The cheapest schedules whose sum keeps to the connection; INFEASIBLE with conflicts if there are none.

        With `relax` asked for, RELAXED instead, as `compute`, which it also raises as.
        """
        with _bounded(-(-len(problems) // site_problem.LARGEST)):
            return plan_site(problems, connection)


@contextmanager
def _bounded(times: int = 1) -> Iterator[None]:
    """Solves keep to so many times the time limit, and end when the job is to stop: raises AlgorithmError, Stopped."""
    try:
        with effort.bounded(time_limit(times), stop_asked):
            yield
    except solve.SchedulerError as error:
        raise AlgorithmError(str(error)) from error
    except effort.StopAsked:
        raise Stopped("The solver was told to stop.") from None


def time_limit(times: int = 1) -> float:
    """So many times FLEXMEASURES_SOLVER_TIME_LIMIT of the running app in seconds (else 10).

    Within four fifths of its FLEXMEASURES_JOB_TIMEOUT.
    """
    from flask import current_app, has_app_context

    if not has_app_context():
        return times * DEFAULT_TIME_LIMIT
    limit: timedelta | None = current_app.config.get("FLEXMEASURES_SOLVER_TIME_LIMIT")
    of_job: timedelta | None = current_app.config.get("FLEXMEASURES_JOB_TIMEOUT")
    seconds = times * (DEFAULT_TIME_LIMIT if limit is None else limit.total_seconds())
    return seconds if of_job is None else min(seconds, OF_JOB * of_job.total_seconds())


def solver_setting() -> str:
    """FLEXMEASURES_LP_SOLVER of the running app; highs (contract D10) when there is none or no app."""
    from flask import current_app, has_app_context

    name = current_app.config.get("FLEXMEASURES_LP_SOLVER") if has_app_context() else None
    return str(name or "highs")


def _without_schedule(
    problem: SchedulingProblem, priced: solve.StorageProblem, steered: solve.StorageProblem, limits: Limits
) -> Schedule:
    """What is said, or scheduled instead, when inputs conflict."""

    relaxation = conflicts.relax(problem, steered, limits, solver_setting())
    if problem.flexibility.relax and relaxation is not None:
        solution = solve.solve(within(steered, relaxation.bounds), solver_setting())
        if solution.outcome is solve.Outcome.OPTIMAL:
            return worded(problem, priced, within(steered, relaxation.bounds), limits, solution, relaxation)
    conflict = conflicts.find_conflict(problem, steered, limits)
    baseline = baseline_power(problem, priced, limits)
    return Schedule.infeasible(
        baseline,
        baseline_costs=summed(
            costs.cost_slots(problem, priced, baseline, solve.stock_after(priced, baseline))
        ),
        conflicts=tuple(each.words for each in conflict or limits.inputs),
        advice=conflicts.advice(problem, steered, limits, conflict, relaxation),
        warnings=limits.warnings,
    )
