"""How a process that runs jobs and what is around it speak: that a job starts and ends, that it is to stop now."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from flexmeasures.models.jobs import Job

_stop: ContextVar[threading.Event | None] = ContextVar("stop", default=None)
_all: set[threading.Event] = set()


class StopNow(KeyboardInterrupt):
    """Somebody asks the process to stop in the middle of a job: it goes back to its queue as if never begun."""


class Timer(Protocol):
    """What is told when a job starts and ends."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class JobSignal:
    """That a job waits. job_id: which one; None: whichever is the oldest in the table."""

    job_id: int | None = None

    @contextmanager
    def answered_by(self, job: Job | None) -> Iterator[None]:
        """The block in which the job runs that was claimed upon this call (None: another worker has it)."""
        yield


class JobListener(Protocol):
    """What a worker waits by. is_deaf: whether it hears nothing for the moment, so that the table tells more."""

    is_deaf: bool

    def listen(self, seconds: float) -> JobSignal | None:
        """The next signal, waiting for about so long at most."""

    def close(self) -> None:
        """Give up what listening needs."""


_timers: list[Timer] = []


@contextmanager
def timed_by(timer: Timer) -> Iterator[None]:
    """Let `timer` follow the jobs of this process."""
    _timers.append(timer)
    try:
        yield
    finally:
        _timers.remove(timer)


@contextmanager
def counting() -> Iterator[None]:
    """The time of one job."""
    for timer in _timers:
        timer.start()
    try:
        yield
    finally:
        for timer in _timers:
            timer.stop()


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """What is done in the block can be told to stop, by setting this event: `stop_asked()` is true there then."""
    event = threading.Event()
    token = _stop.set(event)
    _all.add(event)
    try:
        yield event
    finally:
        _all.discard(event)
        _stop.reset(token)


def stop_asked() -> bool:
    """Whether the job that this belongs to is to stop: it was cancelled, or its worker is to end.

    Long work asks this a few times a second, and raises errors.Stopped when it is so.
    """
    event = _stop.get()
    return event is not None and event.is_set()


def stop_all() -> None:
    """Tell all that is stoppable in this process to stop; may be called by a signal's handler."""
    for event in tuple(_all):
        event.set()
