"""How an algorithm reads more than its problem holds: within the owner's rights, as known then, noted."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures.beliefs import search_one
from flexmeasures.db import db
from flexmeasures.errors import AlgorithmError
from flexmeasures.timing import iso_duration, iso_time

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Sensor
    from flexmeasures.timeseries import TimeSeries
    from flexmeasures_algorithms.facts import Reader


def reader_for(sensor: Sensor, known_at: datetime, record: list[dict[str, Any]]) -> Reader:
    """The `read` of a problem about `sensor`; each use adds an entry to `record`.

    `read(sensor or id, start, end, resolution=None, horizon_at_least=None, horizon_at_most=None, source_types=None,
    prior=None)`, all but the first three by name, gives a TimeSeries of the newest beliefs recorded at or before
    `known_at` (`prior` can only ask for earlier). Markets and weather are open to all, other sensors to whom the owner
    of `sensor` may read. Raises AlgorithmError when there is no such sensor or the owner may not read it.
    """

    def read(
        other: Sensor | int,
        start: datetime,
        end: datetime,
        *,
        resolution: timedelta | None = None,
        horizon_at_least: timedelta | None = None,
        horizon_at_most: timedelta | None = None,
        source_types: Collection[str] | None = None,
        prior: datetime | None = None,
    ) -> TimeSeries:
        found = _readable(other, sensor)
        cut = known_at if prior is None else min(prior, known_at)
        series = search_one(
            found,
            start,
            end,
            resolution=resolution,
            horizon_at_least=horizon_at_least,
            horizon_at_most=horizon_at_most,
            source_types=source_types,
            prior=cut,
        )
        db.session.commit()  # no transaction stays open while the algorithm goes on
        horizons = {"horizon_at_least": horizon_at_least, "horizon_at_most": horizon_at_most}
        record.append(
            {
                "sensor": found.id,
                "start": iso_time(start),
                "end": iso_time(end),
                "prior": iso_time(cut),
                "source_types": None if source_types is None else sorted(source_types),
                **{key: iso_duration(value) for key, value in horizons.items() if value is not None},
                **fingerprint(series),
            }
        )
        return series

    return read


def fingerprint(series: TimeSeries) -> dict[str, Any]:
    """A long series by reference: resolution, count of known values, and the hash of start and values.

    sha256 over the start in milliseconds and the values, both as little-endian 8-byte numbers (NaN unknown).
    """
    import numpy as np

    digest = hashlib.sha256(series.starts_ms[:1].astype("<i8").tobytes())
    digest.update(series.values.astype("<f8").tobytes())
    known = int(np.count_nonzero(~np.isnan(series.values)))
    return {"resolution": iso_duration(series.resolution), "count": known, "sha256": digest.hexdigest()}


def _readable(other: Sensor | int, sensor: Sensor) -> Sensor:
    """The other sensor; the owner is looked up only here, for most algorithms read nothing more."""
    from flexmeasures.models.sensors import Sensor
    from flexmeasures_algorithms.access import is_open

    wanted = other if isinstance(other, int) else other.id
    found = db.session.get(Sensor, wanted)
    if found is None or not (found.id == sensor.id or is_open(found, sensor.owner)):
        raise AlgorithmError(
            f"The algorithm asks for sensor {wanted}, which is none that the owner of sensor {sensor.id} may read."
        )
    return found
