"""Run the function of a job, and store what it gives back in the transaction that finishes the job."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Table, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm.attributes import set_committed_value

from flexmeasures.db import (
    after_commit,
    db,
    is_away,
    is_full,
    writing,
)
from flexmeasures.errors import FlexMeasuresError, JobError, LeaseLost, Stopped
from flexmeasures.jobs.claiming import now, take
from flexmeasures.jobs.contracts import StopNow, counting
from flexmeasures.jobs.leases import hand_back, renewing
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.runtime import runtime

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
from flexmeasures.jobs.identity import worker_name


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


log = logging.getLogger(__name__)

JobFunction = Callable[[Job], Outcome]


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
        return take(session, next_of, job.worker or worker_name())


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
    values |= {"finished_at": now(), "lease_token": None, "lease_until": None}
    table = cast(Table, Job.__table__)
    held = (table.c.id == job_id, table.c.state == JobState.RUNNING, table.c.lease_token == token)
    answer = session.execute(update(table).where(*held).values(**values))
    if answer.rowcount == 0:  # type: ignore[attr-defined]
        raise LeaseLost(f"The lease on job {job_id} is lost: nothing of this run is stored.")
    return values
