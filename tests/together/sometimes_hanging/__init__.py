"""A plugin whose scheduler hangs when a file says so, in C code that lets no other thread of its process run."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path

from flexmeasures import hookimpl
from flexmeasures_scheduler_storage import StorageScheduler


class SometimesHanging(StorageScheduler):
    name = "sometimes-hanging"

    def compute(self, problem):
        with suppress(FileNotFoundError):
            Path(os.environ["CHAOS_HANG"]).unlink()
            ctypes.PyDLL(None).usleep(3_600_000_000)
        return super().compute(problem)


@hookimpl
def register_schedulers():
    return [SometimesHanging]


@hookimpl
def choose_algorithm(kind, sensor):
    return "sometimes-hanging" if kind == "scheduler" else None
