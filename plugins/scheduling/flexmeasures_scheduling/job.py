"""The job of a schedule: the problem is built, solved and stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy.orm import joinedload

from flexmeasures.db import db
from flexmeasures.errors import (
    AlgorithmError,
    InputError,
)
from flexmeasures.jobs import Outcome
from flexmeasures.models.jobs import Job
from flexmeasures.models.sensors import Asset
from flexmeasures.timing import iso_duration, iso_time, parse_time
from flexmeasures_algorithms import Choice, choose, registry_of
from flexmeasures_scheduling.base import Schedule, Scheduler, SchedulingProblem
from flexmeasures_scheduling.problem_builder import build_problem
from flexmeasures_scheduling.solving import solve

if TYPE_CHECKING:
    pass
from flexmeasures_scheduling.storing import Plan, save_schedule


def plan_now(asset: Asset, horizon: timedelta) -> tuple[SchedulingProblem, Schedule]:
    """A plan from the asset's last state of charge on, without preference for sooner; nothing is stored.

    horizon: how far ahead to plan. Raises AlgorithmError (UnknownPrices, InfeasibleProblem ...) with the
    reason for users, and InputError when no state of charge is known.
    """
    if asset.soc_datetime is None:
        raise InputError(f"No state of charge is known of asset {asset.name}.")
    choice: Choice[type[Scheduler]] = choose("scheduler", asset)
    question = build_problem(asset, {"prefer_charging_sooner": False}, asset.soc_datetime, horizon)
    return question.problem, solve(choice.algorithm, question.problem)


def schedule_job(job: Job) -> Outcome:
    """The job function "schedule": plan one asset's power from an event on.

    Arguments: datetime (ISO 8601; also the belief time), soc_in_mwh (else the asset's own if it is of that
    time, else 0), targets [{value in MWh, datetime, kind (exact)}], flexibility (its KEYS),
    prefer_charging_sooner. Raises AlgorithmError (UnknownPrices, InfeasibleProblem ...) with the reason for users.
    """
    with_market = [joinedload(Asset.market)]
    asset = db.session.get(Asset, job.sensor_id, options=with_market) if job.sensor_id is not None else None
    if asset is None:
        raise AlgorithmError("The asset does not exist any more.")
    scheduler, because = _scheduler_for(job, asset)
    at = parse_time(job.arguments.get("datetime")).astimezone(UTC)
    horizon: timedelta = current_app.config["FLEXMEASURES_PLANNING_HORIZON"]
    plan = solve_for_job(asset, Choice(scheduler, because), job.arguments, at, horizon)
    return Outcome(
        store=partial(save_schedule, plan),
        result={
            "start": iso_time(plan.problem.start),
            "duration": iso_duration(plan.problem.end - plan.problem.start),
            "status": plan.schedule.status.value,
            "costs": dict(plan.schedule.costs),
            "warnings": list(plan.warnings),
        },
        algorithm=scheduler.name,
        because=because,
        inputs=plan.inputs,
    )


def solve_for_job(
    asset: Asset,
    choice: Choice[type[Scheduler]],
    arguments: Mapping[str, Any],
    at: datetime,
    horizon: timedelta,
    known_at: datetime | None = None,
) -> Plan:
    """Plan an asset from `at` on, outside of any transaction; nothing is stored.

    arguments: as of a job. known_at: use prices that were recorded by then only (None: all). Raises AlgorithmError.
    """
    question = build_problem(asset, arguments, at, horizon, known_at)
    schedule = solve(choice.algorithm, question.problem)
    return Plan(
        asset=asset,
        scheduler=choice.algorithm,
        because=choice.because,
        problem=question.problem,
        schedule=schedule,
        belief_time=at,
        warnings=[*question.warnings, *schedule.warnings],
        inputs=question.inputs,
    )


def _scheduler_for(job: Job, asset: Asset) -> tuple[type[Scheduler], str]:
    """What was chosen when the job was made; jobs that were made without a choice get one now."""
    if job.algorithm is not None:
        return registry_of("scheduler").get(job.algorithm), job.because or ""
    choice: Choice[type[Scheduler]] = choose("scheduler", asset)
    return choice.algorithm, choice.because
