"""Loss: on the embedded default a worker dies after a quiet time, then everything; what was acknowledged is there.

    make loss                              once; LOSS_TIMES=100 as often, LOSS_SEED=7

SQLite keeps its locks by process, and drops them when any part of the process closes the database's file. Whoever
is last to close a connection deletes the write-ahead log. One such close in the wrong place and a process deletes
the log that the others still write to; the next crash then takes all that was acknowledged since.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from chaos import COMMAND, Chaos, Service, answers, number_of, until
from chaos_load import Load, World
from servers import children, send

QUIET = 8.0  # seconds, in which connections rest
BUSY = 1.0  # seconds
WORKERS = 2


class Loss(Chaos):
    """One run on SQLite, with two workers. After run(), `notes.violations` is empty or the promise is broken."""

    def __init__(self, seed: int) -> None:
        super().__init__("sqlite-table", seed, BUSY)

    def run(self) -> None:
        """Load from four threads, rest, let a worker die, load again, kill all processes at once, count."""
        with ExitStack() as stack:
            app = self._make_app(stack)
            world = self._make_world(app)
            port = world.address.rpartition(":")[2]
            command = [COMMAND, "run", "--port", port, "--workers", str(WORKERS)]
            web = Service("run", command, self.surroundings(), self.notes)
            stack.callback(kill_all, web)
            if not until(lambda: answers(world)):
                raise RuntimeError(f"The server does not answer: {web.log.read_text()[-3000:]}")
            load = self._load(world)
            time.sleep(QUIET)
            self._let_a_worker_die(web)
            load = self._load(world, load)
            self._look_for_deleted_files(web)
            kill_all(web)
            stored = number_of(
                app,
                "SELECT count(*) FROM belief JOIN source ON source.id = source_id"
                f" WHERE user_id = {world.user_id}",
            )
            events = number_of(app, "SELECT count(*) FROM job WHERE function = 'schedule'")
        asked = sum(len(devices.acknowledged) for devices in load.devices)
        self._compare("values", load.values(), stored)
        self._compare("events", asked, events)

    def _load(self, world: World, before: Load | None = None) -> Load:
        load = Load(world, self.notes, self.seed)
        if before is not None:
            for meters, earlier in zip(load.meters, before.meters, strict=True):
                meters.stored = earlier.stored
            for devices, told in zip(load.devices, before.devices, strict=True):
                devices.last_id, devices.acknowledged = told.last_id, told.acknowledged
        load.start()
        time.sleep(self.seconds)
        load.finish()
        return load

    def _let_a_worker_die(self, web: Service) -> None:
        if not until(lambda: len(workers_of(web)) == WORKERS):
            raise RuntimeError(f"There are no {WORKERS} workers: {web.log.read_text()[-3000:]}")
        victim = workers_of(web)[0]
        send(victim, signal.SIGKILL)
        if not until(lambda: len(set(workers_of(web)) - {victim}) == WORKERS):
            self.notes.violation("the worker that died was not replaced")

    def _look_for_deleted_files(self, web: Service) -> None:
        for pid in _family(web):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    file = os.readlink(descriptor)
                    if file.startswith(str(self.folder)) and file.endswith("(deleted)"):
                        self.notes.violation(f"process {pid} uses {file}")

    def _compare(self, what: str, acknowledged: int, stored: int) -> None:
        self.notes.count(f"{what} acknowledged", acknowledged)
        if acknowledged != stored:
            self.notes.violation(f"{stored} {what} are stored of {acknowledged} acknowledged")


def workers_of(web: Service) -> list[int]:
    return [pid for supervisor in children(web.pid) for pid in children(supervisor)]


def _family(web: Service) -> list[int]:
    return [web.pid, *children(web.pid), *workers_of(web)]


def kill_all(web: Service) -> None:
    family = _family(web)
    web.abandon()
    for pid in family:
        send(pid, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}/fd/0").exists() for pid in family), 10)


def main() -> None:
    seed = int(os.environ.get("LOSS_SEED") or secrets.randbelow(10**6))
    times = int(os.environ.get("LOSS_TIMES") or 1)
    for number in range(times):
        loss = Loss(seed + number)
        loss.run()
        print(f"{number + 1} of {times}: {loss.report()}", flush=True)
        if loss.notes.violations:
            sys.exit(1)
        shutil.rmtree(loss.folder)


if __name__ == "__main__":
    main()
