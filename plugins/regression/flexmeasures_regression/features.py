"""What may explain an event: lagged values, means, calendar and weather, each known the horizon before its end.

Numbers of slots count from the start of the problem's history. The newest slot that an event at slot e may
see is e - lead (lead = horizon in slots, rounded up), so nothing in here reads further than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from flexmeasures.errors import AlgorithmError
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import EPOCH, MILLISECOND, duration_ms, to_ms
from flexmeasures_forecasting import ForecastingProblem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LATE = (1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 72, 96, 168)  # hours
CARRY = timedelta(hours=2)  # a gap up to this long is bridged by the value before it


def lead_slots(horizon: timedelta, resolution: timedelta) -> int:
    """Slots from an event back to the newest one that ends at least the horizon before the event's end."""
    return max(1, -(-horizon // resolution))


def event_slots(problem: ForecastingProblem, horizon: timedelta) -> Ints:
    """Slots of the events asked for a horizon, shape (n,); AlgorithmError when they are off the grid."""
    start, count = problem.targets[horizon]
    slots, rest = divmod(start - problem.history.start, problem.history.resolution)
    if rest:
        raise AlgorithmError(
            f"The events asked from {start.isoformat()} do not lie on the slots of the history, which starts at"
            f" {problem.history.start.isoformat()} with a resolution of {problem.history.resolution}."
        )
    return slots + np.arange(count, dtype=np.int64)


def at(series: TimeSeries, origin: datetime, slots: Ints) -> Floats:
    """Values of a series at slots that count from `origin`, NaN outside of it."""
    index = slots - (series.start - origin) // series.resolution
    inside = (index >= 0) & (index < len(series.values))
    values = np.full(index.shape, np.nan)
    values[inside] = series.values[index[inside]]
    return values


def newest_known(values: Floats) -> Ints:
    """The newest slot with a finite value at or before each slot, -1 where there is none; shape (n,)."""
    return np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), -1))


