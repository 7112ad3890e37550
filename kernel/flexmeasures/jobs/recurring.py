"""Recurring jobs: which are due, and the claim by which each period is one worker's to ask for.

The rows of the table say when; what is to run is what plugins register. A job new to the table is due at
once unless it says otherwise, and from then on at the whole multiples of its period (an hourly one at every
full hour, in UTC). Periods that passed while no worker ran are not made up for.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from flexmeasures.db import db, dialect_insert
from flexmeasures.models.jobs import Recurrence
from flexmeasures.timing import MILLISECOND, from_ms, to_ms

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from flexmeasures.hookspecs import RecurringJob


def due(known: Collection[RecurringJob]) -> list[RecurringJob]:
    """Those of the known jobs whose time has come, or whose row has to be made or changed; only reads."""
    if not known:
        return []
    rows = {row.name: row for row in db.session.scalars(select(Recurrence))}
    db.session.commit()
    now = datetime.now(UTC)

    def has_come(job: RecurringJob) -> bool:
        row = rows.get(job.name)
        return row is None or row.next_due <= now or row.every != job.every

    return [job for job in known if has_come(job)]


def claim(session: Session, job: RecurringJob) -> bool:
    """Whether the present period is ours to ask for: of many who try, one gets it. In a write transaction."""
    insert = dialect_insert(Recurrence, session)
    now = datetime.now(UTC)
    following = next_multiple(now, job.every)
    first = now if job.at_once else following
    session.execute(insert.values(name=job.name, every=job.every, next_due=first).on_conflict_do_nothing())
    ours, unsynchronised = Recurrence.name == job.name, {"synchronize_session": False}
    # A period that was changed counts from its next multiple on.
    changed = update(Recurrence).where(ours, Recurrence.every != job.every)
    session.execute(changed.values(every=job.every, next_due=following), execution_options=unsynchronised)
    claimed = (
        update(Recurrence)
        .where(ours, Recurrence.next_due <= now)
        .values(last_run=now, next_due=following)
        .returning(Recurrence.name)
    )
    return session.scalar(claimed, execution_options=unsynchronised) is not None


def next_multiple(now: datetime, every: timedelta) -> datetime:
    """The first moment after `now` that is a whole number of periods since 1970 (UTC)."""
    period = every // MILLISECOND
    return from_ms((to_ms(now) // period + 1) * period)
