"""What the page is asked for: assets, market, weather, window, horizon; kept in the session until changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import abort
from sqlalchemy import select

from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.models import Asset, Market, SensorType, User, WeatherSensor
from flexmeasures.timing import floor_time, iso_duration, parse_duration, server_now
from flexmeasures_charts.reader import readers_zone
from flexmeasures_master_data.asset_groups import OF_TYPES, assets_of, plural
from flexmeasures_master_data.geo import nearest_weather_sensors
from flexmeasures_translation import gettext
from flexmeasures_ui.access import visible_assets
from flexmeasures_ui.analytics import sources
from flexmeasures_ui.time_window import Window, asked_window, moment_of, resolution_for

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALL = "all"
TRACES = ("none", "power", "schedules")
WEATHER_OF = {"solar": "radiation", "wind": "wind_speed"}
HORIZONS = {DAY: (DAY, 2 * DAY), 7 * DAY: (7 * DAY,)}
USUAL_HORIZONS = (HOUR, 6 * HOUR, DAY, 2 * DAY)
MOST_SENSORS = 20  # of weather that are offered
# What stays in the session; the window does only with both of its ends.
KEPT = (
    "resource",
    "market",
    "sensor_type",
    "weather_sensor",
    "sources",
    "forecast_horizon",
    "showing_individual_traces_for",
    "start_time",
    "end_time",
)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is shown. known_at: what was known then, None for now; offers_traces: whether the assets share a place.

    weather: the sensor that is shown, one of weather_sensors (of sensor_type, the nearest first); sources: by line, the
    ids of those that count, of lines with a choice.
    """

    resource: str
    assets: tuple[Asset, ...]
    market: Market | None
    sensor_type: str
    weather: WeatherSensor | None
    weather_sensors: tuple[WeatherSensor, ...]
    sources: sources.Lines
    window: Window
    resolution: timedelta
    horizon: timedelta
    horizons: tuple[timedelta, ...]
    traces: str
    offers_traces: bool
    known_at: datetime | None
    zone: ZoneInfo

    @property
    def other_weather(self) -> str:
        """Name of the weather sensor if it is not the nearest, "" otherwise."""
        return "" if self.weather is None or self.weather is self.weather_sensors[0] else self.weather.name

    @property
    def query(self) -> dict[str, str]:
        """The query string of this selection."""
        found = {
            "resource": self.resource,
            "sensor_type": self.sensor_type,
            "forecast_horizon": iso_duration(self.horizon),
            "showing_individual_traces_for": self.traces,
            "start_time": f"{self.window.start:%Y-%m-%dT%H:%M}Z",
            "end_time": f"{self.window.end:%Y-%m-%dT%H:%M}Z",
        }
        if self.market is not None:
            found["market"] = self.market.name
        found["weather_sensor"] = self.other_weather
        found["sources"] = sources.as_text(self.sources)
        if self.known_at is not None:
            found["known_at"] = f"{self.known_at:%Y-%m-%dT%H:%M}Z"
        return found


def resources(user: User) -> list[tuple[str, str]]:
    """Names and titles of what may be chosen: all, groups with assets of the user, and each asset."""
    own = visible_assets(user)
    names = {asset.type_name for asset in own}
    found = [(ALL, gettext("all assets"))] if len(own) > 1 else []
    found += [(group, gettext(group)) for group, types in OF_TYPES.items() if len(names & set(types)) > 1]
    types = db.session.scalars(select(SensorType).where(SensorType.kind == "asset").order_by(SensorType.id))
    for kind in types:
        several = sum(asset.type_name == kind.name for asset in own)
        if several > 1:
            found.append((plural(kind.display_name), gettext(plural(kind.display_name))))
    return found + [(asset.name, asset.display_name) for asset in own]


