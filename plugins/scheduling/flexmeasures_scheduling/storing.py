"""Schedules as they are stored: a row, and beliefs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from flexmeasures import beliefs
from flexmeasures.db import after_commit, db
from flexmeasures.models.jobs import Job
from flexmeasures.models.schedules import StoredSchedule
from flexmeasures.models.sensors import Asset
from flexmeasures.models.sources import SCHEDULING_SCRIPT, Source
from flexmeasures.runtime import runtime
from flexmeasures.sources import get_source
from flexmeasures.timing import floor_time, iso_time
from flexmeasures_scheduling.base import Binding, Schedule, Scheduler, SchedulingProblem

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats


SOURCE_NAME = "Seita"


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


def save_schedule(plan: Plan, job: Job | None = None) -> None:
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
        explanation=explanation_as_dict(schedule, problem),
        warnings=list(plan.warnings),
        inputs=plan.inputs,
    )


def explanation_as_dict(schedule: Schedule, problem: SchedulingProblem) -> dict[str, Any]:
    """The explanation as it is stored: cost_slots, baseline_cost_slots (money a slot by component), preference
    (money a slot), binding [{limit, words, value, unit, shadow_price, slots [[start, shadow price] ...]} ...].
    """
    found = schedule.explanation
    return {
        "cost_slots": {name: _floats(values) for name, values in found.cost_slots.items()},
        "baseline_cost_slots": {name: _floats(values) for name, values in found.baseline_cost_slots.items()},
        "preference": [] if found.preference is None else _floats(found.preference),
        "binding": limits_as_dicts(found.binding, problem),
    }


def limits_as_dicts(binding: Sequence[Binding], problem: SchedulingProblem) -> list[dict[str, Any]]:
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
