"""The grid of a sensor: where its slots start and end, and which start is meant by one that is a little off.

Slots are counted from 1970-01-01T00:00Z. Those of whole days are local calendar days of the sensor's time zone (23, 24
or 25 hours); those of several days may begin at any local midnight. Starts and ends in arrays are milliseconds since
the epoch, shape (n,).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flexmeasures.errors import OffGrid
from flexmeasures.timing import duration_ms, floor_time, from_ms, iso_duration, iso_time, to_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

DAY = timedelta(days=1)


def is_of_days(own: timedelta) -> bool:
    """Whether slots of that resolution are local calendar days."""
    return not own % DAY


def tolerance(own: timedelta) -> timedelta:
    """How far a start may be off the grid to be moved there: a tenth of the resolution, 60 s at most."""
    return min(own / 10, timedelta(seconds=60))


def around(moment: datetime, own: timedelta, timezone: str) -> tuple[datetime, datetime]:
    """The last start of a slot at or before a moment, and the first one after it (UTC)."""
    if not is_of_days(own):
        before = floor_time(moment, own).astimezone(UTC)
        return before, before + own
    zone = ZoneInfo(timezone)
    day = moment.astimezone(zone).date()
    return midnight(day, zone), midnight(day + DAY, zone)


def aligned(moment: datetime, own: timedelta, timezone: str) -> datetime:
    """The start of a slot that is meant by a moment: itself, or the nearest one within the tolerance.

    Raises OffGrid, which tells the two nearest starts.
    """
    before, after = around(moment, own, timezone)
    nearest = before if moment - before <= after - moment else after
    if nearest == moment:
        return moment
    if abs(nearest - moment) > tolerance(own):
        raise off_grid(moment, own, timezone)
    return nearest.astimezone(moment.tzinfo)


def off_grid(
    moment: datetime, own: timedelta, timezone: str, field: str = "start", where: str = ""
) -> OffGrid:
    """The error for a moment that starts no slot. where: put before its text."""
    before, after = (iso_time(each, like=moment) for each in around(moment, own, timezone))
    counted = f"local days of {timezone}" if is_of_days(own) else "counted from 1970-01-01T00:00Z"
    return OffGrid(
        f"{where}{field} {iso_time(moment)} is no start of a slot of {iso_duration(own)}.",
        field,
        f"starts of the sensor's slots ({counted}); the two nearest are {before} and {after}",
    )


def slots(start: datetime, count: int, own: timedelta, timezone: str) -> tuple[Integers, Integers]:
    """Starts and ends of that many slots, of which the first starts at `start`, which lies on the grid."""
    import numpy as np

    if not is_of_days(own):
        bounds = to_ms(start) + duration_ms(own) * np.arange(count + 1, dtype=np.int64)
    else:
        zone = ZoneInfo(timezone)
        first = start.astimezone(zone).date()
        days = (midnight(first + k * own, zone) for k in range(count + 1))
        bounds = np.array([to_ms(day) for day in days], dtype=np.int64)
    return bounds[:-1], bounds[1:]


def ends(starts: Integers, own: timedelta, timezone: str) -> Integers:
    """Where the slots end that start there; shape (n,)."""
    import numpy as np

    if not is_of_days(own):
        return starts + duration_ms(own)
    zone = ZoneInfo(timezone)  # a time in a zone is moved by the clock on the wall
    return np.array([to_ms(from_ms(int(each)).astimezone(zone) + own) for each in starts], dtype=np.int64)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a local calendar day begins (UTC)."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
