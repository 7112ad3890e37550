"""Workers take jobs: the oldest that waits is claimed by one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, bindparam, or_, select, update

from flexmeasures.db import (
    db,
    writing,
)
from flexmeasures.jobs.leases import new_lease
from flexmeasures.models.jobs import Job, JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql.dml import ReturningUpdate


def now() -> datetime:
    return datetime.now(UTC)


def claim(
    queues: Sequence[str], worker: str, job_id: int | None = None, *, look_first: bool = True
) -> Job | None:
    """The oldest waiting job of these queues, or that one, with a lease for `worker`; None if it waits not.

    look_first: whether one waits is not known yet, and is to be seen without asking for the write lock.
    """
    if look_first and not is_any(_waiting_in(queues, job_id)):
        return None
    with writing(lasting=False) as session:  # a claim that is forgotten is a job that waits again
        return take(session, queues, worker, job_id)


def _waiting_in(queues: Sequence[str], job_id: int | None) -> Select[int]:
    waiting = select(Job.id).where(Job.state == JobState.QUEUED, Job.queue.in_(list(queues)), is_due(now()))
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


def take(session: Session, queues: Sequence[str], worker: str, job_id: int | None = None) -> Job | None:
    token, until = new_lease()
    values = {"of_queues": list(queues), "by": worker, "now": now(), "token": token, "until": until}
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
