"""Events put on a regular grid: in their own resolution, repeated on a finer one, averaged on a coarser one.

Event starts are ascending milliseconds since the epoch, shape (n,), beside values of shape (n,).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flexmeasures.timing import duration_ms, floor_time, from_ms, to_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


DAY = timedelta(days=1)


def grid_tolerance(own: timedelta) -> timedelta:
    """How far an event's start may be off the grid to be moved there: a tenth of the resolution, 60 s at most."""
    return min(own / 10, timedelta(seconds=60))


def slots_around(moment: datetime, own: timedelta, timezone: str) -> tuple[datetime, datetime]:
    """The last start of a slot at or before a moment, and the first one after it (UTC).

    Slots are counted from 1970-01-01T00:00Z; those of whole days are local calendar days of the time zone,
    and those of several days may begin at any local midnight.
    """
    if own % DAY:
        before = floor_time(moment, own)
        return before, before + own
    zone = ZoneInfo(timezone)
    day = moment.astimezone(zone).date()
    before, after = (datetime.combine(day + k * DAY, time(), tzinfo=zone).astimezone(UTC) for k in (0, 1))
    return before, after


def nearest_slots(starts: Integers, own: timedelta, timezone: str) -> Integers:
    """The start of a slot that is nearest to each start, in ms (see `slots_around`); shape (n,)."""
    import numpy as np

    if own % DAY:
        step = duration_ms(own)
        return (starts + step // 2) // step * step
    pairs = [[to_ms(each) for each in slots_around(from_ms(int(s)), own, timezone)] for s in starts]
    around = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return np.where(starts - around[:, 0] <= around[:, 1] - starts, around[:, 0], around[:, 1])


def on_own_grid(
    starts: Integers, values: Floats, own: timedelta, start: datetime, end: datetime
) -> TimeSeries:
    """One slot for each event that could overlap the window, NaN where there is none.

    The grid follows the first event (daily sensors may start at local midnight); an event that is off the
    grid, such as a local day after a clock change, goes to the nearest slot.
    """
    import numpy as np

    step = duration_ms(own)
    anchor = int(starts[0]) % step if len(starts) else 0
    first = (to_ms(start) - anchor) // step * step + anchor
    slots = max(0, -(-(to_ms(end) - first) // step))
    grid = np.full(slots, np.nan)
    index = (starts - first + step // 2) // step
    inside = (index >= 0) & (index < slots)
    grid[index[inside]] = values[inside]
    return TimeSeries(from_ms(first), own, grid)


def upsample(
    starts: Integers, values: Floats, own: timedelta, start: datetime, end: datetime, resolution: timedelta
) -> TimeSeries:
    """Values repeated over the finer slots that start within their event; a later event covers an earlier one."""
    import numpy as np

    step = duration_ms(resolution)
    first = floor_time(start, resolution)
    slot_starts = to_ms(first) + step * np.arange(max(0, -(-(to_ms(end) - to_ms(first)) // step)))
    if len(starts) == 0:
        return TimeSeries(first, resolution, np.full(len(slot_starts), np.nan))
    event = np.searchsorted(starts, slot_starts, side="right") - 1
    covered = (event >= 0) & (slot_starts < starts[event] + duration_ms(own))
    return TimeSeries(first, resolution, np.where(covered, values[event], np.nan))


def downsample(series: TimeSeries, resolution: timedelta, timezone: str) -> TimeSeries:
    """Arithmetic means of the known values per bin, NaN for bins without any.

    Bins of whole days start at local midnight, others on the clock of the time zone (by its offset at the
    series' start).
    """
    import numpy as np

    if len(series) == 0:
        return TimeSeries(series.start, resolution, series.values)
    zone = ZoneInfo(timezone)
    if resolution % DAY:
        first, bins = _clock_bins(series, resolution, zone)
    else:
        first, bins = _day_bins(series, resolution, zone)
    known = ~np.isnan(series.values)
    counts = np.bincount(bins[known], minlength=int(bins[-1]) + 1)
    sums = np.bincount(bins[known], weights=series.values[known], minlength=int(bins[-1]) + 1)
    means = np.full(len(counts), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return TimeSeries(first, resolution, means)


def _clock_bins(series: TimeSeries, resolution: timedelta, zone: ZoneInfo) -> tuple[datetime, Integers]:
    offset = series.start.astimezone(zone).utcoffset() or timedelta(0)
    first = floor_time(series.start + offset, resolution) - offset
    return first, (series.starts_ms - to_ms(first)) // duration_ms(resolution)


def _day_bins(series: TimeSeries, resolution: timedelta, zone: ZoneInfo) -> tuple[datetime, Integers]:
    import numpy as np

    days_a_bin = resolution // DAY
    first_day = series.start.astimezone(zone).date()
    last_day = (series.end - timedelta(milliseconds=1)).astimezone(zone).date()
    days = [first_day + k * DAY for k in range((last_day - first_day).days + 1)]
    midnights = [datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) for day in days]
    day = np.searchsorted([to_ms(midnight) for midnight in midnights], series.starts_ms, side="right") - 1
    return midnights[0], day // days_a_bin


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """One value a slot: slot k is [start + k * resolution, start + (k + 1) * resolution).

    start: UTC. values: float64, shape (n,), NaN where nothing is known; power in MW with consumption
    positive, prices in the market's unit, weather in the sensor's unit.
    """

    start: datetime
    resolution: timedelta
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> datetime:
        """End of the last slot."""
        return self.start + len(self.values) * self.resolution

    @property
    def starts_ms(self) -> NDArray[np.int64]:
        """Slot starts in milliseconds since the epoch, shape (n,)."""
        import numpy as np

        return to_ms(self.start) + duration_ms(self.resolution) * np.arange(len(self.values))

    def to_pandas(self) -> Any:
        """A pandas Series with a UTC DatetimeIndex (pandas is imported here only)."""
        import pandas as pd

        index = pd.date_range(self.start, periods=len(self.values), freq=self.resolution, name="event_start")
        return pd.Series(self.values, index=index)
