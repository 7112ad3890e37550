"""The one door through which time series go in and out: store(), search() and remove().

A belief says what a source said about one event of a sensor, and how long before the event's end it said
it (horizon = event end - belief time; zero or less for measurements). Times go through here as integer
milliseconds, values as numpy arrays; no object is made for a single value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures import grid
from flexmeasures.beliefs import sql as the_sql
from flexmeasures.beliefs.filters import BeliefFilter
from flexmeasures.db import db
from flexmeasures.errors import WrongResolution
from flexmeasures.timeseries import TimeSeries, downsample, on_own_grid, upsample
from flexmeasures.timing import duration_ms, floor_time, iso_duration, to_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures.models.sensors import Sensor
    from flexmeasures.models.sources import Source
    from flexmeasures.timeseries import Floats

    Integers = NDArray[np.int64]


# Slots are looked up one by one where a window has more than FEW, and some of them so many beliefs in the mean: MANY,
# or MANY_LATE if only small horizons are asked for, as a scan passes the others quickly (measured on both databases).
FEW, SAMPLES, MANY, MANY_LATE = 96, 5, 12, 64


@dataclass(frozen=True)
class Revisions:
    """Every belief of a window, in the order in which they were recorded (see `every_belief`)."""

    starts: Integers
    recorded: Integers
    values: Floats


# -- searching -----------------------------------------------------------------------------------------


def search(
    sensors: Sensor | Sequence[Sensor],
    start: datetime,
    end: datetime,
    *,
    horizon_at_least: timedelta | None = None,
    horizon_at_most: timedelta | None = None,
    prior: datetime | None = None,
    sources: Collection[int] | None = None,
    source_types: Collection[str] | None = None,
    resolution: timedelta | None = None,
    prefer_source: int | None = None,
    timezone: str = "UTC",
) -> dict[int, TimeSeries]:
    """The newest belief (smallest horizon) per event of each sensor in a window, by sensor id.

    Events count when they start before `end` and end after `start`. horizon_at_least, horizon_at_most:
    bounds of the horizon, inclusive. prior: recorded at or before that time. sources, source_types: who may
    have said it (None: anybody). Of equal horizons, prefer_source wins, then the lower source id.
    resolution: finer than the sensor's repeats values, coarser takes means of what is known, in bins of the
    clock of `timezone`; WrongResolution when the two do not divide each other. Every slot of the window has
    a value, NaN where nothing is known.
    """
    chosen = [sensors] if not isinstance(sensors, Sequence) else list(sensors)
    by_resolution: dict[timedelta, list[Sensor]] = {}
    for sensor in chosen:
        by_resolution.setdefault(sensor.event_resolution, []).append(sensor)
    found: dict[int, TimeSeries] = {}
    for own, group in by_resolution.items():
        where = BeliefFilter(
            resolution=own,
            start=start,
            end=end,
            horizon_at_least=horizon_at_least,
            horizon_at_most=horizon_at_most,
            prior=prior,
            sources=sources,
            source_types=source_types,
        )
        events = _newest(sorted({sensor.id for sensor in group}), where, prefer_source)
        for sensor in group:
            starts, values = events[sensor.id]
            found[sensor.id] = _regular(sensor, starts, values, start, end, resolution, timezone)
    return {sensor.id: found[sensor.id] for sensor in chosen}


def search_one(sensor: Sensor, start: datetime, end: datetime, **filters: Any) -> TimeSeries:
    """`search` for one sensor."""
    return search(sensor, start, end, **filters)[sensor.id]


def every_belief(sensor: Sensor, start: datetime, end: datetime, **filters: Any) -> Revisions:
    """All beliefs about the events of a window, in the order in which they were recorded.

    filters: of `search`. starts, recorded: milliseconds since the epoch, shape (n,); values: shape (n,). Of what was
    recorded at the same time about the same event, the last in the arrays is to be taken.
    """
    import numpy as np

    where = BeliefFilter(resolution=sensor.event_resolution, start=start, end=end, **filters)
    order = "event_start, horizon DESC, source_id DESC"
    rows = the_sql.fetch([sensor.id], where.as_sql([sensor.id]), order, newest=False)
    recorded = rows["start"] + duration_ms(sensor.event_resolution) - rows["horizon"]
    by_time = np.argsort(recorded, kind="stable")
    return Revisions(rows["start"][by_time], recorded[by_time], rows["value"][by_time])


def extent(sensor: Sensor) -> tuple[datetime, datetime] | None:
    """Start of the first event with a belief and end of the last one, None when there are none."""
    from sqlalchemy import func, select

    from flexmeasures.models.beliefs import belief

    about = belief.c.sensor_id == sensor.id
    first = db.session.scalar(select(func.min(belief.c.event_start)).where(about))
    last = db.session.scalar(select(func.max(belief.c.event_start)).where(about))
    return None if first is None or last is None else (first, last + sensor.event_resolution)


def last_values(
    sensors: Sequence[Sensor], until: datetime | None = None
) -> dict[int, tuple[datetime, float]]:
    """Event start and value of the newest measurement of each sensor (those that have one), in one query.

    until: only events that start at or before that time.
    """
    from sqlalchemy import and_, select

    from flexmeasures.models.beliefs import belief
    from flexmeasures.models.sensors import Sensor

    inner = belief.alias()
    newest = select(inner.c.event_start).where(inner.c.sensor_id == Sensor.id, inner.c.horizon <= 0)
    if until is not None:
        newest = newest.where(inner.c.event_start <= until)
    newest_start = newest.order_by(inner.c.event_start.desc()).limit(1).correlate(Sensor).scalar_subquery()
    query = (
        select(belief.c.sensor_id, belief.c.event_start, belief.c.value)
        .select_from(Sensor)
        .join(belief, and_(belief.c.sensor_id == Sensor.id, belief.c.event_start == newest_start))
        .where(Sensor.id.in_([sensor.id for sensor in sensors]), belief.c.horizon <= 0)
        .order_by(belief.c.horizon.desc(), belief.c.source_id.desc())
    )
    return {row.sensor_id: (row.event_start, row.value) for row in db.session.execute(query)}


def speakers(
    sensors: Sequence[Sensor], start: datetime, end: datetime, source_types: Collection[str]
) -> list[tuple[int, Source, bool]]:
    """Who of these types said something about events of a window, by source id: sensor id, source, and whether ahead.

    Ahead means before the event ended, as forecasts do, and not measurements. Reads all beliefs of the window.
    """
    from sqlalchemy import select

    from flexmeasures.models.beliefs import belief
    from flexmeasures.models.sources import Source

    longest = max((sensor.event_resolution for sensor in sensors), default=timedelta(0))
    of_sensors = belief.c.sensor_id.in_([sensor.id for sensor in sensors])
    window = (of_sensors, belief.c.event_start > start - longest, belief.c.event_start < end)
    columns = (belief.c.sensor_id, belief.c.source_id, (belief.c.horizon > 0).label("ahead"))
    said = select(*columns).where(*window).distinct().subquery()
    query = select(said.c.sensor_id, Source, said.c.ahead).join(Source, Source.id == said.c.source_id)
    query = query.where(Source.type.in_(list(source_types))).order_by(Source.id)
    return [(sensor_id, source, bool(ahead)) for sensor_id, source, ahead in db.session.execute(query)]


def rivals(sensor: Sensor, start: datetime, end: datetime) -> tuple[int, list[str]]:
    """About how many events that start in a window measurements of several sources differ, and names of these sources.

    Differ means by more than a thousandth of the larger one.
    """
    from sqlalchemy import func, select

    from flexmeasures.models.beliefs import belief
    from flexmeasures.models.sources import Source

    most, least = func.max(belief.c.value), func.min(belief.c.value)
    within = (belief.c.sensor_id == sensor.id, belief.c.event_start >= start, belief.c.event_start < end)
    contested = (
        select(belief.c.event_start)
        .where(*within, belief.c.horizon <= 0)
        .group_by(belief.c.event_start)
        .having(func.count(belief.c.source_id.distinct()) > 1, most - least > 1e-3 * func.abs(most))
    )
    events = list(db.session.scalars(contested))
    if not events:
        return 0, []
    window = (belief.c.event_start >= min(events), belief.c.event_start <= max(events))
    said = select(belief.c.source_id).where(*within, *window, belief.c.horizon <= 0)
    return len(events), list(
        db.session.scalars(select(Source.name).where(Source.id.in_(said)).order_by(Source.id))
    )


def _newest(
    ids: list[int], where: BeliefFilter, prefer_source: int | None
) -> Mapping[int, tuple[Integers, Floats]]:
    """Event starts (ms, ascending) and values of the newest belief per event, by sensor id."""
    import numpy as np

    # Out of the key's order, so that the database has to sort: only where there is something to prefer.
    several = where.source_ids is None or len(where.source_ids) > 1
    # An integer of ours: safe to stand in the text.
    preferred = f"(source_id <> {int(prefer_source)}), " if several and prefer_source is not None else ""
    order = f"event_start, horizon, {preferred}source_id"
    rows = the_sql.fetch(ids, where.as_sql(ids), order, newest=True, slots=_slots(ids, where))
    edges = np.searchsorted(rows["sensor"], [*ids, ids[-1] + 1]) if ids else np.zeros(1, dtype=np.int64)
    return {
        sensor_id: (rows["start"][low:high], rows["value"][low:high])
        for sensor_id, low, high in zip(ids, edges[:-1], edges[1:], strict=True)
    }


def _slots(ids: list[int], where: BeliefFilter) -> the_sql.Slots | None:
    """The slots of the window, where they are many, and their events have so many beliefs that reading all is slow."""
    step, first, end = (
        duration_ms(where.resolution),
        to_ms(floor_time(where.start, where.resolution)),
        to_ms(where.end),
    )
    if not ids or where.source_ids == [] or end - first < FEW * step or grid.is_of_days(where.resolution):
        return None
    some = [first + (end - first) // step * k // SAMPLES * step for k in range(SAMPLES)]
    many = MANY if where.horizon_at_most is None else MANY_LATE
    if the_sql.count(ids, some) < many * SAMPLES * len(ids):
        return None
    return the_sql.Slots(first - step // 2, end, step)


def _regular(
    sensor: Sensor,
    starts: Integers,
    values: Floats,
    start: datetime,
    end: datetime,
    resolution: timedelta | None,
    timezone: str,
) -> TimeSeries:
    own, zone = sensor.event_resolution, sensor.timezone
    if resolution is None or resolution == own:
        return on_own_grid(starts, values, own, start, end, zone)
    if resolution < own and own % resolution == timedelta(0):
        return upsample(starts, grid.ends(starts, own, zone), values, start, end, resolution)
    if resolution > own and resolution % own == timedelta(0):
        return downsample(on_own_grid(starts, values, own, start, end, zone), resolution, timezone)
    raise WrongResolution(
        f"The resolutions {iso_duration(own)} and {iso_duration(resolution)} do not divide each other.",
        "resolution",
        f"a whole multiple or a whole part of {iso_duration(own)}",
    )
