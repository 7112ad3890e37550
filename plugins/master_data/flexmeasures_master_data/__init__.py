"""Assets, markets and weather sensors, their types, fields and groups."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.doors import door

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from flexmeasures_master_data.asset_fields import AssetField as AssetField
    from flexmeasures_master_data.asset_groups import assets_of as assets_of
    from flexmeasures_master_data.asset_groups import plural as plural
    from flexmeasures_master_data.fields import AwareTime as AwareTime
    from flexmeasures_master_data.fields import Duration as Duration
    from flexmeasures_master_data.seeds import DUMMY_MARKET as DUMMY_MARKET
    from flexmeasures_master_data.seeds import seed as seed
    from flexmeasures_master_data.sensor_schemas import SPELLINGS as SPELLINGS
    from flexmeasures_master_data.sensor_schemas import AssetSchema as AssetSchema
    from flexmeasures_master_data.sensor_schemas import asset_schema as asset_schema
    from flexmeasures_master_data.sensors import create_asset as create_asset
    from flexmeasures_master_data.sensors import create_market as create_market
    from flexmeasures_master_data.sensors import create_weather_sensor as create_weather_sensor
    from flexmeasures_master_data.sensors import update_asset as update_asset

__all__, __getattr__ = door(
    __name__,
    {
        "asset_fields": ("AssetField",),
        "asset_groups": (
            "assets_of",
            "plural",
        ),
        "fields": (
            "AwareTime",
            "Duration",
        ),
        "seeds": (
            "DUMMY_MARKET",
            "seed",
        ),
        "sensor_schemas": (
            "AssetSchema",
            "SPELLINGS",
            "asset_schema",
        ),
        "sensors": (
            "create_asset",
            "create_market",
            "create_weather_sensor",
            "update_asset",
        ),
    },
)


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Fields of assets that other packages bring."""
    from flexmeasures_master_data import hookspecs

    return [hookspecs]


@hookimpl
def register_seeds(session: Session) -> None:
    """The standard types, and the dummy market with its prices."""
    from flexmeasures_master_data.seeds import seed

    seed(session)
