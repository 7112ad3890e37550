"""How long solving may take, and whether somebody has asked it to stop: for all solves of a schedule together.

`bounded()` starts the clock, and whatever is solved within it, in this thread, keeps to it. Searches for whole numbers
end at four fifths of the time with the best that they have found, so that time is left to finish that plan.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf

from flexmeasures_scheduler_storage.lp.device_problem import SchedulerError

# The share of the optimum by which a plan may be more expensive when a search for whole numbers ends.
GAP = 1e-4

_SEARCHING = 0.8


class OutOfTime(SchedulerError):
    """The time was over before there was any plan."""


class StopAsked(Exception):
    """Somebody asked the solve to stop."""


@dataclass(frozen=True)
class Effort:
    """seconds: the limit that users know. begin, end: by time.monotonic(). stopping: whether to stop."""

    seconds: float
    begin: float
    end: float
    stopping: Callable[[], bool]


_effort: ContextVar[Effort | None] = ContextVar("effort", default=None)


@contextmanager
def bounded(seconds: float, stopping: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """All solves of the block take so many seconds together, and end with StopAsked when `stopping()`."""
    now = time.monotonic()
    token = _effort.set(Effort(seconds, now, now + seconds, stopping))
    try:
        yield
    finally:
        _effort.reset(token)


@contextmanager
def part(share: float) -> Iterator[None]:
    """The block may take this share of the time that is left."""
    effort, now = _effort.get(), time.monotonic()
    if effort is None:
        yield
        return
    end = now + share * max(effort.end - now, 0.0)
    token = _effort.set(Effort(effort.seconds, now, end, effort.stopping))
    try:
        yield
    finally:
        _effort.reset(token)


def seconds_left(searching: bool = False) -> float:
    """How long a solve may take now; infinite without a bound. searching: for whole numbers."""
    effort = _effort.get()
    if effort is None:
        return inf
    share = _SEARCHING if searching else 1.0
    return effort.begin + share * (effort.end - effort.begin) - time.monotonic()


def stopping() -> bool:
    """Whether the solve is to stop."""
    effort = _effort.get()
    return effort is not None and effort.stopping()


def check() -> None:
    """Raise StopAsked when the solve is to stop, OutOfTime when the time is over."""
    if stopping():
        raise StopAsked
    if seconds_left() <= 0:
        raise out_of_time()


def check_search() -> None:
    """As `check`, for a search, which is to end before the time does."""
    check()
    if seconds_left(searching=True) <= 0:
        raise out_of_time()


def out_of_time() -> OutOfTime:
    """The error that says so to users."""
    effort = _effort.get()
    seconds = inf if effort is None else effort.seconds
    return OutOfTime(
        f"No plan was found within the time limit of {seconds:g} seconds (setting FLEXMEASURES_SOLVER_TIME_LIMIT)."
    )
