"""From an event to a plan: the event makes a job, the job makes a problem, the chosen scheduler a schedule.

What is stored: the plan as a row (StoredSchedule), which getDeviceMessage reads, and its values as beliefs of
the source Seita, recorded at the event's time. An earlier schedule of the same belief time, by whichever
scheduler, leaves the beliefs as a whole; its row stays with the job that made it, and answers for that job's
event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from flexmeasures import beliefs, jobs
from flexmeasures.algorithms import Binding, Choice, Schedule, Scheduler, SchedulingProblem, Target
from flexmeasures.choosing import choose
from flexmeasures.db import after_commit, db, writing
from flexmeasures.errors import (
    AlgorithmError,
    FlexMeasuresError,
    InputError,
)
from flexmeasures.jobs import Outcome
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.models.schedules import StoredSchedule
from flexmeasures.models.sensors import Asset, Site
from flexmeasures.models.sources import SCHEDULING_SCRIPT, Source
from flexmeasures.questions import question_about, stated_target
from flexmeasures.runtime import runtime
from flexmeasures.solving import solve
from flexmeasures.sources import get_source
from flexmeasures.timing import floor_time, iso_duration, iso_time, parse_time

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

QUEUE = "scheduling"
FUNCTION = "schedule"
SOURCE_NAME = "Seita"


class UnknownSchedule(FlexMeasuresError):
    """There is no schedule to give. known: whether there is a job of that asset and event."""

    def __init__(self, reason: str, known: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.known = known


# -- the event -----------------------------------------------------------------------------------------


def handle_event(
    asset: Asset,
    event_id: int,
    event_type: str,
    soc_in_mwh: float,
    at: datetime,
    targets: Sequence[Target] = (),
    wishes: Mapping[str, Any] | None = None,
) -> Job:
    """Note an asset's state of charge and ask for ONE schedule; joins `with db.writing():`.

    soc_in_mwh: MWh at the time `at`. targets: MWh at times after it; ignored unless event_type is
    "soc-with-targets". wishes: what else is asked of this schedule (flexibility.KEYS). The scheduler is chosen
    here: raises UnknownAlgorithm when it is not installed.
    """
    with writing():
        note_state(asset, event_id, soc_in_mwh, at)
        choice: Choice[type[Scheduler]] = choose("scheduler", asset)
        wanted = targets if event_type == "soc-with-targets" else ()
        return jobs.enqueue(
            FUNCTION,
            {
                "event_id": event_id,
                "event_type": event_type,
                "datetime": iso_time(at),
                "soc_in_mwh": soc_in_mwh,
                "targets": [stated_target(target) for target in wanted],
                **({"flexibility": dict(wishes)} if wishes else {}),
            },
            queue=QUEUE,
            sensor_id=asset.id,
            event_id=event_id,
            algorithm=choice.algorithm.name,
            because=choice.because,
        )


def note_state(asset: Asset, event_id: int, soc_in_mwh: float, at: datetime) -> None:
    """Note an asset's state of charge (MWh at the time `at`), and ask for nothing; joins `with db.writing():`."""
    if at.tzinfo is None:
        raise InputError("datetime has no UTC offset.", "datetime", "a time with UTC offset")
    with writing():
        asset.soc_in_mwh, asset.soc_datetime, asset.soc_udi_event_id = (
            soc_in_mwh,
            at.astimezone(UTC),
            event_id,
        )


def plan_now(asset: Asset, horizon: timedelta) -> tuple[SchedulingProblem, Schedule]:
    """A plan from the asset's last state of charge on, without preference for sooner; nothing is stored.

    horizon: how far ahead to plan. Raises AlgorithmError (UnknownPrices, InfeasibleProblem ...) with the
    reason for users, and InputError when no state of charge is known.
    """
    if asset.soc_datetime is None:
        raise InputError(f"No state of charge is known of asset {asset.name}.")
    choice: Choice[type[Scheduler]] = choose("scheduler", asset)
    question = question_about(asset, {"prefer_charging_sooner": False}, asset.soc_datetime, horizon)
    return question.problem, solve(choice.algorithm, question.problem)


