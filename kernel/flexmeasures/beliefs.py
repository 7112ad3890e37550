"""The one door through which time series go in and out: store(), search() and remove().

A belief says what a source said about one event of a sensor, and how long before the event's end it said
it (horizon = event end - belief time; zero or less for measurements). Times go through here as integer
milliseconds, values as numpy arrays; no object is made for a single value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from flexmeasures import belief_rows
from flexmeasures.db import after_commit, db, is_sqlite
from flexmeasures.errors import BeliefsExist, InputError, WrongResolution
from flexmeasures.grids import downsample, on_own_grid, upsample
from flexmeasures.series import TimeSeries
from flexmeasures.timing import duration_ms, from_ms, iso_duration, to_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray
    from sqlalchemy import Table

    from flexmeasures.models.sensors import Sensor
    from flexmeasures.models.sources import Source
    from flexmeasures.series import Floats

    Integers = NDArray[np.int64]

OnExisting = Literal["refuse", "replace", "skip"]


@dataclass(frozen=True)
class Stored:
    """How many values were new, replaced an earlier value of the same key, or were there already."""

    new: int = 0
    replaced: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Revisions:
    """Every belief of a window, in the order in which they were recorded (see `every_belief`)."""

    starts: Integers
    recorded: Integers
    values: Floats


# -- storing -------------------------------------------------------------------------------------------


def store(
    sensor: Sensor,
    values: ArrayLike,
    start: datetime,
    resolution: timedelta,
    source: Source,
    *,
    horizon: timedelta | None = None,
    belief_time: datetime | None = None,
    on_existing: OnExisting = "refuse",
) -> Stored:
    """Store regular values of one sensor; to be called inside `with db.writing():`.

    values: shape (n,), one a slot of `resolution` from `start`, in the sensor's unit (power: MW, consumption
    positive); a slot longer than the sensor's is repeated; NaN is unknown and not stored. horizon: of every
    event; belief_time: when all was recorded; of both, the earlier recording time counts for each event.
    on_existing: what to do where sensor, event, horizon and source are stored already. Raises InputError,
    WrongResolution, BeliefsExist ("refuse"; the surrounding transaction then has to be given up).
    """
    import numpy as np

    array = _checked(values)
    array = np.repeat(array, _repeats(sensor, resolution))
    step = duration_ms(sensor.event_resolution)
    starts = to_ms(start) + step * np.arange(len(array), dtype=np.int64)
    horizons = _horizons(starts + step, horizon, belief_time)
    known = ~np.isnan(array)
    if not known.all():
        starts, horizons, array = starts[known], horizons[known], array[known]
    if len(array) == 0:
        return Stored()
    rows = belief_rows.Rows(sensor.id, source.id, starts, horizons, array)
    new, replaced = belief_rows.insert(rows, replace=on_existing == "replace")
    stored = Stored(new, replaced, len(array) - new - replaced)
    if stored.skipped and on_existing == "refuse":
        raise BeliefsExist(
            f"{stored.skipped} of {len(array)} values of sensor {sensor.id} are stored already for the same"
            " event, horizon and source.",
            "values",
        )
    _announce(sensor, source, from_ms(int(starts[0])), from_ms(int(starts[-1]) + step))
    return stored


def _checked(values: ArrayLike) -> Floats:
    import numpy as np

    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("values hold something that is no number.", "values", "a list of numbers") from None
    if array.ndim != 1:
        raise InputError("values are not a plain list.", "values", "a list of numbers")
    if np.isinf(array).any():
        raise InputError("values hold an infinite number.", "values", "finite numbers")
    return array


def _repeats(sensor: Sensor, resolution: timedelta) -> int:
    repeats, rest = divmod(resolution, sensor.event_resolution)
    if rest or repeats < 1:
        needed = iso_duration(sensor.event_resolution)
        raise WrongResolution(
            f"Values of {iso_duration(resolution)} do not fit sensor {sensor.id}, whose event resolution is"
            f" {needed}.",
            "resolution",
            f"{needed} or a whole multiple of it",
        )
    return repeats


def _horizons(ends: Integers, horizon: timedelta | None, belief_time: datetime | None) -> Integers:
    import numpy as np

    if horizon is None and belief_time is None:
        raise InputError("Neither horizon nor prior is given.", "horizon", "one of the two")
    candidates = []
    if horizon is not None:
        candidates.append(np.full(len(ends), duration_ms(horizon), dtype=np.int64))
    if belief_time is not None:
        candidates.append(ends - to_ms(belief_time))
    earliest: Integers = np.maximum.reduce(candidates)
    return earliest


def _announce(sensor: Sensor, source: Source, start: datetime, end: datetime) -> None:
    from flexmeasures.platform import platform

    hooks = platform()
    after_commit(lambda: hooks.tell("on_beliefs_stored", sensor=sensor, source=source, start=start, end=end))


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
        where = _Where(own, start, end, horizon_at_least, horizon_at_most, prior, sources, source_types)
        events = _newest(sorted({sensor.id for sensor in group}), where, prefer_source)
        for sensor in group:
            starts, values = events[sensor.id]
            found[sensor.id] = _regular(starts, values, own, start, end, resolution, timezone)
    return {sensor.id: found[sensor.id] for sensor in chosen}


def search_one(sensor: Sensor, start: datetime, end: datetime, **filters: Any) -> TimeSeries:
    """`search` for one sensor."""
    return search(sensor, start, end, **filters)[sensor.id]


def every_belief(
    sensor: Sensor,
    start: datetime,
    end: datetime,
    *,
    horizon_at_most: timedelta | None = None,
    prior: datetime | None = None,
    sources: Collection[int] | None = None,
    source_types: Collection[str] | None = None,
) -> Revisions:
    """All beliefs about the events of a window, in the order in which they were recorded.

    starts, recorded: milliseconds since the epoch, shape (n,); values: shape (n,). Of what was recorded at
    the same time about the same event, the last in the arrays is to be taken.
    """
    import numpy as np

    where = _Where(sensor.event_resolution, start, end, None, horizon_at_most, prior, sources, source_types)
    rows = _fetch(
        [sensor.id], where, where.source_ids(), "event_start, horizon DESC, source_id DESC", newest=False
    )
    recorded = rows["start"] + duration_ms(sensor.event_resolution) - rows["horizon"]
    order = np.argsort(recorded, kind="stable")
    return Revisions(rows["start"][order], recorded[order], rows["value"][order])


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


def sources_ahead(
    sensor: Sensor, start: datetime, end: datetime, source_types: Collection[str]
) -> list[Source]:
    """Sources of these types that said something ahead of the end of events of a window, by id."""
    from sqlalchemy import select

    from flexmeasures.models.beliefs import belief
    from flexmeasures.models.sources import Source

    said = select(belief.c.source_id).where(
        belief.c.sensor_id == sensor.id,
        belief.c.event_start > start - sensor.event_resolution,
        belief.c.event_start < end,
        belief.c.horizon > 0,
    )
    query = select(Source).where(Source.id.in_(said), Source.type.in_(list(source_types)))
    return list(db.session.scalars(query.order_by(Source.id)))


@dataclass(frozen=True)
class _Where:
    """The conditions of a search over sensors of one event resolution."""

    resolution: timedelta
    start: datetime
    end: datetime
    horizon_at_least: timedelta | None
    horizon_at_most: timedelta | None
    prior: datetime | None
    sources: Collection[int] | None
    source_types: Collection[str] | None

    def numbers(self) -> list[tuple[str, int]]:
        """Pairs of an SQL condition with `?` and its parameter; times as milliseconds."""
        own = duration_ms(self.resolution)
        pairs = [("event_start > ?", to_ms(self.start) - own), ("event_start < ?", to_ms(self.end))]
        if self.horizon_at_least is not None:
            pairs.append(("horizon >= ?", duration_ms(self.horizon_at_least)))
        if self.horizon_at_most is not None:
            pairs.append(("horizon <= ?", duration_ms(self.horizon_at_most)))
        if self.prior is not None:
            pairs.append(("recorded <= ?", to_ms(self.prior) - own))
        return pairs

    def source_ids(self) -> list[int] | None:
        """Ids of the sources that may have said it, None for all."""
        if self.source_types is None:
            return None if self.sources is None else sorted(self.sources)
        from sqlalchemy import select

        from flexmeasures.models.sources import Source

        query = select(Source.id).where(Source.type.in_(list(self.source_types)))
        ids = set(db.session.scalars(query))
        return sorted(ids if self.sources is None else ids & set(self.sources))


def _newest(
    ids: list[int], where: _Where, prefer_source: int | None
) -> Mapping[int, tuple[Integers, Floats]]:
    """Event starts (ms, ascending) and values of the newest belief per event, by sensor id."""
    import numpy as np

    source_ids = where.source_ids()
    # Out of the key's order, so that the database has to sort: only where there is something to prefer.
    several = source_ids is None or len(source_ids) > 1
    # An integer of ours: safe to stand in the text.
    preferred = f"(source_id <> {int(prefer_source)}), " if several and prefer_source is not None else ""
    rows = _fetch(ids, where, source_ids, f"event_start, horizon, {preferred}source_id", newest=True)
    edges = np.searchsorted(rows["sensor"], [*ids, ids[-1] + 1]) if ids else np.zeros(1, dtype=np.int64)
    return {
        sensor_id: (rows["start"][low:high], rows["value"][low:high])
        for sensor_id, low, high in zip(ids, edges[:-1], edges[1:], strict=True)
    }


def _fetch(
    ids: list[int], where: _Where, source_ids: list[int] | None, order: str, newest: bool
) -> dict[str, Any]:
    """What belief_rows.fetch gives; nothing without asking the database if nobody may have said it."""
    if not ids or source_ids == []:
        import numpy as np

        empty = np.empty(0, dtype=np.int64)
        return {"sensor": empty, "start": empty, "horizon": empty, "value": np.empty(0)}
    return belief_rows.fetch(ids, where.numbers(), source_ids, order, newest)


def _regular(
    starts: Integers,
    values: Floats,
    own: timedelta,
    start: datetime,
    end: datetime,
    resolution: timedelta | None,
    timezone: str,
) -> TimeSeries:
    if resolution is None or resolution == own:
        return on_own_grid(starts, values, own, start, end)
    if resolution < own and own % resolution == timedelta(0):
        return upsample(starts, values, own, start, end, resolution)
    if resolution > own and resolution % own == timedelta(0):
        regular = on_own_grid(starts, values, own, start, end)
        return downsample(regular, resolution, timezone)
    raise WrongResolution(
        f"The resolutions {iso_duration(own)} and {iso_duration(resolution)} do not divide each other.",
        "resolution",
        f"a whole multiple or a whole part of {iso_duration(own)}",
    )


# -- removing ------------------------------------------------------------------------------------------


def remove(
    *,
    sensors: Collection[int] | None = None,
    sources: Collection[int] | None = None,
    measurements: bool = True,
    prognoses: bool = True,
    start: datetime | None = None,
    end: datetime | None = None,
    recorded: tuple[datetime, timedelta] | None = None,
) -> int:
    """Delete beliefs with their quantiles, inside `with db.writing():`, and return how many beliefs.

    sensors, sources: ids, None for all. measurements: those with horizon <= 0; prognoses: the others. start,
    end: window of event starts. recorded: pair of a belief time and the event resolution of the sensors:
    only what was recorded exactly then.
    """
    from sqlalchemy import delete, text

    from flexmeasures.models.beliefs import belief, belief_quantile

    def condition(table: Table) -> Iterator[Any]:
        if sensors is not None:
            yield table.c.sensor_id.in_(list(sensors))
        if sources is not None:
            yield table.c.source_id.in_(list(sources))
        if not measurements:
            yield table.c.horizon > 0
        if not prognoses:
            yield table.c.horizon <= 0
        if start is not None:
            yield table.c.event_start >= start
        if end is not None:
            yield table.c.event_start < end
        if recorded is not None:
            belief_time, resolution = recorded
            at = to_ms(belief_time) - duration_ms(resolution)
            if is_sqlite():
                sql = "event_start - horizon = :at"
            else:
                sql = (
                    f"event_start - horizon * {belief_rows.MS} = timestamptz 'epoch' + :at * {belief_rows.MS}"
                )
            yield text(sql).bindparams(at=at)

    db.session.execute(delete(belief_quantile).where(*condition(belief_quantile)))
    answer = db.session.execute(delete(belief).where(*condition(belief)))
    return int(answer.rowcount)  # type: ignore[attr-defined]
