"""A real server for the benchmarks: gunicorn with two workers on PostgreSQL, `flexmeasures run` on SQLite.

Nobody works on jobs. What clients need (address, token, connections) and the processes that answer come with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
import orjson
from common import SCRIPTS, environment
from server import PATIENCE, free_port, is_well

if TYPE_CHECKING:
    from flask import Flask

ASSETS = 105
STEP = timedelta(minutes=15)
SERVERS = {"sqlite": "flexmeasures run", "postgresql": "gunicorn, 2 workers"}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Site:
    """A running server: its app (in this process), its port and process, and assets of a prosumer."""

    database: str
    app: Flask
    port: int
    process: int
    token: str
    connections: tuple[str, ...]

    def client(self) -> Client:
        """A client with a connection of its own, which it keeps."""
        return Client(self.port, self.token)

    def cpu_seconds(self) -> float:
        """What the server's processes have used of the processors so far."""
        return sum(_cpu(pid) for pid in [self.process, *_children(self.process)])


class Client:
    """Posts and gets meter data by one connection that is kept open."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"Authorization": token, "Content-Type": "application/json"}

    def post(self, message: dict[str, Any], accepted: int = 200) -> None:
        """Post meter data; AssertionError for another answer than the accepted one."""
        body = orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)
        self.connection.request("POST", "/api/v2_0/postMeterData", body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != accepted:
            raise AssertionError(f"{answer.status}: {text.decode()[:500]}")

    def get(self, **query: str) -> int:
        """Get meter data; how many values came."""
        path = "/api/v2_0/getMeterData?" + urlencode({"type": "GetMeterDataRequest", "unit": "MW"} | query)
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {text.decode()[:500]}")
        return len(orjson.loads(text)["values"])


def message(connections: list[str], start: datetime, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Measured values of each connection."""
    head = {"type": "PostMeterDataRequest", "unit": "MW", "horizon": "PT0M", "start": start.isoformat()}
    head |= {"duration": f"PT{len(values) * 15}M"}
    if len(connections) == 1:
        return head | {"connection": connections[0], "values": values}
    return head | {"groups": [{"connection": connection, "values": values} for connection in connections]}


@contextmanager
def serving(database: str) -> Iterator[Site]:
    """The server, with a prosumer who has ASSETS buildings."""
    from flexmeasures.testing import make_app, temporary_postgresql

    own = temporary_postgresql() if database == "postgresql" else nullcontext()
    with TemporaryDirectory() as folder, own as uri:
        instance = Path(folder)
        settings = {} if uri is None else {"SQLALCHEMY_DATABASE_URI": uri}
        app = make_app(instance, FLEXMEASURES_JOBS="", SECURITY_PASSWORD_SALT="s", **settings)
        token, connections = _content(app)
        with running(database, instance, settings) as (port, process):
            yield Site(database, app, port, process, token, connections)
        with app.app_context():
            from flexmeasures.db import db

            db.engine.dispose()


@contextmanager
def running(database: str, instance: Path, settings: dict[str, str]) -> Iterator[tuple[int, int]]:
    """A server of an instance: its port and the id of its process."""
    port = free_port()
    ours = {"SECRET_KEY": "a-key-for-tests", "SECURITY_PASSWORD_SALT": "s", "FLASK_ENV": "development"}
    command = [str(SCRIPTS / "flexmeasures"), "run", "--port", str(port), "--workers", "0"]
    if database == "postgresql":
        command = [str(SCRIPTS / "gunicorn"), "--workers", "2", "--bind", f"127.0.0.1:{port}"]
        command += ["--keep-alive", "60", "flexmeasures.wsgi:application"]
    with subprocess.Popen(
        command,
        env=environment(instance) | settings | ours,
        cwd=instance,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait(server, port)
            yield port, server.pid
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    import time

    until = time.monotonic() + PATIENCE
    while not is_well(port):
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError("The server of the benchmark does not answer.")
        time.sleep(0.02)


def _content(app: Flask) -> tuple[str, tuple[str, ...]]:
    from sqlalchemy import select

    import flexmeasures_master_data as master_data
    from flexmeasures import auth
    from flexmeasures.auth import new_token
    from flexmeasures.db import writing
    from flexmeasures.models import Market
    from flexmeasures.testing import seed_structure

    with app.app_context():
        seed_structure()
        with writing() as session:
            user = auth.create_user("prosumer", "prosumer@example.com", "a-password", ["Prosumer"])
            market = session.scalar(select(Market.id))
            about = {"asset_type_name": "building", "unit": "MW", "event_resolution": 15, "capacity_in_mw": 2}
            about |= {"latitude": 52.4, "longitude": 4.9, "owner_id": user.id, "market_id": market}
            made = [master_data.create_asset(about | {"name": f"building {k}"}) for k in range(ASSETS)]
        names = tuple(f"ea1.2021-01.io.flexmeasures:{user.id}:{asset.id}" for asset in made)
        return new_token(user), names


def _children(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(folder.name))
    return found


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
