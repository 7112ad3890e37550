"""Chaos: under load, processes are killed at random moments; at the end nothing may be lost, doubled or stuck.

    make chaos                             two minutes; CHAOS=sqlite-table|postgresql-table|postgresql-redis,
    make chaos CHAOS_SEED=7                without it the best that runs here; CHAOS_SECONDS=30

The seed decides what is asked and who is hurt in which order (how the machine interleaves it, nobody does).
Only processes and servers that the test started itself are killed, stopped or emptied; on a shared
PostgreSQL the test's own connections are terminated, and a shared Redis is not used.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from chaos_load import Load, Notes, World
from servers import OwnPostgreSQL, OwnRedis, SmallDisk, children, send

if TYPE_CHECKING:
    from flask import Flask

COMBINATIONS = ("postgresql-redis", "postgresql-table", "sqlite-table")  # the best first
COMMAND = str(Path(sys.executable).with_name("flexmeasures"))
SETTLED_AFTER = 100.0  # seconds; a lease takes 60
STARTING = 10.0  # seconds
BUILDINGS, BATTERIES = 4, 2
Harm = Callable[[], bool]


class Service:
    """A process under a service manager: when it ends, it is started again."""

    def __init__(self, name: str, command: list[str], surroundings: dict[str, str], notes: Notes) -> None:
        self.name, self.notes = name, notes
        self.log = Path(surroundings["FLEXMEASURES_INSTANCE"]) / f"{name}.out"
        self._command, self._surroundings = command, surroundings
        self._stopping = False
        self._process = self._start()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _start(self) -> subprocess.Popen[bytes]:
        self._started = time.monotonic()
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command, env=self._surroundings, stdout=log, stderr=log, cwd=self.log.parent
            )

    def _keep(self) -> None:
        while True:
            code = self._process.wait()
            if self._stopping:
                return
            self.notes.count(f"restarts of {self.name}")
            if code == 0:
                self.notes.violation(
                    f"{self.name} ended as if all were well, so that nobody would restart it"
                )
            time.sleep(0.2)
            self._process = self._start()

    def abandon(self) -> None:
        """Do not start it again when it ends."""
        self._stopping = True

    def stop(self) -> None:
        """SIGTERM must be enough."""
        self._stopping = True
        self._process.terminate()
        try:
            code = self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.notes.violation(f"{self.name} did not end within 30 seconds of SIGTERM")
        else:
            # A Python that has only just begun has not heard of the signal yet.
            young = time.monotonic() - self._started < STARTING
            if code != 0 and not (young and code == -signal.SIGTERM):
                self.notes.violation(f"{self.name} ended with {code} after SIGTERM")


class Chaos:
    """One run. After run(), `notes.violations` is empty or the promise is broken."""

    def __init__(self, combination: str, seed: int, seconds: float) -> None:
        self.combination, self.seed, self.seconds = combination, seed, seconds
        self.notes = Notes()
        self.not_done: list[str] = []
        self.folder = Path(mkdtemp(prefix="fm-chaos-"))
        self.postgresql: OwnPostgreSQL | None = None
        self.redis: OwnRedis | None = None
        self.disk: SmallDisk | None = None
        plugin = Path(__file__).with_name("sometimes_hanging")
        self.hang = self.folder.with_suffix(".hang")
        self.settings: dict[str, str] = {
            "SECRET_KEY": "a-key-for-chaos",
            "FLEXMEASURES_TIMEZONE": "UTC",
            "FLEXMEASURES_PLUGIN_PATHS": str(plugin),
            "FLEXMEASURES_JOB_TIMEOUT": "PT5S",
            "CHAOS_HANG": str(self.hang),
        }

    def run(self) -> None:
        """Prepare, hurt, wait, verify, clean up."""
        with ExitStack() as stack:
            self._mount_disk(stack)
            self._start_servers(stack)
            app = self._make_app(stack)
            world = self._make_world(app)
            with self._services(world) as (web, extra):
                load = Load(world, self.notes, self.seed)
                load.start()
                self._hurt(world, web, extra)
                load.finish()
                self._settle(app)
                load.check()
            self._verify(app, load)

    # -- what is there -----------------------------------------------------------------------------------

    def _mount_disk(self, stack: ExitStack) -> None:
        """Put the instance on a disk that can be filled up, where that is allowed."""
        if reason := SmallDisk.missing():
            self.not_done.append(f"the disk was never full: {reason}")
            return
        self.disk = SmallDisk(self.folder, 200)
        stack.callback(self._keep_what_is_wrong)

    def _keep_what_is_wrong(self) -> None:
        """Give the disk up; after a violation, what is on it is kept first."""
        assert self.disk is not None
        kept = Path(mkdtemp(prefix="fm-chaos-kept-"))
        if self.notes.violations:
            shutil.copytree(self.folder, kept, dirs_exist_ok=True)
        self.disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder = kept

    def _start_servers(self, stack: ExitStack) -> None:
        from flexmeasures.testing import temporary_postgresql

        if self.combination == "sqlite-table":
            return
        if OwnPostgreSQL.missing():
            reason = OwnPostgreSQL.missing()
            self.not_done.append(f"PostgreSQL was not killed: {reason}, only connections were terminated")
            self.settings["SQLALCHEMY_DATABASE_URI"] = stack.enter_context(temporary_postgresql())
        else:
            self.postgresql = OwnPostgreSQL()
            stack.callback(self.postgresql.close)
            self.settings["SQLALCHEMY_DATABASE_URI"] = self.postgresql.uri
        if self.combination == "postgresql-redis":
            self.redis = OwnRedis()
            stack.callback(self.redis.close)
            self.settings["FLEXMEASURES_REDIS_URL"] = str(self.redis.socket)

    def _make_app(self, stack: ExitStack) -> Flask:
        """The app in this process: it prepares the database, and looks at the end at what is there."""
        from flexmeasures.db import db
        from flexmeasures.testing import make_app, seed_structure

        app = make_app(self.folder, FLEXMEASURES_JOBS="", **self.settings)
        with app.app_context():
            seed_structure()
            stack.callback(db.engine.dispose)
        return app

    def _make_world(self, app: Flask) -> World:
        from sqlalchemy import select

        import flexmeasures_master_data as master_data
        from flexmeasures import auth
        from flexmeasures.auth import new_token
        from flexmeasures.db import db, writing
        from flexmeasures.models import Market

        with app.app_context(), writing() as session:
            user = auth.create_user("prosumer", "prosumer@example.com", secrets.token_hex(8), ["Prosumer"])
            session.flush()
            shared: dict[str, Any] = {
                "unit": "MW",
                "event_resolution": 15,
                "capacity_in_mw": 2,
                "latitude": 52.4,
                "longitude": 4.9,
                "owner_id": user.id,
                "market_id": db.session.scalar(select(Market.id)),
            }
            stock = {"min_soc_in_mwh": 0, "max_soc_in_mwh": 1}
            assets = [
                master_data.create_asset({"name": f"building {k}", "asset_type_name": "building"} | shared)
                for k in range(BUILDINGS)
            ]
            assets += [
                master_data.create_asset(
                    {"name": f"battery {k}", "asset_type_name": "battery"} | shared | stock
                )
                for k in range(BATTERIES)
            ]
            session.flush()
            ids = [asset.id for asset in assets]
            token, user_id = new_token(user), user.id
        with app.app_context():
            db.engine.dispose()  # a connection of ours would keep SQLite's files in place, whatever the server does
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        return World(f"http://127.0.0.1:{port}", token, user_id, ids[:BUILDINGS], ids[BUILDINGS:])

    def surroundings(self) -> dict[str, str]:
        """Environment variables of the processes that are started."""
        families = ("FLEXMEASURES_", "FLASK_", "SQLALCHEMY_", "COV_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(families)}
        of_the_server = {"FLASK_ENV": "documentation", "FLEXMEASURES_PLANNING_HORIZON": "PT6H"}
        return kept | self.settings | of_the_server | {"FLEXMEASURES_INSTANCE": str(self.folder)}

    @contextmanager
    def _services(self, world: World) -> Iterator[tuple[Service, Service]]:
        surroundings = self.surroundings()
        port = world.address.rpartition(":")[2]
        web = Service("run", [COMMAND, "run", "--port", port], surroundings, self.notes)
        extra = Service("run-worker", [COMMAND, "jobs", "run-worker"], surroundings, self.notes)
        try:
            if not until(lambda: answers(world)):
                raise RuntimeError(f"The server does not answer: {web.log.read_text()[-3000:]}")
            yield web, extra
        finally:
            family = [web.pid, *children(web.pid)]
            family += [pid for member in family[1:] for pid in children(member)]
            extra.stop()
            web.stop()
            time.sleep(0.5)
            for pid in family:
                if send(pid, signal.SIGKILL):
                    self.notes.violation(f"process {pid} was still there after the end")

    # -- harm --------------------------------------------------------------------------------------------

    def _hurt(self, world: World, web: Service, extra: Service) -> None:
        """Harm of any kind, half of the time as soon as the server has recovered, else perhaps before."""
        rng = random.Random(f"{self.seed}/harm")
        harms = self._harms(web, extra, rng)
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            if rng.random() < 0.5:
                until(lambda: answers(world), min(10, end - time.monotonic()))
            time.sleep(rng.uniform(0.2, 2.5))
            name = rng.choices(list(harms), [weight for weight, _ in harms.values()])[0]
            if harms[name][1]():
                self.notes.count(name)

    def _harms(self, web: Service, extra: Service, rng: random.Random) -> dict[str, tuple[int, Harm]]:
        """What may be done, by name: how often, and how; it tells whether it could be done."""

        def one_of(pids: list[int], number: signal.Signals = signal.SIGKILL) -> bool:
            choice = rng.random()
            return bool(pids) and send(pids[int(choice * len(pids))], number)

        def workers() -> list[int]:
            return [pid for supervisor in children(web.pid) for pid in children(supervisor)]

        def freeze() -> bool:
            pids, choice, seconds = workers(), rng.random(), rng.uniform(0.5, 3)
            if not pids:
                return False
            pid = pids[int(choice * len(pids))]
            send(pid, signal.SIGSTOP)
            time.sleep(seconds)
            return send(pid, signal.SIGCONT)

        harms: dict[str, tuple[int, Harm]] = {
            "kill web": (5, lambda: send(web.pid, signal.SIGKILL)),
            "kill supervisor": (2, lambda: one_of(children(web.pid))),
            "kill worker": (5, lambda: one_of(workers())),
            "freeze worker": (1, freeze),
            "kill run-worker": (2, lambda: send(extra.pid, signal.SIGKILL)),
            "hang in a job": (3, lambda: self.hang.touch() or True),
        }
        if self.disk is not None:
            harms["fill disk"] = (2, lambda: self._full(self.disk, rng.uniform(0.5, 3)))
        if self.postgresql is not None:
            server = self.postgresql
            harms["kill backend"] = (2, lambda: one_of(server.backends()))
            harms["kill postmaster"] = (1, lambda: self._restarted(server, rng.uniform(0, 2)))
            harms["freeze postgresql"] = (2, lambda: server.freeze(rng.uniform(0.5, 8)) or True)
            if server.disk is not None:
                harms["fill disk of postgresql"] = (1, lambda: self._full(server.disk, rng.uniform(0.5, 3)))
        if self.combination != "sqlite-table":
            harms["terminate connections"] = (2, lambda: self._terminate(rng.random()))
        if self.redis is not None:
            harms |= self._redis_harms(self.redis, rng)
        return harms

    def _redis_harms(self, redis: OwnRedis, rng: random.Random) -> dict[str, tuple[int, Harm]]:
        def kill() -> bool:
            redis.signal(signal.SIGKILL)
            time.sleep(rng.uniform(0, 2))
            redis.start()
            return True

        def freeze() -> bool:
            redis.signal(signal.SIGSTOP)
            time.sleep(rng.uniform(0.5, 2))
            redis.signal(signal.SIGCONT)
            return True

        return {
            "kill redis": (2, kill),
            "freeze redis": (2, freeze),
            "empty redis": (2, lambda: redis.call("FLUSHALL").startswith(b"+OK")),
        }

    def _full(self, disk: SmallDisk | None, seconds: float) -> bool:
        """Leave no room for a while; a PostgreSQL that gave up meanwhile is started again."""
        assert disk is not None
        disk.fill()
        time.sleep(seconds)
        disk.free()
        if self.postgresql is not None and disk is self.postgresql.disk and not self.postgresql.runs:
            self.postgresql.start()
        return True

    def _restarted(self, server: OwnPostgreSQL, pause: float) -> bool:
        server.kill()
        time.sleep(pause)
        server.start()
        return True

    def _terminate(self, share: float) -> bool:
        """Let the server end a share of the connections to our database."""
        import psycopg

        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND random() < %s"
        )
        try:
            with psycopg.connect(self.settings["SQLALCHEMY_DATABASE_URI"], connect_timeout=5) as connection:
                return bool(connection.execute(query, [share]).fetchall())
        except psycopg.Error:
            return False

    # -- afterwards --------------------------------------------------------------------------------------

    def _settle(self, app: Flask) -> None:
        """Wait until no job waits or runs: none of them may do so for ever."""
        begin = time.monotonic()
        if not until(lambda: _is_settled(app), SETTLED_AFTER):
            self.notes.violation(f"after {SETTLED_AFTER:g} seconds jobs still wait or run")
        self.notes.count("seconds until all jobs were settled", round(time.monotonic() - begin))

    def _verify(self, app: Flask, load: Load) -> None:
        """What the API cannot tell: that nothing is stored twice, and that no lease is held by the dead."""
        user = load.world.user_id
        stored = number_of(
            app, f"SELECT count(*) FROM belief JOIN source ON source.id = source_id WHERE user_id = {user}"
        )
        self.notes.count("values acknowledged and stored", stored)
        if stored != load.values():
            self.notes.violation(f"{stored} values are stored instead of {load.values()}")
        events = sum(len(devices.acknowledged) for devices in load.devices)
        for what, query in {
            "leases held": "SELECT count(*) FROM job WHERE lease_token IS NOT NULL",
            "failed jobs without a reason": "SELECT count(*) FROM job WHERE state = 'failed' AND error IS NULL",
            "jobs with two schedules": "SELECT count(*) - count(DISTINCT job_id) FROM schedule",
            "events with two jobs, or without one": (
                f"SELECT count(*) - {events} FROM job WHERE function = 'schedule'"
            ),
        }.items():
            if (number := number_of(app, query)) != 0:
                self.notes.violation(f"{what}: {number}")
        for state in ("finished", "failed", "cancelled"):
            self.notes.count(
                f"jobs {state}", number_of(app, f"SELECT count(*) FROM job WHERE state = '{state}'")
            )
        self.notes.count("jobs run again", number_of(app, "SELECT count(*) FROM job WHERE attempt > 1"))

    def report(self) -> str:
        """The seed, what happened, and loudly what could not be done."""
        lines = [f"chaos {self.combination}, {self.seconds:g} seconds, seed {self.seed}"]
        lines += [f"  {what}: {number}" for what, number in sorted(self.notes.counts.items())]
        lines += [f"NOT DONE IN CHAOS: {'; '.join(self.not_done)}"] if self.not_done else []
        lines += [f"VIOLATION: {text[:600]}" for text in self.notes.violations[:20]]
        if self.notes.violations:
            lines.append(f"{len(self.notes.violations)} violations; the instance is kept in {self.folder}")
        return "\n".join(lines)


def until(condition: Callable[[], bool], patience: float = 60) -> bool:
    """Wait until a condition holds; whether it came to that."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def answers(world: World) -> bool:
    return world.ask("GET", "getConnection", {"type": "GetConnectionRequest"})[0] == 200


