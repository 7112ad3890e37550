"""The door for quantiles of forecasts: store() beside the point beliefs, search() for what belongs to the newest.

A quantile says below which value the outcome stays with a probability. It has the key of a belief (sensor,
event, horizon, source), which says the point forecast, and is removed with it by `beliefs.remove`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures import grid
from flexmeasures.db import db, is_sqlite
from flexmeasures.errors import InputError
from flexmeasures.timeseries import TimeSeries, on_own_grid
from flexmeasures.timing import duration_ms, from_ms, to_ms

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, FromClause

    from flexmeasures.models.sensors import Sensor
    from flexmeasures.models.sources import Source
    from flexmeasures.timeseries import Floats


def store_quantiles(
    sensor: Sensor, quantiles: Mapping[float, Floats], start: datetime, source: Source, horizon: timedelta
) -> None:
    """Store quantiles of regular events of one horizon; to be called inside `with db.writing():`.

    quantiles: by probability, shape (n,), one value an event from `start`, in the sensor's unit; NaN is not
    stored, nor what is there already. Raises InputError for a probability that is none.
    """
    import numpy as np
    from sqlalchemy.dialects import postgresql, sqlite

    from flexmeasures.models.beliefs import belief_quantile

    count = max((len(values) for values in quantiles.values()), default=0)
    starts, _ = grid.slots(start, count, sensor.event_resolution, sensor.timezone)
    common = {"sensor_id": sensor.id, "source_id": source.id, "horizon": duration_ms(horizon)}
    rows = [
        common
        | {"event_start": from_ms(int(starts[slot])), "probability": probability}
        | {"value": float(values[slot])}
        for probability, values in quantiles.items()
        for slot in np.flatnonzero(np.isfinite(values))
        if check_probability(probability)
    ]
    if rows:
        insert = (sqlite if is_sqlite() else postgresql).insert(belief_quantile)
        db.session.execute(insert.on_conflict_do_nothing(), rows)


def check_probability(probability: float) -> float:
    """The probability, if it lies between 0 and 1; InputError otherwise."""
    if not 0.0 < probability < 1.0:
        raise InputError(
            f"{probability!r} is no probability of a quantile.",
            "quantiles",
            "numbers between 0 and 1, neither",
        )
    return probability


def search_quantiles(
    sensor: Sensor,
    start: datetime,
    end: datetime,
    probabilities: Sequence[float],
    *,
    horizon_at_least: timedelta | None = None,
    prior: datetime | None = None,
    sources: Collection[int] | None = None,
    source_types: Collection[str] | None = None,
) -> dict[float, TimeSeries]:
    """By probability, the quantiles that belong to the newest belief of each event in a window.

    The filters are those of `beliefs.search`, and so are the slots: one value each, NaN where the newest
    belief came without this quantile.
    """
    import numpy as np
    from sqlalchemy import and_, func, select

    from flexmeasures.models.beliefs import belief, belief_quantile

    ids = _source_ids(sources, source_types)
    conditions = _where(belief, sensor, start, end, horizon_at_least, prior, ids)
    places = ("sensor_id", "event_start", "horizon", "source_id")
    newest_first = (belief.c.horizon, belief.c.source_id)
    rank = func.row_number().over(partition_by=belief.c.event_start, order_by=newest_first)
    ranked = select(*(belief.c[name] for name in places), rank.label("rank")).where(*conditions)
    newest, said = ranked.subquery(), belief_quantile
    its_own = and_(newest.c.rank == 1, *(newest.c[name] == said.c[name] for name in places))
    query = (
        select(said.c.probability, said.c.event_start, said.c.value)
        .join(newest, its_own)
        .where(said.c.probability.in_(list(probabilities)))
        .order_by(said.c.event_start)
    )
    found: dict[float, list[tuple[int, float]]] = {probability: [] for probability in probabilities}
    for probability, event_start, value in db.session.execute(query):
        found[probability].append((to_ms(event_start), value))
    series = {}
    for probability, rows in found.items():
        starts = np.array([row[0] for row in rows], dtype=np.int64)
        values = np.array([row[1] for row in rows], dtype=np.float64)
        series[probability] = on_own_grid(
            starts, values, sensor.event_resolution, start, end, sensor.timezone
        )
    return series


def _source_ids(sources: Collection[int] | None, types: Collection[str] | None) -> Collection[int] | None:
    if types is None:
        return sources
    from sqlalchemy import select

    from flexmeasures.models.sources import Source

    ids = set(db.session.scalars(select(Source.id).where(Source.type.in_(list(types)))))
    return ids if sources is None else ids & set(sources)


def _where(
    table: FromClause,
    sensor: Sensor,
    start: datetime,
    end: datetime,
    horizon_at_least: timedelta | None,
    prior: datetime | None,
    sources: Collection[int] | None,
) -> list[ColumnElement[bool]]:
    """The conditions of a search on one of the tables."""
    own = sensor.event_resolution
    conditions: list[Any] = [
        table.c.sensor_id == sensor.id,
        table.c.event_start > start - own,
        table.c.event_start < end,
    ]
    if horizon_at_least is not None:
        conditions.append(table.c.horizon >= duration_ms(horizon_at_least))
    if prior is not None:
        conditions.append(_recorded_by(table, prior - own))
    if sources is not None:
        conditions.append(table.c.source_id.in_(list(sources)))
    return conditions


def _recorded_by(table: FromClause, moment: datetime) -> ColumnElement[bool]:
    """Event start less horizon (one resolution before the recording time) at or before a moment."""
    from sqlalchemy import BigInteger, DateTime, literal_column, type_coerce

    if is_sqlite():
        return type_coerce(table.c.event_start, BigInteger) - table.c.horizon <= to_ms(moment)
    ahead = table.c.horizon * literal_column("interval '1 millisecond'")
    return type_coerce(table.c.event_start - ahead, DateTime(timezone=True)) <= moment
