"""What people do about jobs: let one run again, or cancel it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from sqlalchemy import update

from flexmeasures.db import after_commit_together, writing
from flexmeasures.errors import InputError, NotFound
from flexmeasures.jobs.claiming import UNSYNCHRONISED
from flexmeasures.jobs.table import ring
from flexmeasures.models.jobs import Job, JobState


def requeue(job_id: int) -> Job:
    """Let a job that has ended run again, as if it were new. Raises NotFound, or InputError if it waits or runs."""
    fresh = {"attempt": 0, "started_at": None, "finished_at": None, "error": None, "result": None}
    values = {**fresh, "worker": None, "merge_key": None, "not_before": None, "state": JobState.QUEUED}
    return _change(job_id, JobState.ENDED, values, "run again")


def cancel(job_id: int) -> Job:
    """End a job that waits or runs; what a running one computes is not stored. Raises NotFound, InputError."""
    values = {
        "finished_at": datetime.now(UTC),
        "lease_token": None,
        "lease_until": None,
        "error": "cancelled",
    }
    return _change(job_id, JobState.OPEN, {**values, "state": JobState.CANCELLED}, "be cancelled")


def _change(job_id: int, states: Sequence[str], values: dict[str, Any], what: str) -> Job:
    statement = update(Job).where(Job.id == job_id, Job.state.in_(states)).values(**values).returning(Job)
    with writing() as session:
        job = session.scalars(statement, execution_options=UNSYNCHRONISED).one_or_none()
        if job is None:
            _refuse(session.get(Job, job_id), job_id, states, what)
        if job.state == JobState.QUEUED:
            after_commit_together(ring, job)
    return job


def _refuse(job: Job | None, job_id: int, states: Sequence[str], what: str) -> NoReturn:
    if job is None:
        raise NotFound(f"There is no job {job_id}.", "job", "an id that `flexmeasures jobs show` lists")
    raise InputError(
        f"Job {job_id} is {job.state} and cannot {what}.", "job", f"a job that is {' or '.join(states)}"
    )
