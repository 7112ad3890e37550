"""A server on this machine that answers as services of weather and prices do, with figures that are made up.

It has the forms of Open-Meteo (`/v1/forecast`) and Energy-Charts (`/price`), so that everything that asks them can be
shown and tried without them: a sunny winter's day or a long summer's day by the date, prices with two peaks a day.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flexmeasures.timing import server_now

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FORECAST_DAYS = 7


@contextmanager
def serving() -> Iterator[str]:
    """The address of the server, while it runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = Thread(target=server.serve_forever, name="local services", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(asked.query).items()}
        answer = {"/v1/forecast": weather, "/price": prices}.get(asked.path)
        try:
            body = None if answer is None else json.dumps(answer(query)).encode()
        except (KeyError, ValueError):
            body = None
        self.send_response(400 if body is None else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body or b'{"error": true}')

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name in the library)
        """Nothing is told of requests."""


def weather(query: Mapping[str, str]) -> dict[str, Any]:
    """Hourly temperature (°C), wind (m/s) and radiation (W/m²) of the days that are asked for."""
    today = server_now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - int(query.get("past_days", "0")) * DAY
    count = 24 * (FORECAST_DAYS + int(query.get("past_days", "0")))
    times = [first + k * HOUR for k in range(count)]
    east = float(query["longitude"]) / 15  # hours by which the sun is earlier there
    height = [_sun(moment, float(query["latitude"]), east) for moment in times]
    return {
        "hourly": {
            "time": [int(moment.timestamp()) for moment in times],
            "temperature_2m": [round(4 + 8 * each, 1) for each in height],
            "wind_speed_10m": [round(6 + 3 * math.sin(k / 17), 1) for k in range(count)],
            "shortwave_radiation": [round(900 * max(0.0, each), 1) for each in height],
        },
        "hourly_units": {
            "time": "unixtime",
            "temperature_2m": "°C",
            "wind_speed_10m": "m/s",
            "shortwave_radiation": "W/m²",
        },
    }


def _sun(moment: datetime, latitude: float, east: float) -> float:
    """The sine of the sun's height, by the day of the year and the hour."""
    tilt = math.radians(-23.44) * math.cos(2 * math.pi * (moment.timetuple().tm_yday + 10) / 365)
    angle = math.radians(15 * (moment.hour + east - 12.5))
    place = math.radians(latitude)
    return math.sin(place) * math.sin(tilt) + math.cos(place) * math.cos(tilt) * math.cos(angle)


def prices(query: Mapping[str, str]) -> dict[str, Any]:
    """Quarter-hourly prices (EUR/MWh) of the window, as far as the auction has told them."""
    start, end = (datetime.fromisoformat(query[name]) for name in ("start", "end"))
    now = server_now().astimezone(UTC)
    known = now.replace(hour=23, minute=0, second=0, microsecond=0) + (
        DAY if now.hour >= 12 else timedelta(0)
    )
    quarters = range(int(start.timestamp()), int(min(end, known).timestamp()), 900)
    return {"unix_seconds": list(quarters), "price": [_price(each) for each in quarters], "unit": "EUR / MWh"}


def _price(seconds: int) -> float:
    hour = seconds / 3600 % 24
    peaks = 60 * math.exp(-(((hour - 7) / 2) ** 2)) + 80 * math.exp(-(((hour - 17.5) / 2) ** 2))
    return round(60 + peaks - 30 * math.exp(-(((hour - 12) / 2.5) ** 2)), 2)