def _is_settled(app: Flask) -> bool:
    """Whether no job waits or runs; a server that still recovers from the last harm cannot say so."""
    from sqlalchemy.exc import OperationalError

    try:
        return number_of(app, "SELECT count(*) FROM job WHERE state IN ('queued', 'running')") == 0
    except OperationalError:
        return False


def number_of(app: Flask, query: str) -> int:
    """One number from the database, over a connection of its own."""
    from sqlalchemy import text

    from flexmeasures.db import db

    with app.app_context():
        number = int(db.session.execute(text(query)).scalar_one())
        db.session.commit()
        return number


def runs_here(combination: str) -> str:
    """Why a combination does not run here; empty when it does."""
    if combination == "sqlite-table":
        return ""
    if OwnPostgreSQL.missing():
        import psycopg

        from flexmeasures import testing

        try:
            psycopg.connect(f"{testing._POSTGRESQL}/postgres", connect_timeout=3).close()
        except psycopg.Error:
            return f"{OwnPostgreSQL.missing()}, and no shared PostgreSQL answers"
    return OwnRedis.missing() if combination == "postgresql-redis" else ""


def main() -> int:
    combination = os.environ.get("CHAOS") or next(name for name in COMBINATIONS if not runs_here(name))
    if combination not in COMBINATIONS:
        print(f"CHAOS={combination} is none of {', '.join(COMBINATIONS)}.")
        return 2
    if reason := runs_here(combination):
        print(f"CHAOS={combination} CANNOT RUN HERE: {reason}.")
        return 2
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
    chaos = Chaos(combination, seed, float(os.environ.get("CHAOS_SECONDS") or 120))
    chaos.not_done += [f"{name} ({why})" for name in COMBINATIONS if (why := runs_here(name))]
    print(f"chaos {combination}, seed {seed} ...", flush=True)
    try:
        chaos.run()
    finally:
        print(chaos.report())
    if chaos.notes.violations:
        return 1
    with suppress(OSError):
        shutil.rmtree(chaos.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
