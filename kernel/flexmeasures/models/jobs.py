"""Jobs: the row is the truth about what was asked and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from flexmeasures.db import Base

_WAITING = text("state = 'queued' AND merge_key IS NOT NULL")


class JobState:
    """The states of a job, as they are stored."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    OPEN = (QUEUED, RUNNING)
    ENDED = (FINISHED, FAILED, CANCELLED)


class Job(Base):
    """One job. Times are real time (not the domain's clock).

    function: name under which the job function is registered; arguments: JSON for it. attempt: how often
    it was claimed. lease_token, lease_until: who works on it and until when that counts. not_before: until when
    it waits after an attempt that did not come to its end. merge_key: at most
    one queued row of each key exists, a second request widens it. sensor_id, event_id: what it is about.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_queue_state_id", "state", "queue", "id"),
        Index("ix_job_sensor_id_event_id", "sensor_id", "event_id"),
        Index("uq_job_merge_key", "merge_key", unique=True, sqlite_where=_WAITING, postgresql_where=_WAITING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    queue: Mapped[str] = mapped_column(String(80))
    function: Mapped[str] = mapped_column(String(120))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(20), default=JobState.QUEUED)
    attempt: Mapped[int] = mapped_column(default=0)
    merge_key: Mapped[str | None] = mapped_column(String(120))
    sensor_id: Mapped[int | None] = mapped_column(ForeignKey("sensor.id", ondelete="CASCADE"))
    event_id: Mapped[int | None]
    lease_token: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    error: Mapped[str | None] = mapped_column(Text)
    algorithm: Mapped[str | None] = mapped_column(String(80))
    because: Mapped[str | None] = mapped_column(String(255))
    inputs: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class Recurrence(Base):
    """When a recurring job is due next, and when it was asked for last (real time). Who claims it, enqueues it."""

    __tablename__ = "recurring_job"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    every: Mapped[timedelta]
    next_due: Mapped[datetime]
    last_run: Mapped[datetime | None]
