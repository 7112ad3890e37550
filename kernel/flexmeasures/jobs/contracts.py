"""How a process that runs jobs and what is around it speak: that a job starts and ends, that it is to stop now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class StopNow(KeyboardInterrupt):
    """Somebody asks the process to stop in the middle of a job: it goes back to its queue as if never begun."""


class Timer(Protocol):
    """What is told when a job starts and ends."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


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
