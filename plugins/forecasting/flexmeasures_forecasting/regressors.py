"""Which outside series may explain a sensor: weather nearby by the sensor's type, and what was chosen for it.

A forecaster keeps of them what helps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, fields
from sqlalchemy import and_, false, or_, select

from flexmeasures.db import db
from flexmeasures.errors import InputError, shown
from flexmeasures.models import Asset, Sensor, User
from flexmeasures.timeseries import TimeSeries
from flexmeasures_algorithms import is_open
from flexmeasures_master_data import AssetField, geo

REGRESSORS = "regressors"  # the attribute that says what explains a sensor
MOST_OFFERED = 1000
MAX_DISTANCE_KM = 100.0  # weather from farther away explains nothing here
CONSUMERS = ("temperature", "radiation", "wind_speed")
DEFAULTS = {
    "solar": ("radiation",),
    "wind": ("wind_speed",),
    "one-way_evse": ("temperature",),
    "two-way_evse": ("temperature",),
    "battery": ("temperature",),
    "building": CONSUMERS,
}
# What forecasters reckon in, where weather may be stored in another unit.
_FACTORS = {("radiation", "kW/m²"): 1000.0, ("radiation", "kW/m2"): 1000.0}


@dataclass(frozen=True)
class Explaining:
    """A sensor that may explain another. type: its name among the regressors of a problem."""

    type: str
    sensor: Sensor

    def reckoned(self, series: TimeSeries) -> TimeSeries:
        """A series of the sensor in the unit that forecasters reckon in (radiation: W/m2)."""
        factor = _FACTORS.get((self.sensor.type_name, self.sensor.unit), 1.0)
        return (
            series if factor == 1.0 else TimeSeries(series.start, series.resolution, series.values * factor)
        )


def regressors_of(sensor: Sensor) -> list[Explaining]:
    """What may explain a sensor, each under a name of its own: the defaults of its type less what is excluded, then
    what was added. Left out is what the sensor's owner may not read (any more), and what does not fit its slots.
    """
    chosen = (sensor.attributes or {}).get(REGRESSORS) or {}
    excluded, added = set(chosen.get("exclude", ())), list(chosen.get("add", ()))
    usual = [each for each in _nearby(sensor) if not {each.type_name, each.id} & excluded]
    others = [db.session.get(Sensor, wanted) for wanted in added]
    found = list(dict.fromkeys([*usual, *(each for each in others if each is not None)]))
    return _named([each for each in found if _fits(each, sensor) and is_open(each, sensor.owner)])


def usual_regressors(sensor: Sensor) -> tuple[str, ...]:
    """The types of weather that explain a sensor of its type unless they are excluded."""
    return DEFAULTS.get(sensor.type_name, ())


def offered_regressors(sensor: Sensor) -> list[Sensor]:
    """Other sensors that may be added: of markets and weather, and the owner's assets, by name."""
    kinds = Sensor.kind.in_(("market", "weather_sensor"))
    own = Sensor.owner_id == sensor.owner_id if sensor.owner_id is not None else false()
    query = select(Sensor).where(or_(kinds, and_(Sensor.kind == "asset", own)))
    found = db.session.scalars(query.order_by(Sensor.display_name, Sensor.id).limit(MOST_OFFERED))
    usual = {each.id for each in _nearby(sensor)}
    return [
        each for each in found if each.id not in usual and _fits(each, sensor) and is_open(each, sensor.owner)
    ]


def _named(sensors: Sequence[Sensor]) -> list[Explaining]:
    """Weather by its type, all else by its name; those of a name that is there already with their id."""
    named: dict[str, Sensor] = {}
    for each in sensors:
        name = each.type_name if each.kind == "weather_sensor" else each.name
        named[name if name not in named else f"{name} {each.id}"] = each
    return [Explaining(name, each) for name, each in named.items()]


