"""Storing and removing beliefs: checked values, one statement a call, events told after the commit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from flexmeasures import grid
from flexmeasures.beliefs import sql as the_sql
from flexmeasures.db import after_commit, db, is_sqlite
from flexmeasures.errors import BeliefsExist, InputError, WrongResolution
from flexmeasures.timing import duration_ms, from_ms, iso_duration, to_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray
    from sqlalchemy import Table

    from flexmeasures.models.sensors import Sensor
    from flexmeasures.models.sources import Source
    from flexmeasures.timeseries import Floats

    Integers = NDArray[np.int64]


OnExisting = Literal["refuse", "replace", "skip"]


@dataclass(frozen=True)
class Stored:
    """How many values were new, replaced an earlier value of the same key, or were there already.

    moved: by how much the start was moved to lie on the sensor's grid (negative: to an earlier time).
    """

    new: int = 0
    replaced: int = 0
    skipped: int = 0
    moved: timedelta = timedelta(0)


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
    clock_tolerance: timedelta = timedelta(0),
    on_existing: OnExisting = "refuse",
) -> Stored:
    """Store regular values of one sensor; to be called inside `with db.writing():`.

    values: shape (n,), one a slot of `resolution` from `start`, in the sensor's unit (power: MW, consumption
    positive); a slot longer than the sensor's is repeated; NaN is unknown and not stored. horizon: of every
    event; belief_time: when all was recorded; of both, the earlier recording time counts for each event.
    clock_tolerance: events that end later than the belief time by no more than this count as known at their end,
    as clocks differ. on_existing: what to do where sensor, event, horizon and source are stored already. Raises
    InputError, OffGrid (a start that is too far from the sensor's slots to be moved), WrongResolution, BeliefsExist
    ("refuse"; the surrounding transaction then has to be given up).
    """
    import numpy as np

    array = _checked(values)
    array = np.repeat(array, _repeats(sensor, resolution))
    first = grid.aligned(start, sensor.event_resolution, sensor.timezone)
    starts, ends = grid.slots(first, len(array), sensor.event_resolution, sensor.timezone)
    horizons = _horizons(ends, horizon, belief_time, clock_tolerance)
    known = ~np.isnan(array)
    if not known.all():
        starts, ends, horizons, array = starts[known], ends[known], horizons[known], array[known]
    if len(array) == 0:
        return Stored(moved=first - start)
    rows = the_sql.Rows(sensor.id, source.id, starts, horizons, array)
    new, replaced = the_sql.insert(rows, replace=on_existing == "replace")
    stored = Stored(new, replaced, len(array) - new - replaced, first - start)
    if stored.skipped and on_existing == "refuse":
        raise BeliefsExist(
            f"{stored.skipped} of {len(array)} values of sensor {sensor.id} are stored already for the same"
            " event, horizon and source.",
            "values",
        )
    _announce(sensor, source, from_ms(int(starts[0])), from_ms(int(ends[-1])))
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


def _horizons(
    ends: Integers, horizon: timedelta | None, belief_time: datetime | None, clock_tolerance: timedelta
) -> Integers:
    import numpy as np

    if horizon is None and belief_time is None:
        raise InputError("Neither horizon nor prior is given.", "horizon", "one of the two")
    candidates = []
    if horizon is not None:
        candidates.append(np.full(len(ends), duration_ms(horizon), dtype=np.int64))
    if belief_time is not None:
        ahead = ends - to_ms(belief_time)
        candidates.append(np.where((ahead > 0) & (ahead <= duration_ms(clock_tolerance)), 0, ahead))
    earliest: Integers = np.maximum.reduce(candidates)
    return earliest


def _announce(sensor: Sensor, source: Source, start: datetime, end: datetime) -> None:
    from flexmeasures.runtime import runtime

    hooks = runtime()
    after_commit(lambda: hooks.tell("on_beliefs_stored", sensor=sensor, source=source, start=start, end=end))


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
                sql = f"event_start - horizon * {the_sql.MS} = timestamptz 'epoch' + :at * {the_sql.MS}"
            yield text(sql).bindparams(at=at)

    db.session.execute(delete(belief_quantile).where(*condition(belief_quantile)))
    answer = db.session.execute(delete(belief).where(*condition(belief)))
    return int(answer.rowcount)  # type: ignore[attr-defined]