def fill(values: Floats, resolution: timedelta) -> Floats:
    """Bridge gaps from the past only: short ones by the value before, others by the same time of former days.

    Interpolation in time (contract 17.7) would let a value into the slots before it, which is look-ahead
    for the events that may not know it yet. At most seven days are bridged; what is left stays NaN.
    """
    known = np.isfinite(values)
    if known.all():
        return values
    newest = newest_known(values)
    near = (newest >= 0) & (np.arange(len(values)) - newest <= max(1, CARRY // resolution))
    filled = np.where(near, values[newest], np.nan)
    day, rest = divmod(DAY, resolution)
    for _ in range(7 if day and not rest else 0):
        filled[day:] = np.where(np.isnan(filled[day:]), filled[:-day], filled[day:])
    return filled


def lags(horizon: timedelta, resolution: timedelta, seasonality: frozenset[str], longest: int) -> list[int]:
    """Lags in slots, none above `longest` but the first: those of contract 17.4, and more.

    Seven from the newest allowed slot, and one of each of its 24 hours; seven at the same time of day for a
    daily season; whole weeks (as many as the horizon, and one more) for a weekly one.
    """
    lead = lead_slots(horizon, resolution)
    found = {lead + k: None for k in range(7)}
    if HOUR % resolution == timedelta(0):
        found |= {lead + k * (HOUR // resolution): None for k in range(24)}
    for season, length, count in (("daily", DAY, 7), ("weekly", WEEK, 2)):
        if season in seasonality and length % resolution == timedelta(0):
            first = -(-lead * resolution // length)
            found |= {(first + k) * (length // resolution): None for k in range(count)}
    return [lag for lag in found if lag <= longest] or [lead]


@dataclass(frozen=True)
class Past:
    """A sensor's history with gaps bridged, and its running sums; made once a problem.

    Slot k depends on slots up to k only, so that a cut at any slot needs no second Past.
    """

    start: datetime
    resolution: timedelta
    raw: Floats
    filled: Floats
    sums: Floats
    counts: Ints
    _means: dict[int, Floats] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, history: TimeSeries, length: int = 0) -> Past:
        """Take a history, with unknown slots up to `length`; values that are not finite count as unknown."""
        raw = np.full(max(length, len(history.values)), np.nan)
        raw[: len(history.values)] = history.values
        raw[~np.isfinite(raw)] = np.nan
        filled = fill(raw, history.resolution)
        known = np.isfinite(filled)
        sums = np.concatenate(([0.0], np.cumsum(np.where(known, filled, 0.0))))
        counts = np.concatenate(([0], np.cumsum(known)))
        return cls(history.start, history.resolution, raw, filled, sums, counts)

    def lagged(self, slots: Ints, lags: Sequence[int]) -> Floats:
        """Values `lags` before each slot, shape (lags, slots), NaN outside of the history."""
        return shifted(self.filled, slots, lags)

    def means(self, span: int) -> Floats:
        """Means of what is known of the `span` slots up to each slot, that one included; one a slot."""
        if span not in self._means:
            end = np.arange(1, len(self.filled) + 1)
            first = np.maximum(end - span, 0)
            counts = self.counts[end] - self.counts[first]
            sums = self.sums[end] - self.sums[first]
            self._means[span] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return self._means[span]

    @property
    def end(self) -> datetime:
        """End of the last slot."""
        return self.start + len(self.raw) * self.resolution

    def starts_ms(self, slots: Ints) -> Ints:
        """Slot starts in milliseconds since the epoch."""
        return to_ms(self.start) + slots * duration_ms(self.resolution)

    def slots_of_day(self, slots: Ints) -> Ints:
        """Number of each slot within its UTC day."""
        return self.starts_ms(slots) % DAY_MS // duration_ms(self.resolution)


def late_slots(past: Past, newest: Ints) -> Ints:
    """By how many slots the newest known value is older than it could be, shape of `newest` (the slots of the latter).

    Rounded up to LATE hours, so that few models are learnt; 0 below an hour (such gaps are bridged), and where nothing
    was known for a week.
    """
    if len(past.raw) == 0:
        return np.zeros(len(newest), dtype=np.int64)
    known = newest_known(past.raw)[np.clip(newest, 0, len(past.raw) - 1)]
    gaps = np.where((known < 0) | (newest < 0), 0, newest - known) * (past.resolution / HOUR)
    slots = np.array([-(-hours * HOUR // past.resolution) for hours in (*LATE, 0)])
    return np.where(gaps >= 1, slots[np.searchsorted(LATE, gaps)], 0)


@lru_cache(maxsize=4096)
def _offsets(timezone: str, day: int) -> Ints:
    """Offset of local time in milliseconds at each hour of a UTC day (counted from the epoch), shape (24,)."""
    zone = ZoneInfo(timezone)
    hours = (EPOCH + timedelta(days=day, hours=hour) for hour in range(24))
    offsets = (moment.astimezone(zone).utcoffset() for moment in hours)
    return np.array([0 if offset is None else offset // MILLISECOND for offset in offsets])


def local_ms(starts_ms: Ints, timezone: str) -> Ints:
    """The local clock in milliseconds, as if it were UTC."""
    days = starts_ms // DAY_MS
    first = int(days.min()) if len(days) else 0
    last = int(days.max()) if len(days) else -1
    offsets = np.array([_offsets(timezone, day) for day in range(first, last + 1)]).reshape(-1, 24)
    local: Ints = starts_ms + offsets[days - first, starts_ms % DAY_MS // HOUR_MS]
    return local


def knots(values: Floats) -> tuple[float, ...]:
    """Where a weather curve may bend: quantiles of what was seen, each once."""
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return ()
    return tuple(np.unique(np.quantile(known, (0.1, 0.25, 0.5, 0.75, 0.9))).tolist())


def hinges(values: Floats, bends: Floats) -> Floats:
    """A curve of straight pieces as columns: the value, and what it is above each bend; shape (n, 1 + bends)."""
    return np.column_stack((values, np.maximum(values[:, None] - bends, 0.0)))


def take(values: Floats, index: Ints) -> Floats:
    """Values at places, NaN outside; the shape of `index`."""
    inside = (index >= 0) & (index < len(values))
    if inside.all():
        return values[index]
    found = np.full(index.shape, np.nan)
    found[inside] = values[index[inside]]
    return found


def shifted(values: Floats, slots: Ints, shifts: Sequence[int]) -> Floats:
    """Values `shifts` before each slot (ascending), shape (shifts, slots), NaN outside."""
    most, least = max(shifts, default=0), min(shifts, default=0)
    if len(slots) == 0:
        return np.empty((len(shifts), 0))
    first, last = int(slots[0]), int(slots[-1])
    reach = take(values, np.arange(first - most, last - least + 1))
    starts = most - np.asarray(shifts, dtype=np.int64)
    without_gaps = last - first + 1 == len(slots)  # then each row is a piece of `reach`
    found: Floats = (
        sliding_window_view(reach, len(slots))[starts]
        if without_gaps
        else reach[starts[:, None] + (slots - first)]
    )
    return found


def running_sums(values: Floats, ends: Ints, span: int) -> Floats:
    """Sums over the `span` places before each of `ends`, fewer at the beginning; all values known."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    last = np.clip(ends, 0, len(values))
    return sums[last] - sums[np.maximum(last - span, 0)]


def running_means(values: Floats, ends: Ints, spans: Sequence[int]) -> Floats:
    """Means of what is known over the `spans` places before each of `ends`, shape (ends, spans)."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    sums = [running_sums(filled, ends, span) for span in spans]
    counts = [running_sums(known.astype(np.float64), ends, span) for span in spans]
    total, count = np.stack(sums, axis=1), np.stack(counts, axis=1)
    return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)