def _nearby(sensor: Sensor) -> list[Sensor]:
    """The nearest weather sensor of each of the usual types, at most MAX_DISTANCE_KM away."""
    if sensor.kind != "asset" or sensor.latitude is None or sensor.longitude is None:
        return []
    found: list[Sensor] = []
    for name in usual_regressors(sensor):
        nearest = geo.nearest_weather_sensors(name, sensor.latitude, sensor.longitude)
        found += [weather for weather, km in nearest if km <= MAX_DISTANCE_KM]
    return found


def _fits(other: Sensor, sensor: Sensor) -> bool:
    finer, coarser = sorted((other.event_resolution, sensor.event_resolution))
    return other.id != sensor.id and finer > timedelta(0) and coarser % finer == timedelta(0)


# -- choosing ------------------------------------------------------------------------------------------


def choose_regressors(sensor: Sensor, chosen: Mapping[str, Any]) -> None:
    """Let a sensor be explained so from now on; to be called inside `with db.writing():`.

    chosen: `add`, ids of sensors; `exclude`, ids or types of weather; empty for the defaults. InputError for what is
    not understood, not there, or not the owner's to read (in the same words).
    """
    checked = check_choice(chosen, sensor.owner, sensor)
    others = {name: value for name, value in (sensor.attributes or {}).items() if name != REGRESSORS}
    sensor.attributes = others | ({REGRESSORS: checked} if checked else {})


def check_choice(chosen: Mapping[str, Any], owner: User | None, sensor: Sensor) -> dict[str, list[Any]]:
    """The choice as it is stored; InputError otherwise (see `choose_regressors`)."""
    if not isinstance(chosen, Mapping) or not chosen.keys() <= {"add", "exclude"}:
        raise InputError(
            f"regressors are {shown(chosen)}.", REGRESSORS, "an object with the keys add and exclude"
        )
    added, excluded = (_list(chosen.get(key), f"{REGRESSORS}.{key}") for key in ("add", "exclude"))
    for wanted in added:
        found = db.session.get(Sensor, wanted) if isinstance(wanted, int) and 0 < wanted < 2**31 else None
        if found is None or not is_open(found, owner):
            text = f"{REGRESSORS}.add: {shown(wanted)} is no sensor that can be used here."
            raise InputError(text, REGRESSORS, "ids of sensors that the owner may read")
        if not _fits(found, sensor):
            text = f"{REGRESSORS}.add: the slots of sensor {wanted} and of this one do not fit each other."
            raise InputError(text, REGRESSORS, "other sensors with slots of a whole multiple or a whole part")
    types = set(usual_regressors(sensor))
    for wanted in excluded:
        if not isinstance(wanted, int) and wanted not in types:
            text = f"{REGRESSORS}.exclude: {shown(wanted)} is none of the usual types of this sensor."
            raise InputError(
                text, REGRESSORS, f"ids of sensors, or {', '.join(sorted(types)) or 'nothing else'}"
            )
    found_choice = {"add": added, "exclude": excluded}
    return {key: value for key, value in found_choice.items() if value}


def _list(stated: object, field: str) -> list[Any]:
    if stated is None:
        return []
    if not isinstance(stated, Iterable) or isinstance(stated, (str, bytes, Mapping)):
        raise InputError(f"{field} is {shown(stated)}.", REGRESSORS, "a list")
    return list(dict.fromkeys(stated))


def regressors_field() -> AssetField:
    """The field `regressors` of assets."""
    description = "What explains it: add (ids of sensors), exclude (ids, or types of weather)."
    return AssetField(
        name=REGRESSORS,
        field=fields.Dict(load_only=True, keys=fields.String(), metadata={"description": description}),
        check=_check,
    )


def _check(asset: Asset, chosen: Mapping[str, Any]) -> dict[str, list[Any]]:
    owner = db.session.get(User, asset.owner_id) if asset.owner_id is not None else None
    try:
        return check_choice(chosen, owner, asset)
    except InputError as error:
        raise ValidationError([str(error)]) from None
