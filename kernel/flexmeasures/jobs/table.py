"""Jobs: enqueue, claim, run, give back. The row is the truth; a bell, if there is one, only tells of it.

A job is enqueued in the transaction of the data that caused it. A worker claims a row by one conditional
UPDATE and holds a lease on it, which it renews while the job's function computes outside of any transaction.
What the function gives back is stored in the transaction that finishes the row, and only while the lease is
still held: whichever process dies, nothing is lost and nothing is stored twice. Leases are real time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import bindparam, func, select, update

from flexmeasures.db import (
    after_commit_together,
    db,
    dialect_insert,
    writing,
)
from flexmeasures.jobs.claiming import claim, now
from flexmeasures.jobs.identity import worker_name
from flexmeasures.jobs.runner import run
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.runtime import runtime

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session


log = logging.getLogger(__name__)

QUEUES = ("forecasting", "scheduling")
Merge = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


def queue_names() -> list[str]:
    """All queues: the kernel's own and those of plugins (hook register_queues)."""
    return list(
        dict.fromkeys([*QUEUES, *(name for names in runtime().ask("register_queues") for name in names)])
    )


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

    function: a name in `runtime().job_functions`; arguments: JSON for it. merge_key: a waiting row of this
    key is widened to merge(its arguments, these) instead of adding a row; without `merge`, these replace it.
    After commit the workers' bell is rung; with FLEXMEASURES_JOBS = "inline" the job runs there and then.
    """
    values: dict[str, Any] = {
        "function": function,
        "arguments": arguments,
        "queue": queue,
        "algorithm": algorithm,
    }
    values |= {"sensor_id": sensor_id, "event_id": event_id, "because": because, "merge_key": merge_key}
    if merge_key is not None:
        return enqueue_all([values], merge or (lambda old, new: new))[0]
    with writing() as session:
        job = Job(**values, **_fresh())
        session.add(job)
        session.flush()
        after_commit_together(ring, job)
    return job


def enqueue_all(wanted: Sequence[dict[str, Any]], merge: Merge) -> list[Job]:
    """As `enqueue`, for many jobs with a merge_key each, in a few statements; the jobs in the order of the keys.

    wanted: keywords of `enqueue`.
    """
    missing: dict[str, dict[str, Any]] = {}
    for values in wanted:
        key = values["merge_key"]
        before = missing.get(key)
        arguments = merge(before["arguments"], values["arguments"]) if before else values["arguments"]
        missing[key] = values | _fresh() | {"arguments": arguments}
    with writing() as session:
        found = _insert_or_widen(session, missing, merge)
    return [found[key] for key in sorted(found)]


def _fresh() -> dict[str, Any]:
    return {"state": JobState.QUEUED, "attempt": 0, "created_at": now()}


# Made once, as every posted value asks it. In the order of keys, so that requests never wait in a circle.
_WAITING = select(Job).where(
    Job.state == JobState.QUEUED, Job.merge_key.in_(bindparam("keys", expanding=True))
)
_WAITING = _WAITING.order_by(Job.merge_key).with_for_update()


def _insert_or_widen(session: Session, missing: dict[str, dict[str, Any]], merge: Merge) -> dict[str, Job]:
    """By key: lock the row that waits, and widen it; else insert one, and let it be rung for."""
    insert = dialect_insert(Job, session)
    fresh = {"populate_existing": True}
    found: dict[str, Job] = {}
    while missing:
        for job in session.scalars(_WAITING, {"keys": sorted(missing)}, execution_options=fresh):
            key = str(job.merge_key)
            job.arguments = merge(dict(job.arguments), missing.pop(key)["arguments"])
            found[key] = job
        session.flush()
        if missing:
            rows = [missing[key] for key in sorted(missing)]
            new = insert.values(rows).on_conflict_do_nothing().returning(Job)
            for job in session.scalars(new, execution_options=fresh).all():
                found[str(job.merge_key)] = job
                del missing[str(job.merge_key)]
                after_commit_together(ring, job)
        # What is missing still was inserted by another request between the two statements, and has committed.
    return found


def ring(waiting: Sequence[Job]) -> None:
    """Called after commit: let the bell tell of jobs that wait, or with "inline" run them here and now."""
    if current_app.config.get("FLEXMEASURES_JOBS") == "inline":
        for job in waiting:
            _run_inline(job)
        return
    bell = runtime().notifier
    if bell is not None:  # else workers look at the table all the time
        bell.ring(waiting)


def _run_inline(job: Job) -> None:
    with _app().app_context():  # a session of its own: a failing job leaves the poster's alone
        claimed = claim([job.queue], worker_name(), job.id)
        if claimed is not None:
            run(claimed)
    db.session.commit()  # what a hook has begun to read since the commit would hide what the job did
    db.session.refresh(job)


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


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
    values = {"state": JobState.CANCELLED, "finished_at": now(), "error": "cleared from the queue"}
    with writing() as session:
        cleared = session.scalars(update(Job).where(*waiting).values(**values).returning(Job.id)).all()
    bell = runtime().notifier
    if bell is not None:
        bell.silence(queue)
    return len(cleared)


def newest(sensor_id: int, event_id: int) -> Job | None:
    """The newest job about an event of a sensor."""
    query = select(Job).where(Job.sensor_id == sensor_id, Job.event_id == event_id)
    return db.session.scalars(query.order_by(Job.id.desc()).limit(1)).one_or_none()
