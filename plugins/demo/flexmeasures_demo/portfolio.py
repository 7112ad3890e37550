"""Who and what the demo is about: two users, a market, weather sensors, five assets, and their data.

Every number that the demo chooses stands here. Its present is a moment of 2017, when the data are from.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import flexmeasures_master_data as master_data
from flexmeasures import auth, beliefs, sources
from flexmeasures.db import writing
from flexmeasures.models.sensors import Asset, Sensor
from flexmeasures.models.users import User
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import iso_time
from flexmeasures_demo import data

# A Wednesday afternoon: the prices of the next day are published, those of the day after are not.
PRESENT = datetime(2017, 6, 28, 14, tzinfo=UTC)
FORECAST_HORIZONS = tuple(timedelta(hours=hours) for hours in (1, 6, 24, 48))
EVALUATED = timedelta(days=8)  # before the present, for accuracy

FONTANA = {"latitude": 34.09, "longitude": -117.43, "timezone": "America/Los_Angeles"}
GERMAN_BIGHT = {"latitude": 54.0, "longitude": 6.5, "timezone": "Europe/Berlin"}


@dataclass(frozen=True)
class Login:
    """A user's name, address and password, to be printed once."""

    username: str
    email: str
    password: str
    role: str


@dataclass(frozen=True)
class Measured:
    """A sensor with data: file and column, factor from the file's unit to the sensor's, and what it shows.

    A factor below zero turns the file's production into ours, which is negative. kind: of the forecasts
    whose accuracy is shown, "" for none.
    """

    sensor: Sensor
    file: str
    column: str
    factor: float = 1.0
    kind: str = ""


@dataclass(frozen=True)
class Request:
    """A flexibility request: a device's state of charge now (kWh), and the ones wanted, by time."""

    asset: Asset
    soc_in_kwh: float
    targets: tuple[tuple[datetime, float], ...] = ()

    @property
    def event_type(self) -> str:
        """As in the event's address."""
        return "soc-with-targets" if self.targets else "soc"


@dataclass(frozen=True)
class Portfolio:
    """Everything that was made."""

    logins: tuple[Login, ...]
    measured: tuple[Measured, ...]
    requests: tuple[Request, ...]

    @property
    def prosumer(self) -> Login:
        """Who owns the assets."""
        return self.logins[-1]


def make() -> Portfolio:
    """Make users and sensors, inside `with writing():`."""
    admin = Login("demo-admin", "admin@demo.example.com", secrets.token_urlsafe(9), "admin")
    prosumer = Login("demo-prosumer", "prosumer@demo.example.com", secrets.token_urlsafe(9), "Prosumer")
    users = [auth.create_user(of.username, of.email, of.password, [of.role]) for of in (admin, prosumer)]
    price = master_data.create_market(
        {
            "name": "epex_da",
            "display_name": "EPEX day-ahead DE-AT-LU",
            "market_type_name": "day_ahead",
            "unit": "EUR/MWh",
            "event_resolution": 60,
            "timezone": "Europe/Berlin",
        }
    )
    measured = (
        *_weather(),
        Measured(
            _asset("building", "Fontana home", users[1], price, 60, 0.015), "home", "load_kw", 1e-3, "load"
        ),
        Measured(
            _asset("solar", "Fontana PV", users[1], price, 60, 1.0), "home", "pv_w_per_kwp", -1e-3, "PV"
        ),
        Measured(
            _asset("wind", "Offshore wind farm", users[1], price, 60, 6.0, GERMAN_BIGHT),
            "wind",
            "offshore_wind_mw",
            -1e-3,
            "wind",
        ),
        Measured(price, "price", "price_eur_mwh", kind="price"),
    )
    return Portfolio((admin, prosumer), measured, _flexible(users[1], price))


def _weather() -> list[Measured]:
    found = []
    for name, unit, column in (
        ("temperature", "°C", "temperature_c"),
        ("radiation", "kW/m²", "radiation_kw_m2"),
    ):
        sensor = master_data.create_weather_sensor(
            {
                "name": f"fontana_{name}",
                "weather_sensor_type_name": name,
                "unit": unit,
                "event_resolution": 60,
                **FONTANA,
            }
        )
        found.append(Measured(sensor, "home", column))
    return found


def _asset(
    kind: str,
    name: str,
    owner: User,
    market: Sensor,
    minutes: int,
    capacity: float,
    place: dict[str, Any] = FONTANA,
    **more: Any,
) -> Asset:
    return master_data.create_asset(
        {
            "name": name.lower().replace(" ", "-"),
            "display_name": name,
            "asset_type_name": kind,
            "unit": "MW",
            "owner_id": owner.id,
            "market_id": market.id,
            "event_resolution": minutes,
            "capacity_in_mw": capacity,
            **place,
            **more,
        }
    )


def _flexible(owner: User, market: Sensor) -> tuple[Request, ...]:
    battery = _asset("battery", "Battery", owner, market, 15, 0.5, min_soc_in_mwh=0.1, max_soc_in_mwh=1.9)
    station = _asset("one-way_evse", "Charging station", owner, market, 15, 0.15, min_soc_in_mwh=0)
    tomorrow_morning = PRESENT.replace(hour=5) + timedelta(days=1)
    return Request(battery, 1000.0), Request(station, 120.0, ((tomorrow_morning, 600.0),))


def load_data(portfolio: Portfolio) -> int:
    """Store what was known at the present, and return how many values that are.

    Measurements count as recorded at the end of their hour, prices that are published for later as recorded
    at the present.
    """
    stored = 0
    with writing():
        source = sources.get_source("Demo data", "script")
        for of in portfolio.measured:
            series = data.read(of.file)[of.column]
            if of.sensor.kind != "market":
                series = _until(series, PRESENT)
            stored += beliefs.store(
                of.sensor,
                series.values * of.factor + 0.0,  # so that none is minus zero
                series.start,
                series.resolution,
                source,
                horizon=timedelta(0),
                belief_time=PRESENT,
            ).new
    return stored


def _until(series: TimeSeries, end: datetime) -> TimeSeries:
    return TimeSeries(
        series.start, series.resolution, series.values[: (end - series.start) // series.resolution]
    )


def targets_message(request: Request) -> list[dict[str, Any]]:
    """The wanted states of charge as the API takes them."""
    return [{"value": value, "datetime": iso_time(when)} for when, value in request.targets]
