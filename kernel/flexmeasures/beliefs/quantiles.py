"""The door for quantiles of forecasts: store() beside the point beliefs, search() for what belongs to the newest.

A quantile says below which value the outcome stays with a probability. It has the key of a belief (sensor,
event, horizon, source), which says the point forecast, and is removed with it by `beliefs.remove`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures import grid
from flexmeasures.beliefs.filters import BeliefFilter
from flexmeasures.db import db, is_sqlite
from flexmeasures.errors import InputError
from flexmeasures.timeseries import TimeSeries, on_own_grid
from flexmeasures.timing import duration_ms, from_ms, to_ms

if TYPE_CHECKING:
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
    **filters: Any,
) -> dict[float, TimeSeries]:
    """By probability, the quantiles that belong to the newest belief of each event in a window.

    filters: of `beliefs.search`, whose slots these are: one value each, NaN where the newest belief came without this
    quantile.
    """
    import numpy as np
    from sqlalchemy import and_, func, select, text

    from flexmeasures.models.beliefs import belief, belief_quantile

    where = BeliefFilter(resolution=sensor.event_resolution, start=start, end=end, **filters)
    places = ("sensor_id", "event_start", "horizon", "source_id")
    newest_first = (belief.c.horizon, belief.c.source_id)
    rank = func.row_number().over(partition_by=belief.c.event_start, order_by=newest_first)
    ranked = select(*(belief.c[name] for name in places), rank.label("rank")).where(
        text(where.as_sql([sensor.id]))
    )
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
