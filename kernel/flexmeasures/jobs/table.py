"""Jobs: enqueue, claim, run, give back. The row is the truth; a bell, if there is one, only tells of it.

A job is enqueued in the transaction of the data that caused it. A worker claims a row by one conditional
UPDATE and holds a lease on it, which it renews while the job's function computes outside of any transaction.
What the function gives back is stored in the transaction that finishes the row, and only while the lease is
still held: whichever process dies, nothing is lost and nothing is stored twice. Leases are real time.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from flask import current_app
from sqlalchemy import ColumnElement, Select, Table, bindparam, func, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm.attributes import set_committed_value

from flexmeasures.db import (
    after_commit,
    after_commit_together,
    db,
    dialect_insert,
    is_away,
    is_full,
    writing,
)
from flexmeasures.errors import FlexMeasuresError, JobError, LeaseLost, Stopped
from flexmeasures.jobs.contracts import StopNow, counting
from flexmeasures.jobs.leases import hand_back, new_lease, renewing
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.runtime import runtime

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.dml import ReturningUpdate


log = logging.getLogger(__name__)

QUEUES = ("forecasting", "scheduling")
_FIRST_NAMESPACE = "4026531836"  # of process ids; Linux gives it this number always


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
        dict.fromkeys([*QUEUES, *(name for names in runtime().ask("register_queues") for name in names)])
    )


def worker_name(pid: int | None = None) -> str:
    """The name of a process of this machine (None: this one) as a worker: host and process id."""
    return f"{machine()}:{pid or os.getpid()}"


@cache
def machine() -> str:
    """Where a process id means the same process: the host, and in a container its own namespace as well."""
    host, namespace = socket.gethostname(), ""
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    return host if namespace in ("", _FIRST_NAMESPACE) else f"{host}/{namespace}"


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
    return {"state": JobState.QUEUED, "attempt": 0, "created_at": _now()}


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
    db.session.refresh(job)


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


# -- taking a job --------------------------------------------------------------------------------------


def claim(
    queues: Sequence[str], worker: str, job_id: int | None = None, *, look_first: bool = True
) -> Job | None:
    """The oldest waiting job of these queues, or that one, with a lease for `worker`; None if it waits not.

    look_first: whether one waits is not known yet, and is to be seen without asking for the write lock.
    """
    if look_first and not is_any(_waiting_in(queues, job_id)):
        return None
    with writing(lasting=False) as session:  # a claim that is forgotten is a job that waits again
        return _take(session, queues, worker, job_id)


def _waiting_in(queues: Sequence[str], job_id: int | None) -> Select[int]:
    waiting = select(Job.id).where(Job.state == JobState.QUEUED, Job.queue.in_(list(queues)), is_due(_now()))
    return waiting if job_id is None else waiting.where(Job.id == job_id)


def is_due(now: Any) -> ColumnElement[bool]:
    """Whether a waiting job may be claimed at that time, and does not wait for its next attempt."""
    return or_(Job.not_before.is_(None), Job.not_before <= now)


def _taking(*wanted: ColumnElement[bool]) -> ReturningUpdate[Job]:
    """The claim of the oldest waiting job of some queues; made once, as each job asks it."""
    queues = Job.queue.in_(bindparam("of_queues", expanding=True))
    waiting = select(Job.id).where(Job.state == JobState.QUEUED, queues, is_due(bindparam("now")), *wanted)
    waiting = waiting.order_by(Job.id).limit(1)
    oldest = waiting.with_for_update(skip_locked=True).scalar_subquery()
    return (
        update(Job)
        .where(Job.id == oldest, Job.state == JobState.QUEUED)
        .values(
            state=JobState.RUNNING,
            attempt=Job.attempt + 1,
            worker=bindparam("by"),
            started_at=bindparam("now"),
            lease_token=bindparam("token"),
            lease_until=bindparam("until"),
            not_before=None,
        )
        .returning(Job)
    )


_TAKE_OLDEST, _TAKE_ONE = _taking(), _taking(Job.id == bindparam("wanted"))


def _take(session: Session, queues: Sequence[str], worker: str, job_id: int | None = None) -> Job | None:
    token, until = new_lease()
    values = {"of_queues": list(queues), "by": worker, "now": _now(), "token": token, "until": until}
    statement = _TAKE_OLDEST
    if job_id is not None:
        statement, values = _TAKE_ONE, values | {"wanted": job_id}
    return session.scalars(statement, values, execution_options=UNSYNCHRONISED).one_or_none()


UNSYNCHRONISED = {"synchronize_session": False, "populate_existing": True}


def is_any(query: Any) -> bool:
    """Whether a query gives any row; ends the read transaction that it needed."""
    found = db.session.scalar(query.limit(1)) is not None
    db.session.commit()
    return found


# -- running a job -------------------------------------------------------------------------------------


def run(job: Job, next_of: Sequence[str] = ()) -> Job | None:
    """Run a claimed job to its end: finished, failed with the reason, or left to whom the lease went to.

    next_of: queues of which the oldest waiting job is claimed in the transaction that finishes this one, and
    given: a worker with much to do commits once a job instead of twice. What a function raises fails its job,
    sys.exit() and the like too. Raised is only StopNow, after handing the job back, and that the database is
    away: it is not the job's fault, and who runs it gives it back once that is possible.
    """
    job_id, token, name = job.id, job.lease_token or "", job.function
    with renewing(job_id, token), counting():
        try:
            outcome = _in_this_process(_function(name), job)
            return _finish(job, job_id, token, outcome, next_of)
        except LeaseLost as lost:
            log.warning("%s", lost)
        except StopNow:
            hand_back(job_id, token)
            raise
        except Stopped as stopped:
            log.warning("Job %s (%s): %s", job_id, name, stopped)
            hand_back(job_id, token)  # unless it was cancelled
        except BaseException as error:
            if is_away(error):
                raise
            expected = isinstance(error, FlexMeasuresError)
            level = logging.WARNING if expected else logging.ERROR
            reason = _reason(error)
            log.log(level, "Job %s (%s) failed: %s", job_id, name, reason, exc_info=not expected)
            _fail(job_id, token, reason)
    return None


def _reason(error: BaseException) -> str:
    """Why a job failed, for users; of a database's errors a sentence, while the log has the statement."""
    cause = getattr(error, "orig", error)
    if not isinstance(error, SQLAlchemyError) and not isinstance(cause, db.engine.dialect.loaded_dbapi.Error):
        return f"{type(error).__name__}: {_text(error)}"
    if is_full(error):
        return "The disk of the database is full, so nothing of the job was stored."
    if isinstance(error, IntegrityError):
        return "What the job wanted to store breaks a rule of the tables, so nothing was stored; see the log."
    return "The database could not do what the job asked for, so nothing was stored; see the log."


