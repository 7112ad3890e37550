"""Events put on a regular grid: in their own resolution, repeated on a finer one, averaged on a coarser one.

Event starts are ascending milliseconds since the epoch, shape (n,), beside values of shape (n,).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flexmeasures import grid
from flexmeasures.grid import DAY
from flexmeasures.timing import duration_ms, floor_time, from_ms, to_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]


def on_own_grid(
    starts: Integers, values: Floats, own: timedelta, start: datetime, end: datetime, timezone: str
) -> TimeSeries:
    """One slot of the sensor's grid for each event that could overlap the window, NaN where there is none.

    timezone: of the sensor, whose local days are the slots of a resolution of whole days. An event that was stored
    off the grid goes to the nearest slot.
    """

    if grid.is_of_days(own):
        return _on_own_days(starts, values, own, (start, end), ZoneInfo(timezone))
    step, first = duration_ms(own), floor_time(start, own)
    slots = max(0, -(-(to_ms(end) - to_ms(first)) // step))
    index = (starts - to_ms(first) + step // 2) // step
    return TimeSeries(from_ms(to_ms(first)), own, _placed(values, index, slots))


def _on_own_days(
    starts: Integers, values: Floats, own: timedelta, window: tuple[datetime, datetime], zone: ZoneInfo
) -> TimeSeries:
    import numpy as np

    start, end = (each.astimezone(zone) for each in window)
    first = start.date()
    if len(starts):  # days in groups begin with the first that is known
        known = (from_ms(int(starts[0])) + DAY / 2).astimezone(zone).date()
        first -= (first - known) % own
    # The end by the clock on the wall, or by the calendar: P7D are seven days in the weeks of 167 and 169 hours, too.
    until = min(end.replace(tzinfo=None), start.replace(tzinfo=None) + (window[1] - window[0]))
    slots = max(0, -((datetime.combine(first, time()) - until) // own))
    begin = grid.midnight(first, zone)
    bounds, _ = grid.slots(begin, slots + 1, own, str(zone))
    index = np.searchsorted(bounds, starts + duration_ms(own) // 2, side="right") - 1
    return TimeSeries(begin, own, _placed(values, index, slots))


def _placed(values: Floats, index: Integers, slots: int) -> Floats:
    import numpy as np

    placed = np.full(slots, np.nan)
    inside = (index >= 0) & (index < slots)
    placed[index[inside]] = values[inside]
    return placed


def upsample(
    starts: Integers, ends: Integers, values: Floats, start: datetime, end: datetime, resolution: timedelta
) -> TimeSeries:
    """Values repeated over the finer slots that start within their event; a later event covers an earlier one.

    ends: of the events, in ms, shape (n,).
    """
    import numpy as np

    step = duration_ms(resolution)
    first = floor_time(start, resolution)
    slot_starts = to_ms(first) + step * np.arange(max(0, -(-(to_ms(end) - to_ms(first)) // step)))
    if len(starts) == 0:
        return TimeSeries(first, resolution, np.full(len(slot_starts), np.nan))
    event = np.searchsorted(starts, slot_starts, side="right") - 1
    covered = (event >= 0) & (slot_starts < ends[event])
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
    midnights = [grid.midnight(day, zone) for day in days]
    middles = series.starts_ms + duration_ms(series.resolution) // 2  # local days do not start 24 hours apart
    day = np.searchsorted([to_ms(midnight) for midnight in midnights], middles, side="right") - 1
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
