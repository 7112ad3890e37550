"""The client: meter data, prognoses, prices, weather, events with their plans, assets."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias, overload

import httpx

from flexmeasures_client.errors import ScheduleNotReady, ServerWarning
from flexmeasures_client.series import Series, as_series, iso_duration, iso_time, parse_duration
from flexmeasures_client.transport import Transport

if TYPE_CHECKING:
    import pandas as pd

Values: TypeAlias = "Series | pd.Series[Any] | Iterable[float] | float"
Fields: TypeAlias = dict[str, Any]
BASE = "/api/v2_0"
AUTHORITY = "ea1.2018-06.localhost"  # the server looks at the local part of addresses only
MINUTE = timedelta(minutes=1)


class Connection(NamedTuple):
    """A connection of the user: its entity address, and the name that people see."""

    address: str
    name: str


class Target(NamedTuple):
    """A state of charge that is wanted at a time."""

    at: datetime
    value: float


def market_address(name: str) -> str:
    """The entity address of a market, of its name (epex_da); an address stays what it is."""
    return name if name.startswith("ea1.") else f"{AUTHORITY}:{name}"


def _tell(answer: Fields) -> None:
    for text in answer.get("warnings", ()):
        warnings.warn(text, ServerWarning, stacklevel=4)


def weather_address(kind: str, latitude: float, longitude: float) -> str:
    """The entity address of the weather sensor of a kind (temperature, radiation, wind_speed) at a place."""
    place = ":".join(format(Decimal(repr(float(degrees))), "f") for degrees in (latitude, longitude))
    return f"{AUTHORITY}:{kind}:{place}"


class Client:
    """A user's access to a server; use it in a `with` block, or close it.

    url: the address of the server, without /api. timeout: seconds without a byte of the answer. retries,
    token_header, wait: see `Transport`. transport: httpx's, for programs that bring their own.
    """

    def __init__(
        self,
        url: str,
        email: str,
        password: str,
        *,
        timeout: float = 30.0,
        retries: int = 5,
        token_header: str = "Authorization",  # noqa: S107  a name, no secret
        wait: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        http = httpx.Client(base_url=url, timeout=timeout, transport=transport)
        self._wait = wait
        self._transport = Transport(http, email, password, retries, token_header, wait)
        self._resolutions: dict[str, timedelta] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the server."""
        self._transport.close()

    # -- power -----------------------------------------------------------------------------------------

    def connections(self) -> list[Connection]:
        """The user's connections (an admin's: all), the newest first."""
        found = self._get("getConnection")
        return [Connection(*pair) for pair in zip(found["connections"], found["names"], strict=True)]

    def post_meter_data(self, connection: str | list[str], values: Values, **keys: Any) -> None:
        """Store what was measured, in MW, consumption positive; the same values for each of several connections.

        values: see `as_series`. keys: start and resolution of plain values; horizon (timedelta, at most zero) or
        prior (datetime): when they were recorded, by default now.
        """
        self._post_values("postMeterData", "connection", connection, values, "MW", **keys)

    def post_prognosis(self, connection: str | list[str], values: Values, **keys: Any) -> None:
        """Store forecasts of the user's own, in MW, consumption positive; keys as for `post_meter_data`."""
        self._post_values("postPrognosis", "connection", connection, values, "MW", **keys)

    @overload
    def get_meter_data(self, connection: str, start: datetime, end: datetime, **keys: Any) -> Series: ...

    @overload
    def get_meter_data(
        self, connection: list[str], start: datetime, end: datetime, **keys: Any
    ) -> dict[str, Series]: ...

    def get_meter_data(
        self, connection: str | list[str], start: datetime, end: datetime, **keys: Any
    ) -> Series | dict[str, Series]:
        """What was measured from start to end, in MW; by connection when a list of them is asked for.

        keys: resolution (timedelta, coarser than the sensor's: means), source (user id or list), horizon
        (timedelta: recorded at least so long before), prior (datetime: as known then).
        """
        return self._get_values("getMeterData", connection, start, end, **keys)

    @overload
    def get_prognosis(self, connection: str, start: datetime, end: datetime, **keys: Any) -> Series: ...

    @overload
    def get_prognosis(
        self, connection: list[str], start: datetime, end: datetime, **keys: Any
    ) -> dict[str, Series]: ...

    def get_prognosis(
        self, connection: str | list[str], start: datetime, end: datetime, **keys: Any
    ) -> Series | dict[str, Series]:
        """The newest that is believed of the time from start to end, in MW; keys as for `get_meter_data`."""
        return self._get_values("getPrognosis", connection, start, end, **keys)

    # -- prices and weather ----------------------------------------------------------------------------

    def post_prices(
        self, market: str | list[str], values: Values, *, unit: str = "EUR/MWh", **keys: Any
    ) -> None:
        """Store prices of a market, by its name or address; keys as for `post_meter_data`."""
        names = [market] if isinstance(market, str) else market
        addresses = [market_address(name) for name in names]
        self._post_values("postPriceData", "market", addresses, values, unit, **keys)

    def post_weather(self, sensor: str | list[str], values: Values, *, unit: str, **keys: Any) -> None:
        """Store weather of a sensor, by its address (`weather_address`); unit is °C, kW/m² or m/s.

        keys as for `post_meter_data`.
        """
        self._post_values("postWeatherData", "sensor", sensor, values, unit, **keys)

    # -- events and plans ------------------------------------------------------------------------------

    def post_soc(
        self,
        connection: str,
        event_id: int,
        value: float,
        at: datetime,
        *,
        unit: str = "MWh",
        targets: Sequence[Target] = (),
    ) -> str:
        """Tell the state of charge of a device at a time (and what it should be later), and ask for a plan.

        event_id: above that of the device's last event. unit: MWh or kWh, of all values. Gives the address of
        the event, by which the plan is asked for.
        """
        event = f"{connection}:{event_id}:{'soc-with-targets' if targets else 'soc'}"
        message = {"event": event, "value": value, "unit": unit, "datetime": iso_time(at, "at")}
        if targets:
            message["targets"] = [
                {"value": target.value, "datetime": iso_time(target.at, "targets")} for target in targets
            ]
        self._post("postUdiEvent", message)
        return event

    def get_device_message(self, event: str, duration: timedelta | None = None) -> Series:
        """The planned power of a device from its event on, in MW; six hours of it unless told otherwise.

        Raises ScheduleNotReady while the plan is being made, NoSchedule when there will be none.
        """
        keys = {} if duration is None else {"duration": iso_duration(duration)}
        found = self._get("getDeviceMessage", event=event, **keys)
        resolution = parse_duration(found["duration"]) / max(1, len(found["values"]))
        return Series(
            datetime.fromisoformat(found["start"]), resolution, _floats(found["values"]), found["unit"]
        )

    def wait_for_device_message(
        self,
        event: str,
        duration: timedelta | None = None,
        *,
        patience: timedelta = timedelta(minutes=2),
        every: timedelta = timedelta(seconds=1),
    ) -> Series:
        """As `get_device_message`, asking again until the plan is there; ScheduleNotReady after `patience`."""
        left = patience
        while True:
            try:
                return self.get_device_message(event, duration)
            except ScheduleNotReady:
                if left <= timedelta(0):
                    raise
            self._wait(every.total_seconds())
            left -= every

    # -- assets ----------------------------------------------------------------------------------------

    def list_assets(self, owner_id: int | None = None) -> list[Fields]:
        """The user's assets (an admin's: all, or those of an owner), the newest first."""
        query = {} if owner_id is None else {"owner_id": owner_id}
        found: list[Fields] = self._transport.call("GET", f"{BASE}/assets", query=query)
        return found

    def get_asset(self, asset_id: int) -> Fields:
        """One asset by its id."""
        found: Fields = self._transport.call("GET", f"{BASE}/asset/{asset_id}")
        return found

    def create_asset(self, **fields: Any) -> Fields:
        """Add an asset (admins only): name, asset_type_name, capacity_in_mw, event_resolution (minutes) and so on."""
        found: Fields = self._transport.call("POST", f"{BASE}/assets", body=fields)
        return found

    def update_asset(self, asset_id: int, **fields: Any) -> Fields:
        """Change fields of an asset; gives the asset."""
        found: Fields = self._transport.call("PATCH", f"{BASE}/asset/{asset_id}", body=fields)
        return found

    def delete_asset(self, asset_id: int) -> None:
        """Delete an asset with everything that is known about it."""
        self._transport.call("DELETE", f"{BASE}/asset/{asset_id}")

    # -- messages --------------------------------------------------------------------------------------

    def _get(self, service: str, **keys: Any) -> Fields:
        query = {"type": f"{service[0].upper()}{service[1:]}Request", **keys}
        found: Fields = self._transport.call("GET", f"{BASE}/{service}", query=query)
        _tell(found)
        return found

    def _post(self, service: str, message: Fields) -> None:
        body = {"type": f"{service[0].upper()}{service[1:]}Request", **message}
        _tell(self._transport.call("POST", f"{BASE}/{service}", body=body))

    def _post_values(
        self,
        service: str,
        key: str,
        names: str | list[str],
        values: Values,
        unit: str,
        *,
        start: datetime | None = None,
        resolution: timedelta | None = None,
        horizon: timedelta | None = None,
        prior: datetime | None = None,
    ) -> None:
        series = as_series(values, start, resolution)
        message: Fields = {
            f"{key}s": [names] if isinstance(names, str) else names,
            "values": series.values,
            "start": iso_time(series.start, "start"),
            "duration": iso_duration(series.duration),
            "unit": unit,
        }
        self._post(service, message | _recorded(horizon, prior))

    def _get_values(
        self,
        service: str,
        connection: str | list[str],
        start: datetime,
        end: datetime,
        *,
        resolution: timedelta | None = None,
        source: int | str | list[int | str] | None = None,
        horizon: timedelta | None = None,
        prior: datetime | None = None,
    ) -> Series | dict[str, Series]:
        names = [connection] if isinstance(connection, str) else connection
        keys: Fields = {
            "connection": names,
            "start": iso_time(start, "start"),
            "duration": iso_duration(_length(start, end)),
            "unit": "MW",
        }
        if resolution is not None:
            keys["resolution"] = iso_duration(resolution)
        if source is not None:
            keys["source"] = source
        found = self._get(service, **keys, **_recorded(horizon, prior))
        by_name = {
            name: self._series(name, group["values"], start, end, resolution, found["unit"])
            for group in found.get("groups", [found])
            for name in group.get("connections", [group.get("connection")])
        }
        return by_name[connection] if isinstance(connection, str) else by_name

    def _series(
        self,
        name: str,
        values: list[float | None],
        start: datetime,
        end: datetime,
        resolution: timedelta | None,
        unit: str,
    ) -> Series:
        """The answer for one connection as a series; an answer without values is a series of unknown ones.

        ValueError where start and end do not lie on the slots, as the answer does not say which ones it has.
        """
        resolution = resolution or self._resolution_of(name)
        slots, rest = divmod(_length(start, end), resolution)
        if rest or len(values) not in (0, slots):
            raise ValueError(
                f"start and end have to lie on slots of {resolution}, which those of {name} are."
            )
        return Series(start, resolution, _floats(values) or [None] * slots, unit)

    def _resolution_of(self, connection: str) -> timedelta:
        """The resolution of an asset, which the server is asked for once."""
        if connection not in self._resolutions:
            asset = self.get_asset(int(connection.rpartition(":")[2]))
            self._resolutions[connection] = asset["event_resolution"] * MINUTE
        return self._resolutions[connection]


def _length(start: datetime, end: datetime) -> timedelta:
    """The time between two moments, also of one zone in which clocks change between them."""
    iso_time(end, "end")
    return timedelta(seconds=end.timestamp() - start.timestamp())


def _recorded(horizon: timedelta | None, prior: datetime | None) -> Fields:
    keys: Fields = {}
    if horizon is not None:
        keys["horizon"] = iso_duration(horizon)
    if prior is not None:
        keys["prior"] = iso_time(prior, "prior")
    return keys


def _floats(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else float(value) for value in values]
