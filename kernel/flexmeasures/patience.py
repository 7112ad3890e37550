"""Give up on code of others that takes too long, and tell work of ours that nobody waits for it any more."""

from __future__ import annotations

import contextvars
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")
_stop: ContextVar[threading.Event | None] = ContextVar("stop", default=None)
_all: set[threading.Event] = set()
_AGAIN = 0.5  # seconds: code that swallows the interruption is interrupted again


class TookTooLong(BaseException):
    """The time is over. No Exception, since `except Exception` in the code that hangs must not swallow it."""


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What `work` gives; TookTooLong after so many seconds (0: no limit).

    In the main thread an alarm interrupts the work, asleep or busy, wherever Python gets to run; a call of C
    code that never returns cannot be interrupted. In other threads the work is done in a thread of its own,
    which is left behind when the time is over.
    """
    if seconds <= 0:
        return work()
    if threading.current_thread() is threading.main_thread():
        return _alarmed(seconds, work)
    return _left_behind(seconds, work)


def _alarmed(seconds: float, work: Callable[[], Result]) -> Result:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise TookTooLong(f"not done after {seconds:g} seconds")

    earlier = signal.signal(signal.SIGALRM, interrupt)
    outer, every = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, outer, every)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if earlier is None else earlier)


def _left_behind(seconds: float, work: Callable[[], Result]) -> Result:
    ended: dict[str, Any] = {}
    context = contextvars.copy_context()

    def run() -> None:
        try:
            ended["result"] = context.run(work)
        except BaseException as error:
            ended["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TookTooLong(f"not done after {seconds:g} seconds")
    if "error" in ended:
        raise ended["error"]
    result: Result = ended["result"]
    return result


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
