"""Where the time axis has ticks and what stands there, on the clocks of a time zone.

Bokeh's own axis knows UTC only, and a formatter of ours in the browser would need eval, which the site's
Content-Security-Policy forbids. So ticks and labels are made here, and x stays true UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flexmeasures_translation import month_and_year, short_day

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS = (
    *(n * MINUTE for n in (1, 5, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 7, 14, 28, 91, 182, 364)),
)
MOST_TICKS = 12


def labelled_ticks(start: datetime, end: datetime, zone: ZoneInfo) -> dict[float, str]:
    """Ticks (ms since 1970, UTC) and their labels; midnight carries the date, other ticks the time."""
    step = next((step for step in STEPS if (end - start) / step <= MOST_TICKS), STEPS[-1])
    moments = _midnights(start, end, zone, step // DAY) if step >= DAY else _times(start, end, zone, step)
    return {moment.timestamp() * 1000: _label(moment.astimezone(zone), step) for moment in moments}


def _times(start: datetime, end: datetime, zone: ZoneInfo, step: timedelta) -> Iterator[datetime]:
    """Times on the zone's clock that are whole steps after local midnight."""
    walk = min(step, 15 * MINUTE)
    moment = start.astimezone(UTC)
    moment -= (moment - datetime(1970, 1, 1, tzinfo=UTC)) % walk
    while moment <= end:
        local = moment.astimezone(zone)
        since_midnight = timedelta(hours=local.hour, minutes=local.minute)
        if moment >= start and since_midnight % step == timedelta(0):
            yield moment
        moment += walk


def _midnights(start: datetime, end: datetime, zone: ZoneInfo, days: int) -> Iterator[datetime]:
    """Every so many local midnights; weeks begin on Mondays."""
    day = start.astimezone(zone).date()
    while (midnight := datetime(day.year, day.month, day.day, tzinfo=zone)) <= end:
        # Day 1 of the calendar was a Monday.
        if midnight >= start and (day.toordinal() - 1) % days == 0:
            yield midnight
        day += DAY


def _label(local: datetime, step: timedelta) -> str:
    if step >= 28 * DAY:
        return month_and_year(local)
    if local.hour == local.minute == 0:
        return short_day(local)
    return f"{local:%H:%M}"