# -- the job -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A schedule on its way to the database."""

    asset: Asset
    scheduler: type[Scheduler]
    because: str
    problem: SchedulingProblem
    schedule: Schedule
    belief_time: datetime
    warnings: Sequence[str]
    inputs: dict[str, Any]


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
    plan = planned(asset, Choice(scheduler, because), job.arguments, at, horizon)
    return Outcome(
        store=partial(keep, plan),
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


def planned(
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
    question = question_about(asset, arguments, at, horizon, known_at)
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
        return runtime().schedulers.get(job.algorithm), job.because or ""
    choice: Choice[type[Scheduler]] = choose("scheduler", asset)
    return choice.algorithm, choice.because


# -- the answer ----------------------------------------------------------------------------------------


def keep(plan: Plan, job: Job | None = None) -> None:
    """Store a plan; joins `with db.writing():`.

    Of a job inside the transaction that finishes it (which the asset's deletion would delete).
    """
    asset, at, resolution = plan.asset, plan.belief_time, plan.problem.resolution
    changed = db.session.scalar(select(Asset.event_resolution).where(Asset.id == asset.id))
    if changed is not None and changed != asset.event_resolution:  # while the scheduler computed
        db.session.refresh(asset, ["event_resolution"])
    earlier, source = _sources(plan.scheduler)
    beliefs.remove(
        sensors=[asset.id], sources=earlier, start=floor_time(at, resolution), recorded=(at, resolution)
    )
    start, values = plan.problem.start, plan.schedule.values
    beliefs.store(asset, values, start, resolution, source, belief_time=at, on_existing="replace")
    stored = _row(plan, job, source.id)
    db.session.add(stored)
    db.session.flush()
    after_commit(partial(runtime().tell, "on_schedule_stored", asset=asset, schedule=stored))


def _sources(scheduler: type[Scheduler]) -> tuple[list[int], Source]:
    """Ids of all sources whose schedules this one's takes the place of, and its own source."""
    ours = select(Source).where(Source.name == SOURCE_NAME, Source.type == SCHEDULING_SCRIPT)
    known = {(source.model, source.version): source for source in db.session.scalars(ours)}
    own = known.get((scheduler.name, scheduler.version))
    if own is None:
        own = get_source(SOURCE_NAME, SCHEDULING_SCRIPT, model=scheduler.name, version=scheduler.version)
    return [source.id for source in known.values()], own


def _row(plan: Plan, job: Job | None, source_id: int) -> StoredSchedule:
    problem, schedule = plan.problem, plan.schedule
    return StoredSchedule(
        sensor_id=plan.asset.id,
        job_id=None if job is None else job.id,
        source_id=source_id,
        event_id=None if job is None else job.event_id,
        start=problem.start,
        resolution=problem.resolution,
        belief_time=plan.belief_time,
        status=schedule.status.value,
        price_unit=problem.price_unit,
        values=_floats(schedule.values),
        prices=_floats(problem.prices),
        soc=_floats(schedule.soc),
        costs=dict(schedule.costs),
        baseline=_floats(schedule.baseline),
        baseline_costs=dict(schedule.baseline_costs),
        objective=float(schedule.objective),
        algorithm=plan.scheduler.name,
        because=plan.because,
        explanation=told(schedule, problem),
        warnings=list(plan.warnings),
        inputs=plan.inputs,
    )


def told(schedule: Schedule, problem: SchedulingProblem) -> dict[str, Any]:
    """The explanation as it is stored: cost_slots, baseline_cost_slots (money a slot by component), preference
    (money a slot), binding [{limit, words, value, unit, shadow_price, slots [[start, shadow price] ...]} ...].
    """
    found = schedule.explanation
    return {
        "cost_slots": {name: _floats(values) for name, values in found.cost_slots.items()},
        "baseline_cost_slots": {name: _floats(values) for name, values in found.baseline_cost_slots.items()},
        "preference": [] if found.preference is None else _floats(found.preference),
        "binding": told_binding(found.binding, problem),
    }


def told_binding(binding: Sequence[Binding], problem: SchedulingProblem) -> list[dict[str, Any]]:
    """Limits that bind, as they are stored (`told`)."""
    return [
        {
            "limit": each.limit,
            "words": each.words,
            "value": each.value,
            "unit": each.unit,
            "shadow_price": each.shadow_price,
            "slots": [
                [iso_time(problem.start + slot * problem.resolution), price]
                for slot, price in each.slots.items()
            ],
        }
        for each in binding
    ]


def _floats(values: Floats) -> list[float]:
    import numpy as np

    numbers: list[float] = np.asarray(values, dtype=np.float64).tolist()
    return numbers


# -- asking for the schedule ---------------------------------------------------------------------------


def newest_schedule(asset: Asset) -> StoredSchedule | None:
    """The schedule of an asset that was made last, None without any."""
    query = select(StoredSchedule).where(StoredSchedule.sensor_id == asset.id)
    return db.session.scalars(query.order_by(StoredSchedule.id.desc()).limit(1)).one_or_none()


def find_schedule(asset: Asset, event_id: int) -> StoredSchedule:
    """The schedule of an event of an asset, made by the newest job about it.

    Raises UnknownSchedule, which tells the state of the job. Without a job, or when it finished longer than
    FLEXMEASURES_PLANNING_TTL ago (negative: never too long), the asset's last event still has its schedule.
    """
    job = newest_job(asset, event_id)
    if job is not None and not _expired(job):
        return _schedule_of(asset, job)
    if event_id == asset.soc_udi_event_id:
        last = select(StoredSchedule).where(
            StoredSchedule.sensor_id == asset.id, StoredSchedule.belief_time == asset.soc_datetime
        )
        found = db.session.scalars(last.order_by(StoredSchedule.id.desc()).limit(1)).one_or_none()
        if found is not None:
            return found
        raise UnknownSchedule(f"No schedule is known for event {event_id} of asset {asset.id}.", known=True)
    raise UnknownSchedule(f"Event {event_id} of asset {asset.id} is unknown.", known=False)


def newest_job(asset: Asset, event_id: int) -> Job | None:
    """The newest job about an event of an asset, or about one of a site that plans it together with others."""
    own = jobs.newest(asset.id, event_id)
    if own is not None:
        return own
    theirs = db.session.scalars(select(Site).where(Site.owner_id == asset.owner_id))
    found = [jobs.newest(site.id, event_id) for site in theirs if asset.id in site.attributes["assets"]]
    return max((job for job in found if job is not None), key=lambda job: job.id, default=None)


def _expired(job: Job) -> bool:
    """Whether the lifetime of a finished job is over (in real time, as all times of jobs)."""
    lifetime: timedelta = current_app.config["FLEXMEASURES_PLANNING_TTL"]
    if job.state != JobState.FINISHED or job.finished_at is None or lifetime < timedelta(0):
        return False
    return datetime.now(UTC) - job.finished_at > lifetime


_STATES = {
    JobState.QUEUED: "The scheduling job waits in the queue (queued).",
    JobState.RUNNING: "The scheduling job is in progress.",
    JobState.CANCELLED: "The scheduling job was cancelled.",
}


def _schedule_of(asset: Asset, job: Job) -> StoredSchedule:
    if job.state == JobState.FAILED:
        raise UnknownSchedule(f"The scheduling job failed with {job.error}", known=True)
    if job.state != JobState.FINISHED:
        raise UnknownSchedule(_STATES.get(job.state, f"The scheduling job is {job.state}."), known=True)
    query = select(StoredSchedule).where(
        StoredSchedule.job_id == job.id, StoredSchedule.sensor_id == asset.id
    )
    found = db.session.scalars(query.order_by(StoredSchedule.id.desc()).limit(1)).one_or_none()
    if found is None:
        raise UnknownSchedule("The scheduling job is done, but no values were found.", known=True)
    return found
