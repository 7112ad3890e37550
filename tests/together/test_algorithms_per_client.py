"""Two owners, two schedulers, one server: an algorithm is swapped while the server and its workers run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import func, select

from flexmeasures import auth, beliefs, sources
from flexmeasures.auth import new_token
from flexmeasures.db import db, writing
from flexmeasures.models import Asset, Job, Market, SensorType, Source, StoredSchedule, User
from flexmeasures.testing import make_app, seed_structure

GREEDY = Path(__file__).parents[2] / "examples" / "greedy_scheduler"
COMMAND = Path(sys.executable).parent / "flexmeasures"
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
PATIENCE = 30  # seconds

Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class Client:
    """An owner with a battery, who speaks with the server by the API."""

    base: str
    headers: dict[str, str]
    owner: int
    battery: int

    def event(self, number: int) -> str:
        return f"ea1.2018-06.localhost:{self.owner}:{self.battery}:{number}:soc"

    def post(self, number: int) -> Answer:
        """Post the event of that number: 0.5 MWh are stored."""
        body = {"type": "PostUdiEventRequest", "event": self.event(number), "value": 500.0, "unit": "kWh"}
        data = json.dumps(body | {"datetime": AT.isoformat()}).encode()
        return self._ask(Request(f"{self.base}/postUdiEvent", data, self.headers))

    def plan(self, number: int) -> np.ndarray[Any, Any]:
        """The schedule of an event in MW, waited for."""
        query = urlencode({"type": "GetDeviceMessageRequest", "event": self.event(number), "duration": "P2D"})
        last_moment = time.monotonic() + PATIENCE
        while True:
            code, answer = self._ask(Request(f"{self.base}/getDeviceMessage?{query}", headers=self.headers))
            if code == 200:
                return np.array(answer["values"])
            assert re.search("waits in the queue|in progress", answer["message"]), answer
            assert time.monotonic() < last_moment, answer
            time.sleep(0.05)

    def _ask(self, request: Request) -> Answer:
        try:
            with urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)


@dataclass(frozen=True)
class World:
    """A running server, and its database as another process sees it."""

    app: Flask
    server: subprocess.Popen[str]
    surroundings: dict[str, str]
    anna: Client
    ben: Client

    def command(self, *words: object) -> subprocess.CompletedProcess[str]:
        """A command in a process of its own, as an operator runs it beside the server."""
        return subprocess.run(
            [COMMAND, *map(str, words)], env=self.surroundings, capture_output=True, text=True, timeout=60
        )

    def stored(self, client: Client, number: int) -> tuple[str, str, set[str]]:
        """Algorithm and reason of an event's schedule, and who says the values of its beliefs."""
        with self.app.app_context():
            query = select(StoredSchedule).where(
                StoredSchedule.sensor_id == client.battery, StoredSchedule.event_id == number
            )
            schedule = db.session.scalars(query).one()
            job = db.session.get_one(Job, schedule.job_id)
            assert (job.algorithm, job.because) == (schedule.algorithm, schedule.because)
            assert job.worker is not None
            assert int(job.worker.rpartition(":")[2]) not in (os.getpid(), self.server.pid)
            battery = db.session.get_one(Asset, client.battery)
            models = {
                source.model
                for source in db.session.scalars(select(Source).where(Source.type == "scheduling script"))
                if beliefs.every_belief(battery, AT, AT + 48 * HOUR, sources=[source.id]).values.size
            }
            return schedule.algorithm, schedule.because, models


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The server on SQLite with two workers, and two owners with a battery each on one market."""
    app = make_app(tmp_path, FLEXMEASURES_JOBS="", FLEXMEASURES_PLUGIN_PATHS=[str(GREEDY)])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLEXMEASURES")}
    surroundings = kept | {
        "FLEXMEASURES_INSTANCE": str(tmp_path),
        "FLEXMEASURES_PLUGIN_PATHS": str(GREEDY),
        "SECRET_KEY": app.config["SECRET_KEY"],
        "HOME": str(tmp_path),
    }
    with app.app_context():
        seed_structure()
        owners = _make_owners()
        headers = {name: _headers(app, user) for name, (user, _) in owners.items()}
    with subprocess.Popen(
        [COMMAND, "run", "--port", "0", "--workers", "2"],
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            base = _address(server) + "/api/v2_0"
            clients = {
                name: Client(base, headers[name], user.id, battery.id)
                for name, (user, battery) in owners.items()
            }
            yield World(app, server, surroundings, **clients)
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE)
            with app.app_context():
                db.engine.dispose()


def _make_owners() -> dict[str, tuple[User, Asset]]:
    with writing() as session:
        market = Market(name="exchange", display_name="Exchange", unit="EUR/MWh", event_resolution=HOUR)
        battery_type = session.scalars(select(SensorType).where(SensorType.name == "battery")).one()
        session.add(market)
        session.flush()
        prices = 50 + 40 * np.sin(np.arange(48) * np.pi / 6)
        beliefs.store(market, prices, AT, HOUR, sources.get_source("exchange", "script"), horizon=0 * HOUR)
        owners = {}
        for name in ("anna", "ben"):
            user = auth.create_user(name, f"{name}@example.com", None, ["Prosumer"])
            battery = Asset(
                name=f"battery of {name}",
                display_name=f"Battery of {name}",
                unit="MW",
                event_resolution=HOUR / 4,
                capacity_in_mw=0.5,
                min_soc_in_mwh=0.1,
                max_soc_in_mwh=2.0,
                type=battery_type,
                market=market,
                owner=user,
            )
            session.add(battery)
            owners[name] = (user, battery)
    return owners


def _headers(app: Flask, user: User) -> dict[str, str]:
    token = app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]
    return {token: new_token(user), "Content-Type": "application/json"}


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    lines = []
    for line in server.stdout:
        lines.append(line)
        found = re.search(r"runs at (http://\S+)", line)
        if found is not None:
            return found[1]
    raise AssertionError(f"The server ended: {''.join(lines)}")


def is_of_storage(plan: np.ndarray[Any, Any]) -> bool:
    """Buys cheap and sells dear: ends empty (0.1 MWh), has been full (2 MWh)."""
    soc = 0.5 + np.cumsum(plan) / 4
    return bool(plan.min() < 0 and abs(soc.max() - 2) < 1e-6 and abs(soc[-1] - 0.1) < 1e-6)


def is_of_greedy(plan: np.ndarray[Any, Any]) -> bool:
    """Only charges, 1.5 MWh in the twelve cheapest of all slots."""
    return bool(plan.min() == 0 and np.count_nonzero(plan) == 12 and abs(plan.sum() / 4 - 1.5) < 1e-9)


def test_owners_have_their_own_schedulers_and_swap_them_while_the_server_runs(world: World) -> None:
    anna, ben = world.anna, world.ben
    first = "first scheduler that accepts the asset type battery"
    for client in (anna, ben):
        assert client.post(1)[0] == 200
        assert is_of_storage(client.plan(1))
        assert world.stored(client, 1) == ("storage", first, {"storage"})

    added = world.command("add", "algorithm", "--owner-id", ben.owner, "greedy")
    assert (added.returncode, added.stderr) == (0, "")
    assert [client.post(2)[0] for client in (anna, ben)] == [200, 200]
    assert is_of_storage(anna.plan(2))
    assert world.stored(anna, 2) == ("storage", first, {"storage"})
    assert is_of_greedy(ben.plan(2))
    # The earlier plan of that time, by another scheduler, is believed no longer; its row stays.
    of_owner = "attribute custom-scheduler of its owner"
    assert world.stored(ben, 2) == ("greedy", of_owner, {"greedy"})
    assert is_of_storage(ben.plan(1))

    assert world.command("add", "algorithm", "--asset-id", ben.battery, "storage").returncode == 0
    assert ben.post(3)[0] == 200
    assert is_of_storage(ben.plan(3))
    algorithm, because, _ = world.stored(ben, 3)
    assert (algorithm, because) == ("storage", "attribute custom-scheduler of sensor battery of ben")
    assert is_of_greedy(ben.plan(2))
    assert world.server.poll() is None


def test_a_scheduler_that_nobody_has_is_refused_there_and_then_and_nothing_is_stored(world: World) -> None:
    anna, ben = world.anna, world.ben
    refused = world.command("add", "algorithm", "--owner-id", anna.owner, "magic")
    assert refused.returncode == 1
    assert "schedulers: storage, curtailment, shifting, greedy" in refused.stderr
    with world.app.app_context():
        assert db.session.get_one(User, anna.owner).attributes == {}

    with world.app.app_context(), writing() as session:
        session.get_one(User, anna.owner).attributes = {"custom-scheduler": "magic"}
    code, answer = anna.post(1)
    assert (code, answer["status"]) == (400, "UNKNOWN_SCHEDULE")
    assert (
        "No scheduler 'magic' is installed (installed: storage, curtailment, shifting, greedy)"
        in answer["message"]
    )
    assert "attribute custom-scheduler of its owner" in answer["message"]
    with world.app.app_context():
        battery = db.session.get_one(Asset, anna.battery)
        assert (battery.soc_in_mwh, battery.soc_datetime, battery.soc_udi_event_id) == (None, None, None)
        assert db.session.scalar(select(func.count()).select_from(Job)) == 0

    assert ben.post(1)[0] == 200
    assert is_of_storage(ben.plan(1))
    assert world.command("add", "algorithm", "--owner-id", anna.owner, "--remove").returncode == 0
    assert anna.post(1)[0] == 200
    assert is_of_storage(anna.plan(1))
