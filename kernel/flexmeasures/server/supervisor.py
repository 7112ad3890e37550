"""Worker processes under a supervisor: `flexmeasures run` starts them, and they die with it.

The process that calls `Workers.start()` forks one supervisor while it has a single thread (a web server may
start its threads afterwards); the supervisor forks the workers, warm, and does nothing else than watch them:
a worker that dies is replaced and its job given back at once, one that overruns its deadline is killed. No
connection to the database crosses a fork.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from sqlalchemy import select

from flexmeasures import jobs
from flexmeasures.db import db, is_of_database, log_outage
from flexmeasures.jobs import stop_all, timed_by
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.server.watchdog import SharedClock

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.runtime import Runtime


GRACE = timedelta(seconds=10)
LOOK_EVERY = 0.05  # seconds
# A worker that dies younger than this has a lasting trouble: its successor waits as long before it starts.
YOUNG = 1.0  # seconds

_PR_SET_PDEATHSIG = 1
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


class Workers:
    """`n` worker processes for an app. Use start() and stop(), or a with block.

    queues: names, None for all. To be started while the calling process has no other threads and no open
    transaction. When the supervisor itself dies unexpectedly, this process is sent SIGTERM: better to end and
    be started again than to serve pages while no job runs.
    """

    def __init__(self, app: Flask, n: int, queues: Sequence[str] | None = None) -> None:
        self.app, self.n, self.queues = app, n, queues
        self.supervisor: int | None = None
        self.bereaved = False  # whether the supervisor died without being told to
        self._stopping = False
        self._watcher: threading.Thread | None = None

    def start(self) -> None:
        """Fork the supervisor, which forks the workers; returns at once."""
        crew = _Crew(self.app, self.n, self.queues)
        self.supervisor = _fork(self.app, crew.supervise, dies_by=signal.SIGTERM)
        self._watcher = threading.Thread(target=self._watch, args=(self.supervisor,), daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Let each worker finish its job within the grace time, take the job away otherwise, and end all."""
        self._stopping = True
        if self.supervisor is None or self._watcher is None:
            return
        _kill(self.supervisor, signal.SIGTERM)
        self._watcher.join((GRACE + timedelta(seconds=5)).total_seconds())
        if self._watcher.is_alive():
            _kill(self.supervisor, signal.SIGKILL)  # the workers die with it
            self._watcher.join()
        self.supervisor = self._watcher = None

    def __enter__(self) -> Workers:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _watch(self, supervisor: int) -> None:
        os.waitpid(supervisor, 0)
        if not self._stopping:
            self.bereaved = True
            log.critical("The supervisor of the workers has died; this process ends, to be started again.")
            _kill(os.getpid(), signal.SIGTERM)


def _warm(app: Flask) -> None:
    """Let plugins import what is heavy in the supervisor: its workers share it, the web process does without."""
    hub: Runtime = app.extensions["flexmeasures"]
    with app.app_context():
        hub.tell("warm_up")


@dataclass
class _Worker:
    started: float
    clock: SharedClock
    end: str = "its worker died"


