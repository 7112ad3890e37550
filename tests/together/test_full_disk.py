"""A disk without room: the answer is 503, nobody dies of it, and all goes on when there is room again."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack

import pytest
from chaos import COMMAND, Chaos, Service, answers, number_of, until
from chaos_load import Load
from loss import kill_all, workers_of
from servers import SmallDisk, children, send

pytestmark = pytest.mark.skipif(bool(SmallDisk.missing()), reason=SmallDisk.missing())


def test_a_full_disk_is_told_with_503_and_workers_come_back_when_there_is_room() -> None:
    chaos = Chaos("sqlite-table", 1, 0)
    with ExitStack() as stack:
        disk = SmallDisk(chaos.folder, 20)
        stack.callback(disk.close)
        app = chaos._make_app(stack)
        world = chaos._make_world(app)
        port = world.address.rpartition(":")[2]
        command = [COMMAND, "run", "--port", port, "--workers", "2"]
        web = Service("run", command, chaos.surroundings(), chaos.notes)
        stack.callback(kill_all, web)
        assert until(lambda: answers(world))
        assert until(lambda: len(workers_of(web)) == 2)
        pid, supervisor = web.pid, children(web.pid)
        disk.fill()
        load = Load(world, chaos.notes, 1)
        load.start()
        assert until(lambda: chaos.notes.counts["postMeterData answered 503"] >= 3)
        for worker in workers_of(web):
            send(worker, signal.SIGKILL)
        time.sleep(2)  # for workers that start without room
        disk.free()
        before = chaos.notes.counts["postUdiEvent acknowledged"]
        assert until(lambda: chaos.notes.counts["postUdiEvent acknowledged"] > before)
        load.finish()
        assert until(lambda: len(workers_of(web)) == 2)
        waiting = "SELECT count(*) FROM job WHERE state IN ('queued', 'running')"
        assert until(lambda: number_of(app, waiting) == 0, 90)
        load.check()
        assert (web.pid, children(web.pid)) == (pid, supervisor)
    assert chaos.notes.violations == []
