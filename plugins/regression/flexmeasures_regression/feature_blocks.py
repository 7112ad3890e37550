"""Groups of columns that may explain an event. Each gives its columns for slots, from what was known then.

A column is of one of three sorts: PLAIN ones are taken as they are; LEVELS are in the unit of the values and
of their sign; POSITIVE ones grow with the values' size, such as radiation. A transformation of the values
is applied to LEVELS and POSITIVE columns too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np

from flexmeasures.timing import duration_ms
from flexmeasures_regression import features
from flexmeasures_regression.calendars import Calendar
from flexmeasures_regression.event_data import EventData
from flexmeasures_regression.features import DAY, Floats, Ints
from flexmeasures_regression.solar_geometry import YEAR_DAYS, Sun, split, sun

PLAIN, LEVEL, POSITIVE = "plain", "level", "positive"
Columns = tuple[str, Floats]

DIM = 40.0  # W/m2: below it, a ratio to the radiation tells nothing


class Block(Protocol):
    """A group of columns; equal ones of several horizons are the same columns."""

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        """Columns of one sort each, shape (slots, columns); NaN where something is not known."""


@dataclass(frozen=True)
class Mean:
    """The mean over the newest `span` slots that an event may know."""

    lead: int
    span: int

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        return [(LEVEL, features.shifted(scene.past.means(self.span), slots, (self.lead,)).T)]


@dataclass(frozen=True)
class Hours:
    """The hour of the local day by type of day: one column each that is 1 or 0."""

    calendar: Calendar

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        return [(PLAIN, self.calendar.columns(scene.past.starts_ms(slots)))]


@dataclass(frozen=True)
class Year:
    """The season: a wave of a year, as two columns."""

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        angle = 2 * np.pi / (YEAR_DAYS * features.DAY_MS) * scene.past.starts_ms(slots)
        return [(PLAIN, np.stack((np.cos(angle), np.sin(angle)), axis=1))]


@dataclass(frozen=True)
class Weather:
    """A curve over the weather `shift` slots before the events, which may bend at `bends`."""

    type: str
    horizon: timedelta
    shift: int
    bends: tuple[float, ...]

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        values = features.take(scene.weather(self.type, self.horizon), slots - self.shift)
        return [(PLAIN, features.hinges(values, np.array(self.bends)))]


@dataclass(frozen=True)
class WeatherMeans:
    """Means of the weather over the newest slots up to the event: forecasts miss the moment, not the amount."""

    type: str
    horizon: timedelta
    spans: tuple[int, ...]

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        values = scene.weather(self.type, self.horizon)
        return [(PLAIN, features.running_means(values, slots + 1, self.spans))]


@dataclass(frozen=True)
class Before:
    """An outside series some slots before the events, as it is."""

    type: str
    horizon: timedelta
    shifts: tuple[int, ...]

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        values = scene.weather(self.type, self.horizon)
        return [(PLAIN, features.shifted(values, slots, self.shifts).T)]


@dataclass(frozen=True)
class Sky:
    """Radiation at the slots from `first`, in W/m2: as forecast for a horizon, or of a clear sky (None)."""

    horizon: timedelta | None

    def over(self, scene: EventData, slots: Ints) -> tuple[Sun, Floats]:
        """The sun over slots, and the radiation."""
        past, sensor = scene.past, scene.sensor
        place = (sensor.latitude or 0.0, sensor.longitude or 0.0)  # only sensors with a place have a Sky
        over = sun(past.starts_ms(slots), duration_ms(past.resolution), *place)
        if self.horizon is None:
            return over, over.clear
        return over, features.take(scene.weather("radiation", self.horizon), slots)


@dataclass(frozen=True)
class Sunlight:
    """Beam on tilted planes, diffuse light, and radiation by hour of the day, for shadows that return daily.

    hours: of the UTC day that have light. bends: of the curve over clearness.
    """

    sky: Sky
    hours: tuple[int, ...]
    bends: tuple[float, ...] = (0.2, 0.4, 0.6, 0.75)

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        over, radiation = self.sky.over(scene, slots)
        beam, diffuse, clearness = split(radiation, over)
        clear, height = over.clear, over.height
        seasons = np.cos(over.year), np.sin(over.year)
        light = [radiation, diffuse, clear, *(beam[:, None] * over.facing).T]
        plain = [height, height**2, *(clear * season for season in seasons)]
        hour = scene.past.starts_ms(slots) % features.DAY_MS // features.HOUR_MS
        of_hour = hour[:, None] == np.array(self.hours)
        light += list((of_hour * radiation[:, None]).T)
        if self.sky.horizon is not None:
            light += list((of_hour * diffuse[:, None]).T)
            plain += [radiation * season for season in seasons]
            plain += list((features.hinges(clearness, np.array(self.bends)) * clear[:, None]).T)
        return [(POSITIVE, np.stack(light, axis=1)), (PLAIN, np.stack(plain, axis=1))]


@dataclass(frozen=True)
class Yield:
    """What the panel made lately of the radiation it got, times the radiation to come.

    Of the newest hours, day and week that an event may know, and of the same time on former days.
    """

    sky: Sky
    lead: int

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        past = scene.past
        day, hours = DAY // past.resolution, max(1, 3 * features.HOUR // past.resolution)
        first = -(-self.lead // day)
        since = max(0, int(slots[0]) - max(self.lead + 7 * day, (first + 7) * day))
        known = np.arange(since, int(slots[-1]) + 1)
        _, radiation = self.sky.over(scene, known)
        values = features.take(past.filled, known)
        at = slots - since
        lit = np.where(np.isnan(values), 0.0, np.nan_to_num(radiation))

        def ratio(span: int) -> tuple[Floats, Floats]:
            made, got = (
                features.running_sums(each, at - self.lead + 1, span) for each in (np.nan_to_num(values), lit)
            )
            return made / np.maximum(got, DIM * span / 10), got

        (recent, seen), (daily, _), (weekly, _) = (ratio(span) for span in (hours, day, 7 * day))
        recent = np.where(seen > DIM * hours, recent, daily)
        single = np.where(radiation > DIM, values / np.maximum(radiation, DIM), np.nan)
        same = features.take(single, at[:, None] - day * (first + np.arange(7)))
        same = np.where(np.isfinite(same), same, weekly[:, None])
        most = 3.0 * np.abs(weekly)[:, None]
        rows = [*same.T[:3], same.mean(axis=1), np.median(same, axis=1)]
        rows += [same[np.arange(len(same)), np.abs(same).argmax(axis=1)], recent, daily, weekly]
        ratios = np.clip(np.stack(rows, axis=1), -most, most)
        return [(LEVEL, ratios * radiation[at][:, None])]