@dataclass
class _Crew:
    """The supervisor's view of its workers, by process id."""

    app: Flask
    n: int
    queues: Sequence[str] | None
    workers: dict[int, _Worker] = field(default_factory=dict)
    stopping: bool = False

    def supervise(self) -> None:
        """Keep n workers alive until SIGTERM."""
        _on_sigterm(self._stop)
        _warm(self.app)
        next_look = 0.0
        while not self.stopping:
            self._reap()
            while len(self.workers) < self.n and not self.stopping:
                self._add()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + 1
                self._safely(self._give_back_orphans)
            self._kill_overdue()
            time.sleep(LOOK_EVERY)
        self._end()

    def _stop(self) -> None:
        self.stopping = True

    def _add(self) -> None:
        clock = SharedClock()
        pid = _fork(self.app, lambda: self._be_a_worker(clock), dies_by=signal.SIGKILL)
        self.workers[pid] = _Worker(time.monotonic(), clock)

    def _be_a_worker(self, clock: SharedClock) -> None:
        self.stopping = False
        _on_sigterm(self._stop_working)
        with self.app.app_context(), timed_by(clock):
            jobs.work(self.queues, stopping=lambda: self.stopping)

    def _stop_working(self) -> None:
        self.stopping = True
        stop_all()

    def _reap(self) -> None:
        """Take note of workers that have ended, and give their jobs back."""
        for pid, worker in list(self.workers.items()):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
            del self.workers[pid]
            worker.clock.close()
            self._give_back(pid, worker)
            if not self.stopping:
                log.warning("Worker %s has ended, because %s; another is started.", pid, worker.end)
                time.sleep(YOUNG if time.monotonic() - worker.started < YOUNG else 0)

    def _give_back(self, pid: int, worker: _Worker) -> None:
        names, counted = [jobs.worker_name(pid)], not self.stopping
        self._safely(lambda: jobs.give_back(names, worker.end, counted=counted))

    def _kill_overdue(self) -> None:
        limit = self.app.config["FLEXMEASURES_JOB_TIMEOUT"].total_seconds()
        for pid, worker in self.workers.items():
            if worker.clock.seconds() > limit:
                worker.end = f"it took longer than {limit:g} seconds"
                _kill(pid, signal.SIGKILL)

    def _give_back_orphans(self) -> None:
        """Give back what workers of this machine were on that are no more, as their supervisor is not."""
        here, own = f"{jobs.machine()}:", {jobs.worker_name(pid) for pid in self.workers}
        query = select(Job.worker).where(
            Job.state == JobState.RUNNING, Job.worker.startswith(here, autoescape=True)
        )
        names = {name for name in db.session.scalars(query) if name} - own
        db.session.commit()
        jobs.give_back([name for name in names if not _is_alive(name)], "its worker died")

    def _end(self) -> None:
        for pid in self.workers:
            _kill(pid, signal.SIGTERM)
        last_moment = time.monotonic() + GRACE.total_seconds()
        while self.workers:
            if time.monotonic() > last_moment:
                for pid, worker in self.workers.items():
                    worker.end = "its worker was stopped"
                    _kill(pid, signal.SIGKILL)
            self._reap()
            time.sleep(LOOK_EVERY / 5)

    def _safely(self, task: Callable[[], object]) -> None:
        """Do something with the database; when that is away, leases run out by themselves."""
        try:
            with self.app.app_context():
                task()
        except Exception as error:
            with self.app.app_context():
                if not is_of_database(error):
                    raise
            log_outage(log, "The supervisor of the workers", error)


def _is_alive(worker: str) -> bool:
    """Whether the process of a worker of this machine runs (a zombie does not)."""
    try:
        status = Path("/proc", worker.rpartition(":")[2], "stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


# -- processes -----------------------------------------------------------------------------------------


def _fork(app: Flask, main: Callable[[], None], dies_by: signal.Signals) -> int:
    """Run `main` in a forked child, which gets `dies_by` when this process ends; gives the child's id."""
    _dispose(app, close=True)
    parent = os.getpid()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # it may lead to a disk that is full
            stream.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # until the child has handlers of its own
    pid = os.fork()
    if pid != 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    code = 1
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(dies_by))
        if os.getppid() == parent:  # it did not die before we could ask for the signal
            _dispose(app, close=False)
            main()
            code = 0
    except BaseException:
        log.exception("The process %s ends by an error.", os.getpid())
    finally:
        with suppress(Exception):
            logging.shutdown()
        os._exit(code)


def _dispose(app: Flask, close: bool) -> None:
    """Start with new database connections; a child must not close those that its parent uses."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose(close=close)


def _on_sigterm(stop: Callable[[], None]) -> None:
    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first process tells the others
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _kill(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
