"""Jobs over the job table alone: enqueue, claim, run, give back. The row is the truth.

A job is enqueued in the transaction of the data that caused it. A worker claims a row by one conditional
UPDATE and holds a lease on it, which it renews while the job's function computes outside of any transaction.
What the function gives back is stored in the transaction that finishes the row, and only while the lease is
still held: whichever process dies, nothing is lost and nothing is stored twice. Leases are real time.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from flexmeasures.db import after_commit, db, is_sqlite, writing
from flexmeasures.errors import FlexMeasuresError, JobError, LeaseLost
from flexmeasures.leases import new_lease, renewing
from flexmeasures.lookout import Lookout
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.platform import platform

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

QUEUES = ("forecasting", "scheduling")
MAX_ATTEMPTS = 3
SWEEP_EVERY = timedelta(seconds=1)

# Seconds between two looks at the table, when work was just done and after a while of idleness.
WAITS = {"sqlite": (0.01, 0.01), "postgresql": (0.01, 0.05)}
SLACKENING = 1.02


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a job's function gives back.

    store: writes results, inside the transaction that finishes the job. The others are noted on the row.
    """

    store: Callable[[Job], None] | None = None
    result: dict[str, Any] | None = None
    algorithm: str | None = None
    because: str | None = None
    inputs: dict[str, Any] | None = None

    def notes(self) -> dict[str, Any]:
        """Columns of the job that this outcome states."""
        stated = {name: getattr(self, name) for name in ("result", "algorithm", "because", "inputs")}
        return {name: value for name, value in stated.items() if value is not None}


JobFunction = Callable[[Job], Outcome]
Merge = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


def queue_names() -> list[str]:
    """All queues: the kernel's own and those of plugins (hook register_queues)."""
    return list(
        dict.fromkeys([*QUEUES, *(name for names in platform().ask("register_queues") for name in names)])
    )


def worker_name(pid: int | None = None) -> str:
    """The name of a process of this machine (None: this one) as a worker: host and process id."""
    return f"{socket.gethostname()}:{pid or os.getpid()}"


def _now() -> datetime:
    return datetime.now(UTC)


# -- asking for a job ----------------------------------------------------------------------------------


def enqueue(
    function: str,
    arguments: dict[str, Any],
    *,
    queue: str,
    sensor_id: int | None = None,
    event_id: int | None = None,
    merge_key: str | None = None,
    merge: Merge | None = None,
    because: str | None = None,
    algorithm: str | None = None,
) -> Job:
    """Ask for a job, in the transaction of the data that causes it (joins `with db.writing():`).

    function: a name in `platform().job_functions`; arguments: JSON for it. merge_key: a waiting row of this
    key is widened to merge(its arguments, these) instead of adding a row; without `merge`, these replace it.
    After commit the workers' bell is rung; with FLEXMEASURES_JOBS = "inline" the job runs there and then.
    """
    values: dict[str, Any] = {
        "function": function,
        "arguments": arguments,
        "queue": queue,
        "state": JobState.QUEUED,
        "attempt": 0,
        "sensor_id": sensor_id,
        "event_id": event_id,
        "merge_key": merge_key,
        "because": because,
        "algorithm": algorithm,
        "created_at": _now(),
    }
    with writing() as session:
        if merge_key is None:
            job = Job(**values)
            session.add(job)
            session.flush()
        else:
            job = _insert_or_widen(session, values, merge or (lambda old, new: new))
        after_commit(partial(_ring, job))
    return job


def _insert_or_widen(session: Session, values: dict[str, Any], merge: Merge) -> Job:
    """Insert a row unless one of the same key waits; else lock that one and widen it."""
    from sqlalchemy.dialects import postgresql, sqlite

    insert = (sqlite.insert if is_sqlite(session) else postgresql.insert)(Job)
    statement = insert.values(**values).on_conflict_do_nothing().returning(Job)
    fresh = {"populate_existing": True}
    while True:
        job = session.scalars(statement, execution_options=fresh).one_or_none()
        if job is not None:
            return job
        waiting = select(Job).where(Job.state == JobState.QUEUED, Job.merge_key == values["merge_key"])
        job = session.scalars(waiting.with_for_update(), execution_options=fresh).one_or_none()
        if job is not None:
            job.arguments = merge(dict(job.arguments), values["arguments"])
            session.flush()
            return job
        # A worker took the waiting row between the two statements: now there is room for a new one.


