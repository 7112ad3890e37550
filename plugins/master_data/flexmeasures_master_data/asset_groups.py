"""Groups of assets under one name, for charts and overviews (contract 25.4)."""

from __future__ import annotations

from sqlalchemy import select

from flexmeasures.db import db
from flexmeasures.models import Asset, SensorType

OF_TYPES = {"renewables": ("solar", "wind"), "EVSE": ("one-way_evse", "two-way_evse")}
CHARGE_POINT = " (Charge Point)"


def assets_of(resource: str) -> list[Asset]:
    """The assets that a name means, by id: one asset, or a group of several; none for a name of nothing.

    Groups are "renewables", "EVSE", every type by its name, display name or plural ("solar panels"), and every
    charge point: EVSE at one place, called after the first of them up to " -", with " (Charge Point)".
    """
    query = select(Asset).join(SensorType, Asset.type_id == SensorType.id).order_by(Asset.id)
    named = list(db.session.scalars(query.where(Asset.name == resource)))
    if named:
        return named
    if resource.endswith(CHARGE_POINT):
        return _charge_point(
            list(db.session.scalars(query.where(SensorType.name.in_(OF_TYPES["EVSE"])))), resource
        )
    types = [row for row in db.session.scalars(select(SensorType)) if row.kind == "asset"]
    of_name = OF_TYPES.get(resource) or [
        row.name for row in types if resource in (row.name, row.display_name, plural(row.display_name))
    ]
    return list(db.session.scalars(query.where(SensorType.name.in_(of_name)))) if of_name else []


def plural(display_name: str) -> str:
    """A type's name for several: "stationary batteries"."""
    if display_name.endswith("y") and display_name[-2:-1] not in "aeiou":
        return f"{display_name[:-1]}ies"
    return f"{display_name}s"


def _charge_point(stations: list[Asset], name: str) -> list[Asset]:
    places: dict[tuple[float | None, float | None], list[Asset]] = {}
    for station in stations:
        places.setdefault((station.latitude, station.longitude), []).append(station)
    for together in places.values():
        if name == f"{together[0].display_name.partition(' -')[0]}{CHARGE_POINT}":
            return together
    return []
