"""A small world for the API's tests: users of several roles, assets, markets, weather, and clients for them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from sqlalchemy import select

from flexmeasures.timeseries import TimeSeries
from flexmeasures_algorithms import SensorFacts
from flexmeasures_forecasting import ForecastingProblem

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from flexmeasures.models import User

PLACE = (33.4843866, 126.477859)


@dataclass(frozen=True)
class Api:
    """A client of v2_0 that authenticates as one user."""

    client: FlaskClient
    headers: dict[str, str]
    base: str = "/api/v2_0"

    def get(self, path: str, **query: Any) -> TestResponse:
        """GET a path with a query string; a service gets its message type."""
        if path.startswith("get"):
            query.setdefault("type", f"{path[0].upper()}{path[1:]}Request")
        return self.client.get(f"{self.base}/{path}", query_string=query, headers=self.headers)

    def post(self, path: str, **body: Any) -> TestResponse:
        """POST a JSON body; a service gets its message type."""
        if path.startswith("post"):
            body.setdefault("type", f"{path[0].upper()}{path[1:]}Request")
        return self.client.post(f"{self.base}/{path}", json=body, headers=self.headers)


@dataclass
class World:
    """Users by name, ids of sensors by name, and one client per user."""

    app: Flask
    users: dict[str, User]
    ids: dict[str, int]
    clients: dict[str, Api]

    def address(self, name: str) -> str:
        """The address of an asset."""
        return f"ea1.2018-06.localhost:1:{self.ids[name]}"

    def event(self, name: str, event_id: int, event_type: str = "soc") -> str:
        """The address of an event of an asset."""
        return f"{self.address(name)}:{event_id}:{event_type}"

    def count(self, name: str) -> int:
        """How many beliefs of users are stored about a sensor (forecasts that follow do not count)."""
        from sqlalchemy import func, select

        from flexmeasures.db import db
        from flexmeasures.models import Source, belief

        with self.app.app_context():
            users = select(Source.id).where(Source.type == "user")
            about = belief.c.sensor_id == self.ids[name]
            query = select(func.count()).where(about, belief.c.source_id.in_(users))
            return int(db.session.scalar(query) or 0)


def asset_fields(name: str, kind: str, owner: int, market: int, minutes: int = 15) -> dict[str, Any]:
    """Fields of a new asset, as the documentation's example has them."""
    return {
        "name": name,
        "asset_type": kind,
        "unit": "MW",
        "owner": owner,
        "market": market,
        "event_resolution": minutes,
        "capacity_in_mw": 2.0,
        "latitude": 40,
        "longitude": 170.3,
        "min_soc_in_mwh": 0,
        "max_soc_in_mwh": 5,
    }


_USERS = {
    "admin": ("admin",),
    "prosumer": ("Prosumer",),
    "neighbour": ("Prosumer",),
    "mdc": ("MDC",),
    "supplier": ("Supplier",),
    "esco": ("ESCo", "Prosumer"),
    "visitor": ("anonymous", "Prosumer", "admin"),
    "nobody": (),
    "mdc_owner": ("MDC", "Prosumer"),
}
_ASSETS = {
    "building": ("building", "prosumer", 15),
    "site": ("building", "prosumer", 15),
    "five": ("building", "prosumer", 5),
    "solar": ("solar", "prosumer", 15),
    "evse": ("one-way_evse", "prosumer", 15),
    "battery": ("battery", "prosumer", 15),
    "foreign": ("building", "neighbour", 15),
    "esco battery": ("battery", "esco", 15),
    "meter": ("building", "mdc_owner", 15),
}
_NAMES = ("epex_da", "kpx_da", "thermometer", *_ASSETS)


@pytest.fixture
def world(app: Flask) -> World:
    """The small world, on each database."""
    from flexmeasures.auth import new_token
    from flexmeasures.db import db
    from flexmeasures.models import Sensor, User
    from flexmeasures.testing import add_rows_of

    header = app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]
    with app.app_context():
        add_rows_of(_make_world)
        users = {user.username: user for user in db.session.scalars(select(User))}
        named = select(Sensor.name, Sensor.id).where(Sensor.name.in_(_NAMES))
        ids = {sensor.name: sensor.id for sensor in db.session.execute(named)}
        db.session.commit()
        clients = {name: Api(app.test_client(), {header: new_token(user)}) for name, user in users.items()}
        return World(app, users, ids, clients)


def _make_world() -> None:
    from flexmeasures.db import writing

    with writing() as session:
        _make_sensors(session, _make_users(session))


def _make_users(session: Session) -> dict[str, User]:
    from flexmeasures.models import Role, Source, User

    names = {role for user_roles in _USERS.values() for role in user_roles}
    roles = {name: Role(name=name) for name in names}
    users = {
        name: User(
            username=name,
            email=f"{name}@example.com",
            fs_uniquifier=uuid.uuid4().hex,
            roles=[roles[role] for role in user_roles],
        )
        for name, user_roles in _USERS.items()
    }
    session.add_all(users.values())
    session.flush()
    session.add_all(Source(name=user.username, type="user", user_id=user.id) for user in users.values())
    return users


