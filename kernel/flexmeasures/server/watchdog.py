"""Since when a process has been on its job, told where neither a database nor Python itself is needed.

A job may hang in C code that keeps Python's lock: then no thread of its process runs, and no lease is
renewed. A supervised worker therefore tells by shared memory what its supervisor needs to know; a worker
without a supervisor leaves it to the operating system to end the process.
"""

from __future__ import annotations

import mmap
import signal
import struct
import time
from datetime import timedelta

_NUMBER = struct.Struct("d")


class SharedClock:
    """A stopwatch in memory that a process shares with the children that it forks."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _NUMBER.size)

    def start(self) -> None:
        _NUMBER.pack_into(self._memory, 0, time.monotonic())

    def stop(self) -> None:
        _NUMBER.pack_into(self._memory, 0, 0.0)

    def seconds(self) -> float:
        """How long it has been running; 0 when it stands."""
        (started,) = _NUMBER.unpack_from(self._memory)
        return time.monotonic() - started if started else 0.0

    def close(self) -> None:
        self._memory.close()


class AlarmClock:
    """Lets the operating system end this process (SIGALRM) when a job takes longer than `limit`."""

    def __init__(self, limit: timedelta) -> None:
        self._limit = limit.total_seconds()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def start(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._limit)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
