"""Fetch forecasts place by place, and store them as beliefs of weather sensors, or as files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from flexmeasures import beliefs, timing
from flexmeasures.errors import InputError
from flexmeasures.jobs import stop_asked
from flexmeasures.models import Sensor, SensorType, WeatherSensor
from flexmeasures.models.sources import SCRIPT
from flexmeasures.sources import get_source
from flexmeasures.timing import iso_duration
from flexmeasures_master_data import create_weather_sensor
from flexmeasures_weather.base import CLOUD_COVER, UNITS, Place, WeatherForecast, WeatherProvider
from flexmeasures_weather.irradiance import radiation_under_clouds
from flexmeasures_web_services import ServiceRefuses, ServiceUnavailable

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from flexmeasures.timeseries import Floats

PAUSE = 0.1  # seconds between two requests, so that a grid of places is no flood
# What a value in the unit of UNITS is in another unit of a sensor.
FACTORS = {("radiation", "W/m²"): 1000.0, ("radiation", "W/m2"): 1000.0, ("wind_speed", "km/h"): 3.6}
SAME_UNITS = {"kW/m2": "kW/m²", "0C": "°C"}


@dataclass(frozen=True)
class Fetched:
    """A forecast of a place, and when it was asked for."""

    place: Place
    forecast: WeatherForecast
    asked_at: datetime

    @property
    def known_at(self) -> datetime:
        """When the provider made it, else when it was asked for; never later than that."""
        issued = self.forecast.issued
        return self.asked_at if issued is None else min(issued, self.asked_at)


def fetch(
    provider: WeatherProvider,
    places: Iterable[Place],
    past_days: int = 0,
    told: Callable[[Fetched], None] = lambda found: None,
    at_most: timedelta = timedelta(hours=6),
    as_issued: bool = False,
) -> tuple[list[Fetched], list[str]]:
    """The forecasts of the places that have one, and for each other place a sentence why it has none.

    ServiceRefuses where the first place is refused; where a later one is, the rest is left out, as is what was not
    asked for `at_most` after the beginning, or when the job is to stop. as_issued: also those of the past days as they
    were made then.
    """
    found: list[Fetched] = []
    missing: list[str] = []
    until = time.monotonic() + at_most.total_seconds()
    for number, place in enumerate(places):
        if number:
            time.sleep(PAUSE)
            if time.monotonic() > until or stop_asked():
                missing.append(f"{place} and those after it: there was no time to ask")
                break
        try:
            forecasts = [provider.forecast(place, past_days)]
            forecasts += provider.archived(place, past_days) if as_issued and past_days else ()
        except ServiceRefuses as error:
            if not found:
                raise
            missing.append(f"{place} and those after it: {error}")
            break
        except ServiceUnavailable as error:
            missing.append(f"{place}: {error}")
            continue
        for forecast in forecasts:
            found.append(Fetched(place, forecast, timing.server_now()))
            told(found[-1])
    return found, missing


def store(session: Session, provider: WeatherProvider, found: Iterable[Fetched]) -> int:
    """Store forecasts as beliefs; how many values were new. To be called inside `with db.writing():`.

    Sensors that are missing are made. What is there already with the same time of issue is not stored again.
    """
    source = get_source(provider.name, SCRIPT)
    all_found = list(found)
    sensors = _sensors_at(session, [each.place for each in all_found])
    count = 0
    for each in all_found:
        forecast = each.forecast
        for quantity, values in _quantities(each.place, forecast).items():
            sensor = sensors.get((quantity, each.place))
            if sensor is None:
                sensor = sensors[quantity, each.place] = _made(quantity, each.place, forecast.resolution)
            series = _for_sensor(sensor, quantity, forecast, values)
            if series is not None:
                start, resolution, values = series
                ahead = forecast.horizon
                known = {"belief_time": each.known_at} if ahead is None else {"horizon": ahead}
                count += beliefs.store(
                    sensor,
                    values,
                    start,
                    resolution,
                    source,
                    on_existing="skip",
                    **known,
                ).new
    return count


def _quantities(place: Place, forecast: WeatherForecast) -> Mapping[str, Floats]:
    """What sensors measure, of what the provider says."""
    import numpy as np

    found = {name: values for name, values in forecast.values.items() if name in UNITS}
    clouds = forecast.values.get(CLOUD_COVER)
    if "radiation" not in found and clouds is not None:
        found["radiation"] = radiation_under_clouds(place, forecast.start, forecast.resolution, clouds)
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def _sensors_at(session: Session, places: Sequence[Place]) -> dict[tuple[str, Place], WeatherSensor]:
    """The sensors that are there, by quantity and place, in one query."""
    query = (
        select(WeatherSensor)
        .join(SensorType, WeatherSensor.type_id == SensorType.id)
        .where(
            SensorType.name.in_(UNITS),
            WeatherSensor.latitude.in_({place.latitude for place in places}),
            WeatherSensor.longitude.in_({place.longitude for place in places}),
        )
    )
    return {
        (sensor.type_name, Place(sensor.latitude or 0.0, sensor.longitude or 0.0)): sensor
        for sensor in session.scalars(query)
    }


def _made(quantity: str, place: Place, resolution: timedelta) -> WeatherSensor:
    """A new sensor of a quantity at a place."""
    return create_weather_sensor(
        {
            "name": f"{quantity} at {place}",
            "weather_sensor_type_name": quantity,
            "unit": UNITS[quantity],
            "event_resolution": resolution // timedelta(minutes=1),
            "latitude": place.latitude,
            "longitude": place.longitude,
        }
    )


def _for_sensor(
    sensor: Sensor, quantity: str, forecast: WeatherForecast, values: Floats
) -> tuple[datetime, timedelta, Floats] | None:
    """Start, resolution and values in the sensor's unit and slots; None where no slot is covered as a whole."""
    unit = SAME_UNITS.get(sensor.unit, sensor.unit)
    factor = 1.0 if unit == UNITS[quantity] else FACTORS.get((quantity, unit))
    if factor is None:
        accepted = " or ".join([UNITS[quantity], *(other for kind, other in FACTORS if kind == quantity)])
        raise InputError(f"Sensor {sensor.name!r} is in {sensor.unit}.", "unit", accepted)
    own, theirs = sensor.event_resolution, forecast.resolution
    if theirs % own == timedelta(0):
        return forecast.start, theirs, values * factor
    if own % theirs != timedelta(0):
        text = f"Sensor {sensor.name!r} has slots of {iso_duration(own)}, the forecast those of {iso_duration(theirs)}."
        raise InputError(text, "event_resolution", "a whole multiple or a whole part of them")
    first = timing.ceil_time(forecast.start, own)
    skipped, per = int((first - forecast.start) / theirs), int(own / theirs)
    whole = (len(values) - skipped) // per
    if whole <= 0:
        return None
    means: Floats = (values[skipped : skipped + whole * per] * factor).reshape(whole, per).mean(axis=1)
    return first, own, means


def write_file(folder: Path, found: Fetched) -> Path:
    """Write the provider's own answer into a file named after time and place."""
    folder.mkdir(parents=True, exist_ok=True)
    latitude, longitude = str(found.place).split(",")
    path = folder / f"{found.asked_at:%Y%m%dT%H%M%SZ}_{latitude}_{longitude}.json"
    path.write_text(json.dumps(found.forecast.answer, ensure_ascii=False), encoding="utf-8")
    return path


def as_result(found: Sequence[Fetched], values: int, missing: list[str]) -> dict[str, Any]:
    """What a job tells of an import."""
    told: dict[str, Any] = {"places": len(found), "values": values}
    return told | ({"missing": missing} if missing else {})