def _make_sensors(session: Session, users: dict[str, User]) -> None:
    from flexmeasures.models import Asset, Market, SensorType, WeatherSensor

    types = {row.name: row for row in session.scalars(select(SensorType))}
    hour, quarter = timedelta(hours=1), timedelta(minutes=15)
    day_ahead = {"type": types["day_ahead"], "event_resolution": hour}
    markets = {
        "epex_da": Market(name="epex_da", display_name="Epex da", unit="EUR/MWh", **day_ahead),
        "kpx_da": Market(name="kpx_da", display_name="Kpx da", unit="KRW/kWh", **day_ahead),
    }
    place = {"latitude": PLACE[0], "longitude": PLACE[1], "event_resolution": quarter}
    thermometer = WeatherSensor(name="thermometer", unit="°C", type=types["temperature"], **place)
    session.add_all([*markets.values(), thermometer])
    session.flush()
    for name, (kind, owner, minutes) in _ASSETS.items():
        asset = Asset(
            name=name,
            display_name=f"The {name}",
            unit="MW",
            type=types[kind],
            owner_id=users[owner].id,
            market_id=markets["epex_da"].id,
            event_resolution=timedelta(minutes=minutes),
            capacity_in_mw=2.0,
            latitude=40.0,
            longitude=170.3,
            min_soc_in_mwh=0.0,
            max_soc_in_mwh=5.0,
        )
        session.add(asset)
        session.flush()  # one by one, so that ids are in this order


@pytest.fixture
def api(world: World) -> Api:
    """The client of the prosumer, who owns most of the assets."""
    return world.clients["prosumer"]


@pytest.fixture
def prices(world: World) -> None:
    """Four days of hourly prices around the events."""
    values = [20.0 + hour % 24 for hour in range(96)]
    keys = {"start": "2015-06-02T00:00:00Z", "duration": "P4D", "unit": "EUR/MWh", "horizon": "P1D"}
    posted = world.clients["admin"].post(
        "postPriceData", market="ea1.2018-06.localhost:epex_da", values=values, **keys
    )
    assert posted.status_code == 200


# -- services of weather and the like --------------------------------------------------------------------


@dataclass
class Service:
    """A local HTTP server that answers what a test puts into `answers`, one after the other, the last for good.

    An answer is a status, headers and a body (JSON, or bytes as they are). asked: paths and queries.
    """

    url: str
    answers: list[tuple[int, dict[str, str], Any]]
    asked: list[tuple[str, dict[str, list[str]]]]


@pytest.fixture
def service() -> Iterator[Service]:
    """A service without answers."""
    found = Service("", [], [])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            found.asked.append((path, parse_qs(query)))
            status, headers, body = found.answers.pop(0) if len(found.answers) > 1 else found.answers[0]
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in (
                {"Content-Length": str(len(raw)), "Content-Type": "application/json"} | headers
            ).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


# -- problems to forecast ------------------------------------------------------------------------------

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def sensor_facts(**changes: Any) -> SensorFacts:
    """A building with an hourly meter in Amsterdam, unless changed."""
    facts: dict[str, Any] = {
        "id": 1,
        "name": "meter",
        "kind": "asset",
        "type": "building",
        "unit": "MW",
        "resolution": timedelta(hours=1),
        "timezone": "Europe/Amsterdam",
        "is_consumer": True,
        "is_producer": True,
        "seasonality": frozenset({"daily", "weekly"}),
    }
    return SensorFacts(**(facts | changes))


@pytest.fixture
def facts() -> Callable[..., SensorFacts]:
    return sensor_facts


@pytest.fixture
def problem_of() -> Callable[..., ForecastingProblem]:
    """Make a problem: values from MONDAY on; asks, by hours ahead, for `count` events.

    The first event may know exactly the whole history when count is 1; of several, the last one may.
    """

    def make(
        values: Any, hours: tuple[int, ...] = (1, 6, 24, 48), count: int = 1, **changes: Any
    ) -> ForecastingProblem:
        regressors = changes.pop("regressors", ())
        sensor = sensor_facts(**changes)
        history = TimeSeries(MONDAY, sensor.resolution, np.asarray(values, dtype=float))
        targets = {
            h * timedelta(hours=1): (history.end + h * timedelta(hours=1) - count * sensor.resolution, count)
            for h in hours
        }
        return ForecastingProblem(
            sensor=sensor,
            known_until=history.end,
            history=history,
            targets=targets,
            regressors=tuple(regressors),
        )

    return make


@pytest.fixture
def daily_load() -> Callable[..., np.ndarray[Any, Any]]:
    """Hourly values with a daily shape and noise: (days, seed) -> array."""

    def make(days: int = 40, seed: int = 1, noise: float = 0.1) -> np.ndarray[Any, Any]:
        hours = np.arange(days * 24)
        shape = 1.0 + 0.5 * np.sin(2 * np.pi * hours / 24)
        return shape + noise * np.random.default_rng(seed).standard_normal(len(hours))

    return make
