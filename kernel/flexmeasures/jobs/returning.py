"""Jobs whose worker died or lost contact go back to their queue, a few times and with waits between."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, select

from flexmeasures.db import after_commit, after_commit_together, db, writing
from flexmeasures.jobs import recurring
from flexmeasures.jobs.claiming import is_any, is_due
from flexmeasures.jobs.leases import queue_again
from flexmeasures.jobs.table import enqueue, ring
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.runtime import runtime

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
# How long a job waits after its first and second attempt that did not come to an end: perhaps it is what kills
# the workers, and others are not to starve meanwhile.
WAITS = (timedelta(seconds=1), timedelta(seconds=10))


def sweep() -> int:
    """Give back the jobs whose lease ran out (after three attempts: fail them); how many there were.

    Besides, ask for recurring jobs that are due, and let the bell ring for jobs that it has forgotten.
    """
    _ask_for_recurring()
    now = datetime.now(UTC)
    expired = (Job.state == JobState.RUNNING, Job.lease_until < now)
    given_back = _give_back(expired, "its worker died or lost contact")
    _ring_again()
    return given_back


def _ask_for_recurring() -> None:
    """Enqueue what is due, in the transaction that notes its next time: each period once, by many workers."""
    for job in recurring.due(runtime().recurring_jobs.values()):
        with writing() as session:
            if recurring.claim(session, job):
                key = f"recurring:{job.name}"  # if the last one still waits, it serves for this period too
                enqueue(job.function, dict(job.arguments), queue=job.queue, merge_key=key)


def _ring_again() -> None:
    bell = runtime().notifier
    if bell is None:
        return
    now = datetime.now(UTC)
    forgotten = Job.created_at < now - timedelta(seconds=1)
    waiting = select(Job).where(Job.state == JobState.QUEUED, forgotten, is_due(now))
    found = db.session.scalars(waiting.order_by(Job.id).limit(1000)).all()
    db.session.commit()
    bell.ring_again(found)


def give_back(workers: Collection[str], reason: str, *, counted: bool = True) -> int:
    """Give back at once what workers were on that are known to be dead; how many jobs that were.

    counted: whether that was an attempt; it was none where the worker was asked to stop.
    """
    return _give_back((Job.state == JobState.RUNNING, Job.worker.in_(list(workers))), reason, counted)


def _give_back(which: tuple[ColumnElement[bool], ...], reason: str, counted: bool = True) -> int:
    if not is_any(select(Job.id).where(*which)):
        return 0
    with writing() as session:
        query = select(Job).where(*which).with_for_update(skip_locked=True)
        now = datetime.now(UTC)
        jobs = session.scalars(query, execution_options={"populate_existing": True}).all()
        for job in jobs:
            if not counted:
                job.attempt -= 1
            if job.attempt < MAX_ATTEMPTS:
                queue_again(job)
                job.not_before = now + WAITS[job.attempt - 1] if counted else None
                after_commit_together(ring, job)
                continue
            job.state, job.finished_at, job.lease_token, job.lease_until = JobState.FAILED, now, None, None
            job.error = f"JobError: gave up after {job.attempt} attempts, because {reason}"
            after_commit(partial(runtime().tell, "on_job_failed", job=job, error=job.error))
    log.warning("%s job(s) were given back, because %s.", len(jobs), reason)
    return len(jobs)
