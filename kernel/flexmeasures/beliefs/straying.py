"""Beliefs off their sensor's grid, from before starts were checked: found, and moved to the slot that they mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Table, and_, bindparam, exists, select, text, update

from flexmeasures import grid
from flexmeasures.db import db, is_sqlite
from flexmeasures.errors import OffGrid
from flexmeasures.timing import duration_ms

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, FromClause, Update

    from flexmeasures.models.sensors import Sensor


@dataclass(frozen=True)
class Strays:
    """Starts of events off the grid: with the slot that is meant (near), and too far from any (far)."""

    near: dict[datetime, datetime]
    far: list[datetime]


def strays(sensor: Sensor) -> Strays:
    """The events of a sensor that start off its grid, in order of time."""
    from flexmeasures.models.beliefs import belief

    own = sensor.event_resolution
    query = select(belief.c.event_start).where(belief.c.sensor_id == sensor.id).distinct()
    if not grid.is_of_days(own):
        ms = "event_start" if is_sqlite() else "(extract(epoch FROM event_start) * 1000)::bigint"
        query = query.where(text(f"{ms} % :step <> 0").bindparams(step=duration_ms(own)))
    found = Strays({}, [])
    for start in db.session.scalars(query.order_by(belief.c.event_start)):
        try:
            meant = grid.aligned(start, own, sensor.timezone)
        except OffGrid:
            found.far.append(start)
        else:
            if meant != start:
                found.near[start] = meant
    return found


def move(sensor: Sensor, starts: dict[datetime, datetime]) -> int:
    """Move events to other starts, inside `with db.writing():`; how many beliefs that were.

    Their horizons stay. A belief stays, too, where the other start has one of the same horizon and source.
    """
    from flexmeasures.models.beliefs import belief, belief_quantile

    if not starts:
        return 0
    pairs = [{"was": was, "meant": meant} for was, meant in starts.items()]
    moved = 0
    for pair in pairs:
        moved += db.session.execute(_moving(belief, sensor), pair).rowcount  # type: ignore[attr-defined]
    left = belief.alias()
    stays = exists().where(
        _same_key(left, belief_quantile), left.c.event_start == belief_quantile.c.event_start
    )
    db.session.connection().execute(_moving(belief_quantile, sensor).where(~stays), pairs)
    return moved


def _moving(table: Table, sensor: Sensor) -> Update:
    there = table.alias()
    taken = exists().where(_same_key(there, table), there.c.event_start == bindparam("meant"))
    if "probability" in table.c:
        taken = taken.where(there.c.probability == table.c.probability)
    which = (table.c.sensor_id == sensor.id, table.c.event_start == bindparam("was"), ~taken)
    return update(table).where(*which).values(event_start=bindparam("meant"))


def _same_key(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Beliefs that would have the same key if they were about the same event."""
    return and_(*(one.c[name] == other.c[name] for name in ("sensor_id", "source_id", "horizon")))
