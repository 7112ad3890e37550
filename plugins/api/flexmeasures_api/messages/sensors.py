"""The sensors of a request: finding them by address, and whether user, resolution and sign allow what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import bindparam, select

from flexmeasures.db import db
from flexmeasures.models import Asset, Market, Sensor, SensorType, User, WeatherSensor
from flexmeasures.timing import iso_duration
from flexmeasures_api.messages import addresses
from flexmeasures_api.messages.addresses import LARGEST_ID, WeatherAddress
from flexmeasures_api.messages.parsing import Group
from flexmeasures_api.messages.status_codes import Refused, shown

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

# Made once: nearly every request asks it, and to make it takes as long as to ask it.
_ASSETS = select(Asset).where(Asset.id.in_(bindparam("ids", expanding=True)))
Found = TypeVar("Found", bound=Sensor)
MICROSECOND, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)


# -- finding -------------------------------------------------------------------------------------------


def asset_ids(groups: Iterable[Group], simplified: bool = False) -> list[list[int]]:
    """Asset ids by group; Refused with INVALID_DOMAIN. simplified: addresses of owner and asset alone count."""
    read = addresses.simplified_connection if simplified else addresses.connection
    return [[read(name) for name in group.names] for group in groups]


def assets_by_id(ids: Iterable[int], locked: bool = False) -> dict[int, Asset]:
    """Those of the assets that exist, in one query; `locked`: for nobody else to change until this commits."""
    possible = sorted({asset_id for asset_id in ids if asset_id <= LARGEST_ID})
    query = _ASSETS
    if locked:
        query = query.with_for_update(of=Asset, key_share=True).execution_options(populate_existing=True)
    return {asset.id: asset for asset in db.session.scalars(query, {"ids": possible})}


def existing_assets(ids: Sequence[int]) -> dict[int, Asset]:
    """The assets of those ids; Refused with UNRECOGNIZED_ASSET naming the first that does not exist."""
    found = assets_by_id(ids)
    for asset_id in ids:
        if asset_id not in found:
            raise Refused("UNRECOGNIZED_ASSET", f"There is no asset {asset_id}.")
    return found


def markets_by_name(names: Sequence[str]) -> dict[str, Market]:
    """The markets of those (lower-case) names; Refused with UNRECOGNIZED_MARKET."""
    query = select(Market).where(Market.name.in_(set(names)))
    found = {market.name: market for market in db.session.scalars(query)}
    for name in names:
        if name not in found:
            raise Refused("UNRECOGNIZED_MARKET", f"There is no market {shown(name)}.")
    return found


def weather_sensors_at(places: Iterable[WeatherAddress]) -> dict[WeatherAddress, WeatherSensor | None]:
    """The weather sensor of exactly that type and place, for each, if there is one; in one query."""
    wanted = dict.fromkeys(places)
    types = {place.type_name for place in wanted}
    query = select(WeatherSensor).where(WeatherSensor.type.has(SensorType.name.in_(types)))
    there = {(s.type_name, s.latitude, s.longitude): s for s in db.session.scalars(query)}
    return {place: there.get((place.type_name, place.latitude, place.longitude)) for place in wanted}


# -- allowing ------------------------------------------------------------------------------------------


def check_access(user: User, ids: Iterable[int], assets: Mapping[int, Asset], action: str) -> None:
    """Refused with UNRECOGNIZED_CONNECTION_GROUP when an asset is missing or not the user's (admin: any)."""
    from flexmeasures.auth import may

    for asset_id in ids:
        asset = assets.get(asset_id)
        if asset is None or not may(user, action, asset):
            text = f"There is no connection with asset id {asset_id} that you can use."
            raise Refused("UNRECOGNIZED_CONNECTION_GROUP", text)


def check_one_resolution(sensors: Sequence[Found]) -> None:
    """Refused with INVALID_RESOLUTION, naming two resolutions, when the sensors of a post differ in it."""
    for sensor in sensors:
        if sensor.event_resolution != sensors[0].event_resolution:
            two = " and ".join(iso_duration(s.event_resolution) for s in (sensors[0], sensor))
            text = f"The sensors of the request differ in resolution: {two}. Accepted: sensors of one resolution."
            raise Refused("INVALID_RESOLUTION", text)


def posted_resolution(duration: timedelta, count: int, required: timedelta) -> timedelta:
    """duration / count; Refused with INVALID_RESOLUTION unless it is a whole multiple of the required one."""
    posted = _divided(duration, count, required)
    if posted is not None:
        return posted
    needed = iso_duration(required)
    text = (
        f"{count} values over {iso_duration(duration)} have a resolution of {iso_duration(duration / count)}."
    )
    real = (duration + change for change in (-HOUR, HOUR) if not duration % DAY)
    hint = "".join(
        f" A day on which clocks change has 23 or 25 hours, and P1D is 24 hours: was PT{each // HOUR}H meant?"
        for each in real
        if _divided(each, count, required)
    )
    raise Refused("INVALID_RESOLUTION", f"{text} Required: {needed} or a whole multiple of it.{hint}")


def _divided(duration: timedelta, count: int, required: timedelta) -> timedelta | None:
    whole, rest = divmod(duration // MICROSECOND, count)
    posted = whole * MICROSECOND
    return None if rest or posted < required or posted % required else posted


def check_multiple(asked: timedelta, sensors: Iterable[Found]) -> None:
    """Refused with INVALID_RESOLUTION unless what is asked is a whole multiple of each sensor's resolution."""
    for sensor in sensors:
        if asked % sensor.event_resolution:
            needed = iso_duration(sensor.event_resolution)
            text = f"resolution {iso_duration(asked)} does not fit sensor {sensor.id}."
            raise Refused("INVALID_RESOLUTION", f"{text} Required: {needed} or a whole multiple of it.")


def check_sign(asset: Asset, values: Floats) -> None:
    """Pure consumers have no values below zero, pure producers none above (MW, consumption positive)."""
    if asset.type is None or asset.type.is_consumer == asset.type.is_producer:
        return
    if asset.type.is_consumer and values.min() < 0:
        raise Refused("POWER_VALUE_TOO_SMALL", _wrong_sign(asset, float(values.min()), "zero or positive"))
    if asset.type.is_producer and values.max() > 0:
        raise Refused("POWER_VALUE_TOO_BIG", _wrong_sign(asset, float(values.max()), "zero or negative"))


def _wrong_sign(asset: Asset, value: float, accepted: str) -> str:
    role = "consumer" if asset.type is not None and asset.type.is_consumer else "producer"
    text = f"Asset {asset.id} is a pure {role} ({asset.type_name}), but a value is {value:g}."
    return f"{text} Accepted: {accepted} values (consumption is positive)."