def _ring(job: Job) -> None:
    """The bell, called after commit. Workers look at the table themselves, so only inline mode has to act."""
    if current_app.config.get("FLEXMEASURES_JOBS") != "inline":
        return
    with _app().app_context():  # a session of its own: a failing job leaves the poster's alone
        claimed = _claim(Job.id == job.id, worker_name())
        if claimed is not None:
            run(claimed)
    db.session.refresh(job)


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


# -- taking a job --------------------------------------------------------------------------------------


def claim(queues: Sequence[str], worker: str) -> Job | None:
    """The oldest waiting job of these queues, with a lease for `worker`; None when nothing waits."""
    return _claim(Job.queue.in_(list(queues)), worker)


def _claim(which: ColumnElement[bool], worker: str) -> Job | None:
    waiting = select(Job.id).where(Job.state == JobState.QUEUED, which).order_by(Job.id).limit(1)
    if not _any(waiting):  # so that idle workers never ask for the write lock
        return None
    oldest = waiting.with_for_update(skip_locked=True).scalar_subquery()
    statement = (
        update(Job)
        .where(Job.id == oldest, Job.state == JobState.QUEUED)
        .values(
            state=JobState.RUNNING,
            attempt=Job.attempt + 1,
            worker=worker,
            started_at=_now(),
            **new_lease(),
        )
        .returning(Job)
    )
    with writing() as session:
        return session.scalars(statement, execution_options=_UNSYNCHRONISED).one_or_none()


_UNSYNCHRONISED = {"synchronize_session": False, "populate_existing": True}


def _any(query: Any) -> bool:
    """Whether a query gives any row; ends the read transaction that it needed."""
    found = db.session.scalar(query.limit(1)) is not None
    db.session.commit()
    return found


# -- running a job -------------------------------------------------------------------------------------


def run(job: Job) -> None:
    """Run a claimed job to its end: finished, failed with the reason, or left to whom the lease went to.

    Only what ends the process itself (KeyboardInterrupt ...) is raised, after handing the job back.
    """
    job_id, token, name = job.id, job.lease_token or "", job.function
    with renewing(job_id, token):
        try:
            outcome = _function(name)(job)
            _finish(job, job_id, token, outcome)
        except LeaseLost as lost:
            log.warning("%s", lost)
        except Exception as error:
            expected = isinstance(error, FlexMeasuresError)
            level = logging.WARNING if expected else logging.ERROR
            log.log(level, "Job %s (%s) failed: %s", job_id, name, error, exc_info=not expected)
            _fail(job_id, token, f"{type(error).__name__}: {_reason(error)}")
        except BaseException:
            _hand_back(job_id, token)
            raise


def _reason(error: Exception) -> str:
    """The text of an error for users; of a database's, without the statement and its parameters."""
    return str(error.orig if isinstance(error, DBAPIError) else error)


def _function(name: str) -> JobFunction:
    functions = platform().job_functions
    if name not in functions:
        known = ", ".join(sorted(functions)) or "none"
        raise JobError(f"No job function {name!r} is registered (registered: {known}).")
    return functions[name]


def _finish(job: Job, job_id: int, token: str, outcome: Outcome) -> None:
    with writing() as session:
        _settle(session, job_id, token, state=JobState.FINISHED, error=None, **outcome.notes())
        if outcome.store is not None:
            outcome.store(job)


def _fail(job_id: int, token: str, reason: str) -> None:
    db.session.rollback()
    try:
        with writing() as session:
            job = _settle(session, job_id, token, state=JobState.FAILED, error=reason)
            after_commit(partial(platform().tell, "on_job_failed", job=job, error=reason))
    except LeaseLost as lost:
        log.warning("%s", lost)


def _settle(session: Session, job_id: int, token: str, **values: Any) -> Job:
    """Give the row its end, while the lease is held; the row stays locked until commit. Raises LeaseLost."""
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.state == JobState.RUNNING, Job.lease_token == token)
        .values(finished_at=_now(), lease_token=None, lease_until=None, **values)
        .returning(Job)
    )
    job = session.scalars(statement, execution_options=_UNSYNCHRONISED).one_or_none()
    if job is None:
        raise LeaseLost(f"The lease on job {job_id} is lost: nothing of this run is stored.")
    return job


# -- giving jobs back ----------------------------------------------------------------------------------


def sweep() -> int:
    """Give back the jobs whose lease ran out (after three attempts: fail them); how many there were."""
    expired = (Job.state == JobState.RUNNING, Job.lease_until < _now())
    return _give_back(expired, "its worker died or lost contact")