def _text(error: BaseException) -> str:
    """What an error says, as both databases can store it."""
    try:
        return str(error).replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
    except Exception:
        return "(it cannot say more)"


def _in_this_process(function: JobFunction, job: Job) -> Outcome:
    """What the function gives back. A process that it forked ends here: one worker holds the lease, not two."""
    worker = os.getpid()
    try:
        return function(job)
    finally:
        if os.getpid() != worker:
            os._exit(1)


def _function(name: str) -> JobFunction:
    functions = runtime().job_functions
    if name not in functions:
        known = ", ".join(sorted(functions)) or "none"
        raise JobError(f"No job function {name!r} is registered (registered: {known}).")
    return functions[name]


def _finish(job: Job, job_id: int, token: str, outcome: Outcome, next_of: Sequence[str]) -> Job | None:
    with writing() as session:
        settled = _settle(session, job_id, token, state=JobState.FINISHED, error=None, **outcome.notes())
        for name, value in settled.items():
            set_committed_value(job, name, value)
        if outcome.store is not None:
            outcome.store(job)
        if not next_of:
            return None
        return _take(session, next_of, job.worker or worker_name())


def _fail(job_id: int, token: str, reason: str) -> None:
    db.session.rollback()
    try:
        with writing() as session:
            _settle(session, job_id, token, state=JobState.FAILED, error=reason)
            job = session.get_one(Job, job_id, populate_existing=True)
            after_commit(partial(runtime().tell, "on_job_failed", job=job, error=reason))
    except LeaseLost as lost:
        log.warning("%s", lost)


def _settle(session: Session, job_id: int, token: str, **values: Any) -> dict[str, Any]:
    """Give the row its end, while the lease is held; the row stays locked until commit. Raises LeaseLost.

    Gives the columns as they are now. Past the ORM, which takes five times as long.
    """
    values |= {"finished_at": _now(), "lease_token": None, "lease_until": None}
    table = cast(Table, Job.__table__)
    held = (table.c.id == job_id, table.c.state == JobState.RUNNING, table.c.lease_token == token)
    answer = session.execute(update(table).where(*held).values(**values))
    if answer.rowcount == 0:  # type: ignore[attr-defined]
        raise LeaseLost(f"The lease on job {job_id} is lost: nothing of this run is stored.")
    return values


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
    bell = runtime().notifier
    if bell is not None:
        bell.silence(queue)
    return len(cleared)


def newest(sensor_id: int, event_id: int) -> Job | None:
    """The newest job about an event of a sensor."""
    query = select(Job).where(Job.sensor_id == sensor_id, Job.event_id == event_id)
    return db.session.scalars(query.order_by(Job.id.desc()).limit(1)).one_or_none()
