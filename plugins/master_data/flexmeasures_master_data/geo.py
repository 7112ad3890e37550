"""What lies near what: distances over the globe, and weather sensors by theirs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import select

from flexmeasures.db import db
from flexmeasures.models.sensors import SensorType, WeatherSensor

EARTH_RADIUS_KM = 6371.0


def nearest_weather_sensors(
    type_name: str | None, latitude: float, longitude: float, count: int = 1
) -> Sequence[tuple[WeatherSensor, float]]:
    """Weather sensors of a type (None: any) beside their great-circle distance in km, the nearest first."""
    query = select(WeatherSensor).join(SensorType, WeatherSensor.type_id == SensorType.id)
    if type_name is not None:
        query = query.where(SensorType.name == type_name)
    placed = [
        (sensor, distance_km(latitude, longitude, sensor.latitude, sensor.longitude))
        for sensor in db.session.scalars(query)
        if sensor.latitude is not None and sensor.longitude is not None
    ]
    return sorted(placed, key=lambda pair: pair[1])[:count]


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance by the haversine formula, in km."""
    phi, other_phi = math.radians(latitude), math.radians(other_latitude)
    half = math.sin((other_phi - phi) / 2) ** 2
    half += math.cos(phi) * math.cos(other_phi) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))
