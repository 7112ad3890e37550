"""Which stretch of time a chart shows, and in what resolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import abort, request
from sqlalchemy import select

from flexmeasures.beliefs import last_values
from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.models import Asset, Sensor, StoredSchedule
from flexmeasures.timing import floor_time, server_now
from flexmeasures_algorithms import facts_of
from flexmeasures_charts import PowerChart
from flexmeasures_charts.reader import readers_zone
from flexmeasures_translation import gettext, marked

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEFORE, AFTER = 6 * HOUR, 24 * HOUR
LONGEST = 3 * 366 * DAY
# Windows longer than the first are shown in slots of the second, where the asset's own fit into them.
COARSER = ((16 * 7 * DAY, 7 * DAY), (14 * DAY, DAY), (2 * DAY, HOUR))
ACCEPTED = marked("an ISO 8601 date and time, such as 2026-01-31T15:00")


@dataclass(frozen=True)
class Window:
    """From start to end, in UTC. why: in words, when it is not the time around now though nobody asked."""

    start: datetime
    end: datetime
    why: str = ""

    @property
    def earlier(self) -> dict[str, str]:
        """Query of the page for the stretch before."""
        return self._moved(-1)

    def day(self, offset: int) -> dict[str, str]:
        """Query of the page for a day: 0 for today, -1 for yesterday, 1 for tomorrow."""
        return calendar_day(offset).query

    @property
    def later(self) -> dict[str, str]:
        """Query of the page for the stretch after."""
        return self._moved(1)

    @property
    def query(self) -> dict[str, str]:
        """Query of the page for this stretch."""
        return self._moved(0)

    def of_length(self, days: int) -> dict[str, str]:
        """Query of the page for so many days around the middle of this stretch."""
        middle = self.start + (self.end - self.start) / 2
        return _query(middle - days * DAY / 2, middle + days * DAY / 2)

    def _moved(self, times: int) -> dict[str, str]:
        length = times * (self.end - self.start)
        return _query(self.start + length, self.end + length)


def _query(start: datetime, end: datetime) -> dict[str, str]:
    return {name: f"{moment:%Y-%m-%dT%H:%M}Z" for name, moment in (("start", start), ("end", end))}


def calendar_day(offset: int) -> Window:
    """Today by the reader's clock (0), yesterday (-1), tomorrow (1), from midnight to midnight."""
    zone = readers_zone()
    day = server_now().astimezone(zone).date() + offset * DAY
    start, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + DAY))
    return Window(start, end)


def of_request(sensor: Sensor) -> Window:
    """The window that the request asks for; 400 for one that it cannot be."""
    try:
        return asked_window(sensor, request.args, readers_zone().key)
    except InputError as error:
        abort(400, description=str(error))


def asked_window(sensor: Sensor | None, query: Mapping[str, str], timezone: str) -> Window:
    """The window that the query's start and end ask for, or the sensor's default; InputError for a bad one."""
    if sensor is not None and "start" not in query and "end" not in query:
        return default_window(sensor)
    zone = ZoneInfo(timezone)
    start, end = (moment_of(query.get(name, ""), name, zone) for name in ("start", "end"))
    if start >= end:
        raise InputError(gettext("start is not before end."), "start", gettext("a start before the end"))
    if end - start > LONGEST:
        raise InputError(
            gettext("The window is too long."), "end", gettext("at most %(count)s days", count=LONGEST.days)
        )
    return Window(start, end)


def moment_of(text: str, field: str, zone: ZoneInfo) -> datetime:
    """A time as typed by users, on local clocks unless it has an offset."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        if not 1900 < moment.year < 2200:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        said = gettext("%(field)s %(text)s is not a date and time.", field=field, text=repr(text))
        raise InputError(said, field, gettext(ACCEPTED)) from None


def default_window(sensor: Sensor) -> Window:
    """From 6 h before now to 24 h after; around the newest data if they are not from that time."""
    now = floor_time(server_now(), timedelta(minutes=15))
    newest = _newest_data(sensor)
    if newest is None or now - BEFORE <= newest <= now + AFTER:
        return Window(now - BEFORE, now + AFTER)
    around = floor_time(newest, HOUR)
    return Window(
        around - BEFORE, around + AFTER, why=gettext("There are no data around now; these are the newest.")
    )


def _newest_data(sensor: Sensor) -> datetime | None:
    """Start of the sensor's newest schedule or, if that is later, of its newest measurement."""
    planned = select(StoredSchedule.start).where(StoredSchedule.sensor_id == sensor.id)
    starts = [db.session.scalar(planned.order_by(StoredSchedule.start.desc()).limit(1))]
    starts += [moment for moment, _ in last_values([sensor]).values()]
    return max((start for start in starts if start is not None), default=None)


def power_chart(asset: Asset, window: Window) -> PowerChart:
    """The chart of one asset; a pure producer's shows production positive."""
    return PowerChart(
        assets=(asset,),
        start=window.start,
        end=window.end,
        resolution=resolution_for(window.end - window.start, asset.event_resolution),
        consumption_as_positive=not only_produces(asset),
    )


def only_produces(asset: Asset) -> bool:
    """Whether the asset is of a type that can only produce, so that its power is shown as production."""
    return facts_of(asset).is_producer and not facts_of(asset).is_consumer


def resolution_for(length: timedelta, own: timedelta) -> timedelta:
    """Slots in which a window of that length is shown: the asset's own, or coarser ones that they fill."""
    for longer_than, slot in COARSER:
        if length > longer_than and slot >= own and slot % own == timedelta(0):
            return slot
    return own
