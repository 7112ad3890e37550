"""A live server for the client, which can be told to be busy, and what a user needs on it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server

from flexmeasures.testing import PASSWORD
from flexmeasures_client import Client

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.models import User

START_RESPONSE = Callable[..., Any]


@dataclass
class Server:
    """An app behind HTTP; the first answers of a request come from `moods`: (status line, headers), then its own."""

    app: Flask
    url: str = ""
    moods: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: START_RESPONSE) -> Any:
        path = environ["PATH_INFO"]
        self.asked.append(f"{environ['REQUEST_METHOD']} {path}")
        if self.moods and path != "/api/requestAuthToken":
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            status, headers = self.moods.pop(0)
            start_response(status, [("Content-Type", "application/json"), *headers.items()])
            return [json.dumps({"message": "Busy.", "status": int(status[:3])}).encode()]
        return self.app.wsgi_app(environ, start_response)


def serve(server: Server, port: int = 0) -> Callable[[], None]:
    """Serve in a thread; what is returned stops it."""
    http = make_server("127.0.0.1", port, server, threaded=True)
    server.url = f"http://127.0.0.1:{http.port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))  # how often it looks whether to stop
    thread.start()

    def stop() -> None:
        http.shutdown()
        thread.join()
        http.server_close()

    return stop


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    """The app, live, on each database; jobs run inline."""
    served = Server(app)
    stop = serve(served)
    yield served
    stop()


@pytest.fixture
def address(app: Flask, prosumer: User) -> str:
    """The connection of a battery of 2 MW with a market of hourly prices, and a thermometer."""
    from sqlalchemy import select

    import flexmeasures_master_data as master_data
    from flexmeasures.db import writing
    from flexmeasures.models import Market

    market = {"name": "epex_da", "market_type_name": "day_ahead", "unit": "EUR/MWh", "event_resolution": 60}
    place = {"latitude": 52.37, "longitude": 4.89}
    battery = {"name": "battery", "display_name": "Battery", "asset_type_name": "battery", "unit": "MW"}
    battery |= {"capacity_in_mw": 2.0, "min_soc_in_mwh": 0.5, "max_soc_in_mwh": 5.0, "event_resolution": 15}
    weather = {"name": "thermometer", "weather_sensor_type_name": "temperature", "unit": "°C"}
    with app.app_context(), writing() as session:
        master_data.create_market(market)
        session.flush()
        market_id = session.scalar(select(Market.id).where(Market.name == "epex_da"))
        master_data.create_weather_sensor(weather | place | {"event_resolution": 60})
        asset = master_data.create_asset(battery | place | {"owner_id": prosumer.id, "market_id": market_id})
        session.flush()
        return f"ea1.2018-06.localhost:{prosumer.id}:{asset.id}"


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client wanted to wait; nobody does."""
    return []


@pytest.fixture
def client(server: Server, prosumer: User, waits: list[float]) -> Iterator[Client]:
    """The client of the prosumer (it takes the place of flexmeasures.testing's)."""
    with Client(server.url, prosumer.email, PASSWORD, wait=waits.append) as found:
        yield found
