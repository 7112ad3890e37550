"""What the chaos test asks of the server over HTTP, what was acknowledged, and whether that is there at the end."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

STEP = timedelta(minutes=15)
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
PRICED = timedelta(days=10)  # from FIRST on
DOMAIN = "ea1.2021-01.io.flexmeasures"
DIRECTLY = build_opener(ProxyHandler({}))  # whatever proxies the surroundings name
ONCE_MORE = 0.15  # seconds between two attempts
RECOVERED_AFTER = 30.0  # seconds


class Notes:
    """What all threads write down: counts, and what must not be."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self._lock = threading.Lock()

    def count(self, what: str, number: int = 1) -> None:
        with self._lock:
            self.counts[what] += number

    def violation(self, text: str) -> None:
        with self._lock:
            self.violations.append(text)


@dataclass(frozen=True)
class World:
    """The server, and whom and what it knows."""

    address: str
    token: str
    user_id: int
    buildings: list[int]
    batteries: list[int]

    def connection(self, asset_id: int) -> str:
        return f"{DOMAIN}:{self.user_id}:{asset_id}"

    def ask(self, method: str, service: str, message: dict[str, Any]) -> tuple[int, dict[str, Any], Any]:
        """Status (0: no answer), body and headers."""
        url, data = f"{self.address}/api/v2_0/{service}", None
        if method == "GET":
            url += "?" + urlencode(message)
        else:
            data = json.dumps(message).encode()
        headers = {"Authorization": self.token, "Content-Type": "application/json"}
        request = Request(url, data=data, headers=headers, method=method)
        try:
            with DIRECTLY.open(request, timeout=20) as answer:
                return answer.status, json.load(answer), answer.headers
        except HTTPError as error:
            with error:
                body = error.read()
            try:
                return error.code, json.loads(body), error.headers
            except ValueError:
                return error.code, {"message": body.decode(errors="replace")[:300]}, error.headers
        except (OSError, HTTPException, ValueError):
            return 0, {}, None

    def read(self, service: str, message: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of a GET, asked for again while the server comes back from the last harm."""
        until = time.monotonic() + RECOVERED_AFTER
        while True:
            status, body, _ = self.ask("GET", service, message)
            if status not in (0, 503) or time.monotonic() > until:
                return status, body
            time.sleep(ONCE_MORE)


class Client(threading.Thread):
    """Posts one message after the other, each again until it is acknowledged."""

    service = ""
    already = ""  # how the server says that it has this message already
    pause = 0.05  # seconds between two messages

    def __init__(self, world: World, notes: Notes, stop: threading.Event, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self.world, self.notes, self.stop, self.rng = world, notes, stop, rng

    def run(self) -> None:
        while not self.stop.is_set():
            message, acknowledged = self.next()
            if self._post(message):
                acknowledged()
            time.sleep(self.pause)

    def next(self) -> tuple[dict[str, Any], Callable[[], None]]:
        """The next message, and what to write down when it is acknowledged."""
        raise NotImplementedError

    def _post(self, message: dict[str, Any]) -> bool:
        last_moment, unsure = float("inf"), False
        while time.monotonic() < last_moment:
            status, body, headers = self.world.ask("POST", self.service, message)
            if status == 200 or (unsure and body.get("status") == self.already):
                self.notes.count(f"{self.service} acknowledged")
                return True
            if status == 503 and headers.get("Retry-After", "").isdigit():
                self.notes.count(f"{self.service} answered 503")
            elif status == 0:
                self.notes.count(f"{self.service} without an answer")
            else:
                self.notes.violation(f"{self.service} {message}: {status} {body}")
                return False
            unsure = True  # a lost answer, or a connection lost during the commit
            if self.stop.is_set() and last_moment == float("inf"):
                last_moment = time.monotonic() + 60
            time.sleep(ONCE_MORE)
        self.notes.violation(f"{self.service} {message} was not taken for a minute after the last harm")
        return False


class Meters(Client):
    """Measurements of two buildings in one request, window after window; each must be stored whole."""

    service = "postMeterData"
    already = "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED"

    def __init__(self, *args: Any, buildings: list[int]) -> None:
        super().__init__(*args)
        self.buildings = buildings
        self.stored: list[float] = []  # by slot from FIRST on, the same for each building

    def next(self) -> tuple[dict[str, Any], Callable[[], None]]:
        values = [round(self.rng.uniform(0, 1), 4) for _ in range(self.rng.randint(1, 6))]
        message = {
            "type": "PostMeterDataRequest",
            "connections": [self.world.connection(asset_id) for asset_id in self.buildings],
            "values": values,
            "start": (FIRST + len(self.stored) * STEP).isoformat(),
            "duration": f"PT{15 * len(values)}M",
            "horizon": "PT0M",
            "unit": "MW",
        }
        return message, lambda: self.stored.extend(values)


class Devices(Client):
    """Flexibility events of one battery."""

    service = "postUdiEvent"
    already = "OUTDATED_UDI_EVENT"
    pause = 0.15

    def __init__(self, *args: Any, battery: int) -> None:
        super().__init__(*args)
        self.battery, self.last_id = battery, 0
        self.acknowledged: list[int] = []

    def next(self) -> tuple[dict[str, Any], Callable[[], None]]:
        self.last_id += 1
        event_id = self.last_id
        at = FIRST + timedelta(minutes=event_id)
        targets = [{"value": 0.5, "datetime": (at + timedelta(hours=3)).isoformat()}]
        message = {
            "type": "PostUdiEventRequest",
            "event": self.event(event_id),
            "value": round(self.rng.uniform(0.1, 0.9), 3),
            "unit": "MWh",
            "datetime": at.isoformat(),
            "targets": targets,
        }
        return message, lambda: self.acknowledged.append(event_id)

    def event(self, event_id: int) -> str:
        return f"{self.world.connection(self.battery)}:{event_id}:soc-with-targets"


@dataclass
class Load:
    """All clients."""

    world: World
    notes: Notes
    seed: int
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        def what(name: str) -> tuple[Any, ...]:
            return self.world, self.notes, self.stop, random.Random(f"{self.seed}/{name}")

        pairs = [self.world.buildings[k : k + 2] for k in range(0, len(self.world.buildings), 2)]
        self.meters = [Meters(*what(f"meters {pair}"), buildings=pair) for pair in pairs]
        self.devices = [Devices(*what(f"battery {one}"), battery=one) for one in self.world.batteries]

    def start(self) -> None:
        for client in (*self.meters, *self.devices):
            client.start()

    def finish(self) -> None:
        """Ask for no more, and let each client see its last message through."""
        self.stop.set()
        for client in (*self.meters, *self.devices):
            client.join(90)
            if client.is_alive():
                self.notes.violation(f"a client of {client.service} did not come to an end")

    def values(self) -> int:
        return sum(len(meters.stored) * len(meters.buildings) for meters in self.meters)

    def check(self) -> None:
        """Read back, through the API, what was acknowledged."""
        for meters in self.meters:
            for asset_id in meters.buildings:
                self._check_values(asset_id, meters.stored)
        for devices in self.devices:
            for event_id in devices.acknowledged:
                self._check_event(devices.event(event_id))

    def _check_values(self, asset_id: int, expected: list[float]) -> None:
        message = {
            "type": "GetMeterDataRequest",
            "connection": self.world.connection(asset_id),
            "start": FIRST.isoformat(),
            "duration": f"PT{15 * max(len(expected), 1)}M",
            "unit": "MW",
        }
        status, body = self.world.read("getMeterData", message)
        if status != 200 or body["values"] != expected:
            self.notes.violation(f"building {asset_id}: {status} {body} instead of {expected}")

    def _check_event(self, event: str) -> None:
        message = {"type": "GetDeviceMessageRequest", "event": event}
        status, body = self.world.read("getDeviceMessage", message)
        if status == 200 and body["values"]:
            self.notes.count("events with a schedule")
        elif body.get("status") == "UNKNOWN_SCHEDULE" and "failed with" in str(body.get("message")):
            self.notes.count("events with a failed job and its reason")
        else:
            self.notes.violation(f"event {event}: {status} {body}")
