"""Leases: until when a worker's claim on a job counts, and the thread that renews it while the job runs."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy import ColumnElement, and_, select, update

from flexmeasures.db import db, is_of_database, log_outage, writing
from flexmeasures.jobs.contracts import stoppable
from flexmeasures.models.jobs import Job, JobState

if TYPE_CHECKING:
    from flask import Flask


log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RENEW_EVERY = timedelta(seconds=20)
LOOK_EVERY = timedelta(seconds=1)  # whether the job was cancelled


def new_lease() -> tuple[str, datetime]:
    """For a row that is claimed now: a token that nobody else has, and until when it counts."""
    return secrets.token_hex(16), datetime.now(UTC) + LEASE


def held_by(job_id: int, token: str) -> ColumnElement[bool]:
    """Whether the job still runs under this lease: not when it was cancelled, or given to another worker."""
    return and_(Job.id == job_id, Job.state == JobState.RUNNING, Job.lease_token == token)


def renew(job_id: int, token: str) -> bool:
    """Lengthen a lease; False when it is not held any more."""
    with writing(lasting=False) as session:
        held = update(Job).where(held_by(job_id, token))
        statement = held.values(lease_until=datetime.now(UTC) + LEASE).returning(Job.id)
        return session.scalar(statement, execution_options={"synchronize_session": False}) is not None


def is_held(job_id: int, token: str) -> bool:
    """As `held_by`, asked now."""
    found = db.session.scalar(select(Job.id).where(held_by(job_id, token)))
    db.session.commit()
    return found is not None


@contextmanager
def renewing(job_id: int, token: str) -> Iterator[None]:
    """Renew the lease from a thread for as long as the block runs, but not beyond the time limit of a job.

    A worker that hangs longer than that has lost its job, whether or not somebody is there to end it. Once a
    second it looks whether the lease is still held; if not, the block is told to stop (jobs.stop_asked).
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    done = threading.Event()
    limit: timedelta = app.config["FLEXMEASURES_JOB_TIMEOUT"]
    last_moment = time.monotonic() + limit.total_seconds()

    def keep() -> None:
        next_renewal = time.monotonic() + RENEW_EVERY.total_seconds()
        look_every = min(LOOK_EVERY, RENEW_EVERY).total_seconds()
        while not done.wait(look_every) and time.monotonic() < last_moment:
            due = time.monotonic() >= next_renewal
            try:
                with app.app_context():
                    if not (renew if due else is_held)(job_id, token):
                        stop.set()
                        return
            except Exception as error:
                if not is_of_database(error):
                    raise
                log_outage(log, f"The lease on job {job_id}", error)
            if due:
                next_renewal = time.monotonic() + RENEW_EVERY.total_seconds()

    with stoppable() as stop:
        thread = threading.Thread(target=keep, name=f"lease of job {job_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def hand_back(job_id: int, token: str | None) -> None:
    """Put a job that is held back into its queue, as if it had never been claimed."""
    db.session.rollback()
    with writing() as session:
        held = select(Job).where(held_by(job_id, token or "")).with_for_update()
        job = session.scalars(held).one_or_none()
        if job is not None:
            queue_again(job)
            job.attempt -= 1


def queue_again(job: Job) -> None:
    """Let a job wait once more, held by nobody."""
    job.state, job.worker, job.started_at = JobState.QUEUED, None, None
    job.lease_token, job.lease_until = None, None
    job.merge_key = None  # a row of the same key may have come to wait in the meantime
