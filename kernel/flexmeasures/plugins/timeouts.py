"""Give up on code of others that takes too long."""

from __future__ import annotations

import contextvars
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")
_AGAIN = 0.5  # seconds: code that swallows the interruption is interrupted again


class TookTooLong(BaseException):
    """The time is over. No Exception, since `except Exception` in the code that hangs must not swallow it."""


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What `work` gives; TookTooLong after so many seconds (0: no limit).

    In the main thread an alarm interrupts the work, asleep or busy, wherever Python gets to run, also where it
    swallows every exception; a call of C code that never returns cannot be interrupted. In other threads the work
    is done in a thread of its own, which is left behind when the time is over.
    """
    if seconds <= 0:
        return work()
    if threading.current_thread() is threading.main_thread():
        return _alarmed(seconds, work)
    return _left_behind(seconds, work)


def _alarmed(seconds: float, work: Callable[[], Result]) -> Result:
    over: list[TookTooLong] = []
    base, tracing = sys._getframe(), sys.gettrace()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if over:  # it was swallowed: from now on each line of that code raises, the one that swallows too
            _raise_at_each_line(frame, base, over[0])
        over.append(TookTooLong(f"not done after {seconds:g} seconds"))
        raise over[-1]

    earlier = signal.signal(signal.SIGALRM, interrupt)
    outer, every = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        result = work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, outer, every)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if earlier is None else earlier)
        sys.settrace(tracing)
    if over:
        raise over[0]
    return result


def _raise_at_each_line(frame: FrameType | None, base: FrameType, error: TookTooLong) -> None:
    def trace(_: FrameType, event: str, __: Any) -> Any:
        if event == "line":
            raise error
        return trace

    sys.settrace(trace)
    while frame is not None and frame is not base:
        frame.f_trace = trace
        frame = frame.f_back


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