def give_back(workers: Collection[str], reason: str) -> int:
    """Give back at once what workers were on that are known to be dead; how many jobs that were."""
    return _give_back((Job.state == JobState.RUNNING, Job.worker.in_(list(workers))), reason)


def _give_back(which: tuple[ColumnElement[bool], ...], reason: str) -> int:
    if not _any(select(Job.id).where(*which)):
        return 0
    with writing() as session:
        query = select(Job).where(*which).with_for_update(skip_locked=True)
        jobs = session.scalars(query, execution_options={"populate_existing": True}).all()
        for job in jobs:
            if job.attempt < MAX_ATTEMPTS:
                _queue_again(job)
                continue
            job.state, job.finished_at, job.lease_token, job.lease_until = JobState.FAILED, _now(), None, None
            job.error = f"JobError: gave up after {job.attempt} attempts, because {reason}"
            after_commit(partial(platform().tell, "on_job_failed", job=job, error=job.error))
    log.warning("%s job(s) were given back, because %s.", len(jobs), reason)
    return len(jobs)


def _queue_again(job: Job) -> None:
    job.state, job.worker, job.started_at = JobState.QUEUED, None, None
    job.lease_token, job.lease_until = None, None
    job.merge_key = None  # a row of the same key may have come to wait in the meantime


def _hand_back(job_id: int, token: str) -> None:
    """Put an interrupted job back as if it had never been claimed."""
    db.session.rollback()
    with writing() as session:
        held = (Job.id == job_id, Job.state == JobState.RUNNING, Job.lease_token == token)
        job = session.scalars(select(Job).where(*held).with_for_update()).one_or_none()
        if job is not None:
            _queue_again(job)
            job.attempt -= 1


# -- working -------------------------------------------------------------------------------------------


def work(
    queues: Sequence[str] | None = None,
    name: str | None = None,
    *,
    burst: bool = False,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Run jobs until `stopping()` (asked between jobs), or with `burst` until none waits; how many were run.

    queues: None for all. Each job has an app context, and so a session, of its own. Expired leases of any
    worker are swept every second. A database that is away is waited for, unless in a burst.
    """
    app, name = _app(), name or worker_name()
    queues = queue_names() if queues is None else queues
    shortest, longest = WAITS["sqlite" if is_sqlite() else "postgresql"]
    wait, done, next_sweep = shortest, 0, 0.0
    with closing(Lookout(db.engine, queues)) as lookout:
        while not stopping():
            sweeps = time.monotonic() >= next_sweep
            if not (sweeps or burst or lookout.is_waiting()):
                time.sleep(wait)
                wait = min(longest, wait * SLACKENING)
                continue
            if sweeps:
                next_sweep = time.monotonic() + SWEEP_EVERY.total_seconds()
            try:
                worked = _work_once(app, queues, name, sweeps)
            except SQLAlchemyError as error:
                if burst:
                    raise
                log.error("Worker %s cannot use the database, trying again: %s", name, error)
                time.sleep(1)
                continue
            if worked:
                done, wait = done + 1, shortest
            elif burst:
                break
    return done


def _work_once(app: Flask, queues: Sequence[str], name: str, sweeps: bool) -> bool:
    """Run the next job, if any, in an app context of its own."""
    with app.app_context():
        if sweeps:
            sweep()
        job = claim(queues, name)
        if job is not None:
            run(job)
        return job is not None


# -- looking at jobs -----------------------------------------------------------------------------------


def counts(queues: Sequence[str] | None = None) -> dict[str, dict[str, int]]:
    """How many jobs are in each state, by queue and state; every queue that was asked for has an entry."""
    names = queue_names() if queues is None else list(queues)
    query = (
        select(Job.queue, Job.state, func.count()).where(Job.queue.in_(names)).group_by(Job.queue, Job.state)
    )
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    for queue, state, count in db.session.execute(query):
        found[queue][state] = count
    return found


def clear(queue: str) -> int:
    """Cancel all waiting jobs of a queue (running ones go on); how many there were."""
    waiting = (Job.queue == queue, Job.state == JobState.QUEUED)
    values = {"state": JobState.CANCELLED, "finished_at": _now(), "error": "cleared from the queue"}
    with writing() as session:
        cleared = session.scalars(update(Job).where(*waiting).values(**values).returning(Job.id)).all()
    return len(cleared)


def newest(sensor_id: int, event_id: int) -> Job | None:
    """The newest job about an event of a sensor."""
    query = select(Job).where(Job.sensor_id == sensor_id, Job.event_id == event_id)
    return db.session.scalars(query.order_by(Job.id.desc()).limit(1)).one_or_none()
