"""Entity addresses of USEF's type 1: reading them leniently and building those of assets.

An address is `ea1.{YYYY-MM}.{reversed domain}:{local part}`. Whoever reads one looks only at the local
part: neither date, domain nor owner are compared with anything; access is checked on the real owner.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flexmeasures.errors import InputError, shown

log = logging.getLogger(__name__)

LARGEST_ID = 2**31 - 1  # ids are 32-bit integers in the database
_DATE_CODE = re.compile(r"[0-9]{4}-[0-9]{2}")
_AUTH_START = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_NUMBERS = r"(?:[0-9]+:)*"  # owner id and port, both ignored
_NAME = r"[A-Za-z][A-Za-z0-9_-]*"
_DEGREES = r"-?[0-9]+(?:\.[0-9]+)?"
_LOCAL_PARTS = {
    "connection": (re.compile(rf"{_NUMBERS}([0-9]{{1,18}})"), "[owner id:]asset id"),
    "event": (
        re.compile(rf"{_NUMBERS}([0-9]{{1,18}}):([0-9]{{1,18}}):({_NAME})"),
        "[owner id:]asset id:event id:event type",
    ),
    "market": (re.compile(f"({_NAME})"), "market name"),
    "sensor": (re.compile(f"({_NAME}):({_DEGREES}):({_DEGREES})"), "sensor type:latitude:longitude"),
}


@dataclass(frozen=True)
class EventAddress:
    """What an event's address says: asset, number of the event, and its type (soc, soc-with-targets)."""

    asset_id: int
    event_id: int
    event_type: str


@dataclass(frozen=True)
class WeatherAddress:
    """What a weather sensor's address says: type (lower case) and place in degrees."""

    type_name: str
    latitude: float
    longitude: float


Entity = int | str | EventAddress | WeatherAddress


def parse_entity_address(address: object, kind: str) -> Entity:
    """What an address says, by kind of entity: connection, event, market or sensor. Raises InputError."""
    readers: dict[str, Callable[[object], Entity]] = {
        "connection": connection,
        "event": event,
        "market": market,
        "sensor": weather_sensor,
    }
    if kind not in readers:
        raise InputError(f"There are no addresses of kind {kind!r}.", "kind", ", ".join(readers))
    return readers[kind](address)


def connection(address: object) -> int:
    """Asset id of a connection's address; InputError when it is none."""
    return int(_local("connection", address)[0])


def event(address: object) -> EventAddress:
    """Asset id, event id and type of an event's address; InputError when it is none."""
    asset_id, event_id, event_type = _local("event", address)
    if int(event_id) > LARGEST_ID:
        raise _wrong("event", address, f"the event id {event_id} is too large", f"at most {LARGEST_ID}")
    return EventAddress(int(asset_id), int(event_id), event_type)


def market(address: object) -> str:
    """Name (lower case) of the market of an address; InputError when it is none."""
    return _local("market", address)[0].lower()


def weather_sensor(address: object) -> WeatherAddress:
    """Type and place of a weather sensor's address; InputError when it is none."""
    type_name, latitude, longitude = _local("sensor", address)
    place = WeatherAddress(type_name.lower(), float(latitude), float(longitude))
    if abs(place.latitude) > 90 or abs(place.longitude) > 180:
        raise _wrong("sensor", address, "there is no such place", "latitude -90..90, longitude -180..180")
    return place


def _local(kind: str, address: object) -> tuple[str, ...]:
    """The parts of the local part of an address of that kind."""
    if not isinstance(address, str):
        raise _wrong(kind, address, "it is not text", "an entity address")
    scheme, _, rest = address.partition(".")
    pattern, form = _LOCAL_PARTS[kind]
    if scheme != "ea1":
        accepted = f"ea1.{{YYYY-MM}}.{{reversed domain}}:{form}"
        raise _wrong(kind, address, "it does not start with 'ea1'", accepted)
    date_code, _, rest = rest.partition(".")
    if not _DATE_CODE.fullmatch(date_code):
        raise _wrong(
            kind, address, f"its date code {shown(date_code)} is wrong", "a year and month such as 2021-02"
        )
    domain, _, local = rest.partition(":")
    if not domain or domain != "".join(domain.split()):
        raise _wrong(
            kind,
            address,
            f"its domain {shown(domain)} is wrong",
            "a reversed domain such as io.flexmeasures",
        )
    match = pattern.fullmatch(local)
    if match is None:
        raise _wrong(kind, address, f"its local part {shown(local)} is wrong", form)
    return match.groups()


def _wrong(kind: str, address: object, what: str, accepted: str) -> InputError:
    return InputError(f"The {kind} {shown(address)} is not understood: {what}.", kind, accepted)


def build_connection(
    host: str, owner_id: int | None, asset_id: int, auth_start: Mapping[str, str], now: datetime
) -> str:
    """The address of an asset on a host (a port is dropped).

    auth_start: FLEXMEASURES_HOSTS_AND_AUTH_START, first month of a host's owner by host; a host that is not
    in it, localhost above all, gets the month after `now`.
    """
    name = host.rpartition(":")[0] if re.search(r":[0-9]+$", host) else host
    date_code = auth_start.get(name)
    if date_code is None or not _AUTH_START.fullmatch(date_code):
        if name not in ("localhost", "127.0.0.1"):
            log.warning("No month (01..12) for host %s in FLEXMEASURES_HOSTS_AND_AUTH_START.", name)
        date_code = f"{now.year + now.month // 12:04}-{now.month % 12 + 1:02}"
    owner = "" if owner_id is None else f"{owner_id}:"
    return f"ea1.{date_code}.{_reversed(name)}:{owner}{asset_id}"


def _reversed(host: str) -> str:
    return ".".join(reversed(host.split(".")))
