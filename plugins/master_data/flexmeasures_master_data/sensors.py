"""Create and change assets, markets and weather sensors; called inside `with db.writing():`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from flexmeasures.db import db
from flexmeasures.models.sensors import Asset, Market, Sensor, WeatherSensor
from flexmeasures_master_data.asset_fields import check_fields

AnySensor = TypeVar("AnySensor", bound=Sensor)


def create_asset(data: Mapping[str, Any]) -> Asset:
    """A new asset from the fields of sensor_schemas.AssetSchema; marshmallow.ValidationError names all bad ones."""
    from flexmeasures_master_data.sensor_schemas import asset_schema

    asset = Asset(**asset_schema().load(dict(data)))
    check_fields(asset, {str(name) for name in data})
    return _added(asset)


def update_asset(asset: Asset, data: Mapping[str, Any]) -> Asset:
    """Change some fields of an asset; `id` is ignored."""
    from flexmeasures_master_data.sensor_schemas import asset_schema

    for name, value in asset_schema(existing=asset, partial=True).load(dict(data), partial=True).items():
        setattr(asset, name, value)
    check_fields(asset, {str(name) for name in data})
    db.session.flush()
    return asset


def create_market(data: Mapping[str, Any]) -> Market:
    """A new market from the fields of sensor_schemas.MarketSchema."""
    from flexmeasures_master_data.sensor_schemas import MarketSchema

    return _added(Market(**MarketSchema().load(dict(data))))


def create_weather_sensor(data: Mapping[str, Any]) -> WeatherSensor:
    """A new weather sensor from the fields of sensor_schemas.WeatherSensorSchema."""
    from flexmeasures_master_data.sensor_schemas import WeatherSensorSchema

    return _added(WeatherSensor(**WeatherSensorSchema().load(dict(data))))


def _added(sensor: AnySensor) -> AnySensor:
    sensor.display_name = sensor.display_name or humanised(sensor.name)
    db.session.add(sensor)
    db.session.flush()
    return sensor


def humanised(name: str) -> str:
    """A name for people: underscores as spaces, first letter capital."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