def select_by(query: Mapping[str, str], user: User) -> Selection:
    """The selection that a query asks for; 400 for what it cannot be, 404 for assets that the user has none of."""
    zone = readers_zone()
    try:
        window = _window(query, zone)
        known_at = moment_of(query["known_at"], "known_at", zone) if query.get("known_at") else None
        traces = _one_of(
            query.get("showing_individual_traces_for") or "none", TRACES, "showing_individual_traces_for"
        )
        resource, assets = _assets(query.get("resource") or "", user)
        own = max((asset.event_resolution for asset in assets), default=timedelta(minutes=15))
        resolution = resolution_for(window.end - window.start, own)
        horizons = HORIZONS.get(resolution, USUAL_HORIZONS)
        horizon = _horizon(query.get("forecast_horizon"), horizons)
        sensor_type = query.get("sensor_type") or _usual_weather(assets)
        weather_sensors = _weather_sensors(sensor_type, assets)
        by_line = sources.sources_by_line(query.get("sources", ""))
        market = _market(query.get("market"), assets)
    except InputError as error:
        abort(400, description=str(error))
    together = len({(asset.latitude, asset.longitude) for asset in assets}) == 1 and len(assets) > 1
    return Selection(
        resource=resource,
        assets=tuple(assets),
        market=market,
        sensor_type=sensor_type,
        weather=_named(weather_sensors, query.get("weather_sensor")),
        weather_sensors=weather_sensors,
        sources=by_line,
        window=window,
        resolution=resolution,
        horizon=horizon,
        horizons=horizons,
        traces=traces if together else "none",
        offers_traces=together,
        known_at=known_at,
        zone=zone,
    )


def _window(query: Mapping[str, str], zone: ZoneInfo) -> Window:
    """From start_time to end_time; by default a day before and after the last quarter of an hour."""
    if not query.get("start_time") and not query.get("end_time"):
        now = floor_time(server_now(), timedelta(minutes=15))
        return Window(now - DAY, now + DAY)
    asked = {"start": query.get("start_time", ""), "end": query.get("end_time", "")}
    return asked_window(None, asked, zone.key)


def _one_of(value: str, accepted: Sequence[str], field: str) -> str:
    if value not in accepted:
        raise InputError(_not_understood(field, value), field, ", ".join(accepted))
    return value


def _not_understood(field: str, value: str) -> str:
    return gettext("%(field)s %(value)s is not understood.", field=field, value=repr(value))


def _assets(resource: str, user: User) -> tuple[str, list[Asset]]:
    """The user's assets of a group or a name; by default of the first resource that is offered."""
    own = visible_assets(user)
    if not resource:
        offered = resources(user)
        resource = offered[0][0] if offered else ALL
    if resource == ALL:
        return resource, own
    mine = {asset.id for asset in own}
    found = [asset for asset in assets_of(resource) if asset.id in mine]
    if not found:
        abort(404)
    return resource, found


def _horizon(text: str | None, offered: Sequence[timedelta]) -> timedelta:
    if not text:
        return offered[min(1, len(offered) - 1)]
    horizon = parse_duration(text, field="forecast_horizon")
    return horizon if horizon in offered else offered[0]


def _usual_weather(assets: Sequence[Asset]) -> str:
    """The type of weather that says most of these assets."""
    kinds = {WEATHER_OF.get(asset.type_name, "temperature") for asset in assets}
    return kinds.pop() if len(kinds) == 1 else "temperature"


def weather_types() -> list[tuple[str, str]]:
    """Names and titles of the types of weather of which there are sensors."""
    query = select(SensorType.name, SensorType.display_name).where(
        SensorType.id.in_(select(WeatherSensor.type_id).distinct())
    )
    return [(name, gettext(title)) for name, title in db.session.execute(query.order_by(SensorType.id))]


def _weather_sensors(sensor_type: str, assets: Sequence[Asset]) -> tuple[WeatherSensor, ...]:
    """The nearest sensors of that type to the first asset that has a place."""
    placed = [asset for asset in assets if asset.latitude is not None and asset.longitude is not None]
    if not placed:
        return ()
    latitude, longitude = placed[0].latitude or 0.0, placed[0].longitude or 0.0
    return tuple(
        sensor for sensor, _ in nearest_weather_sensors(sensor_type, latitude, longitude, MOST_SENSORS)
    )


def _named(sensors: Sequence[WeatherSensor], name: str | None) -> WeatherSensor | None:
    """The sensor of that name, else the first: a choice stays when another type, or asset, is chosen."""
    named = [sensor for sensor in sensors if sensor.name == name]
    return next(iter(named or sensors), None)


def _market(name: str | None, assets: Sequence[Asset]) -> Market | None:
    """The market of that name, by default that of most of the assets."""
    if name:
        found = db.session.scalar(select(Market).where(Market.name == name))
        if found is None:
            raise InputError(
                gettext("There is no market %(name)s.", name=repr(name)),
                "market",
                gettext("one of those offered"),
            )
        return found
    markets = [asset.market for asset in assets if asset.market is not None]
    return max(markets, key=markets.count) if markets else None
