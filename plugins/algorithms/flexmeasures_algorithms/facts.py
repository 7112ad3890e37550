"""What algorithms may know of a sensor: plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures.timeseries import TimeSeries

if TYPE_CHECKING:
    from flexmeasures.models import Sensor


Reader = Callable[..., TimeSeries]


@dataclass(frozen=True, kw_only=True)
class SensorFacts:
    """What an algorithm may know of a sensor: plain values, no database behind them.

    type: name of the sensor type (battery, solar, day_ahead ...); kind: asset, market or weather_sensor.
    capacity_in_mw: the largest power in MW; min_soc_in_mwh, max_soc_in_mwh: limits of the state of charge
    in MWh, None if not stated. seasonality: any of "daily", "weekly", "yearly".
    """

    id: int
    name: str
    kind: str
    type: str
    unit: str
    resolution: timedelta
    timezone: str = "UTC"
    latitude: float | None = None
    longitude: float | None = None
    is_consumer: bool = False
    is_producer: bool = False
    seasonality: frozenset[str] = frozenset()
    capacity_in_mw: float | None = None
    min_soc_in_mwh: float | None = None
    max_soc_in_mwh: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def facts_of(sensor: Sensor) -> SensorFacts:
    """What algorithms may know of a sensor."""
    return SensorFacts(
        id=sensor.id,
        name=sensor.name,
        kind=sensor.kind,
        type=sensor.type_name,
        unit=sensor.unit,
        resolution=sensor.event_resolution,
        timezone=sensor.timezone,
        latitude=sensor.latitude,
        longitude=sensor.longitude,
        is_consumer=sensor.type is not None and sensor.type.is_consumer,
        is_producer=sensor.type is not None and sensor.type.is_producer,
        seasonality=frozenset() if sensor.type is None else sensor.type.seasonality,
        capacity_in_mw=sensor.capacity_in_mw,
        min_soc_in_mwh=sensor.min_soc_in_mwh,
        max_soc_in_mwh=sensor.max_soc_in_mwh,
        attributes=dict(sensor.attributes or {}),
    )
