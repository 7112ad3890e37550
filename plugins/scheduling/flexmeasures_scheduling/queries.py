"""Find the schedule of an event, or say why there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy import select

from flexmeasures import jobs
from flexmeasures.db import db
from flexmeasures.errors import (
    FlexMeasuresError,
)
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.models.schedules import StoredSchedule
from flexmeasures.models.sensors import Asset, Site

if TYPE_CHECKING:
    pass


class UnknownSchedule(FlexMeasuresError):
    """There is no schedule to give. known: whether there is a job of that asset and event."""

    def __init__(self, reason: str, known: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.known = known


def newest_schedule(asset: Asset) -> StoredSchedule | None:
    """The schedule of an asset that was made last, None without any."""
    query = select(StoredSchedule).where(StoredSchedule.sensor_id == asset.id)
    return db.session.scalars(query.order_by(StoredSchedule.id.desc()).limit(1)).one_or_none()


def schedule_before(stored: StoredSchedule) -> StoredSchedule | None:
    """The schedule of the same asset that was made before that one, None without any."""
    query = select(StoredSchedule).where(
        StoredSchedule.sensor_id == stored.sensor_id, StoredSchedule.id < stored.id
    )
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
