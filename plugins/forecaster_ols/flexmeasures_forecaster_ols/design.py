"""Which columns describe the events of one sensor and horizon, and what its values may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

import numpy as np

from flexmeasures.algorithms import ForecastingProblem, Regressor, SensorFacts
from flexmeasures_forecaster_ols import features
from flexmeasures_forecaster_ols.features import DAY, DAY_MS, WEEK, Floats, Ints, Past
from flexmeasures_forecaster_ols.ols import Bools, Rows, varying

NIGHT_TYPES = ("solar", "radiation")
MARGIN = 0.2


@dataclass(frozen=True)
class Events:
    """Events of one horizon that share the UTC day up to which they know the history, and known weather.

    slots: of the events, ascending. weather: types of the regressors that are known for all of them.
    """

    problem: ForecastingProblem
    past: Past
    horizon: timedelta
    slots: Ints
    weather: tuple[str, ...] = ()

    @property
    def sensor(self) -> SensorFacts:
        """The sensor to forecast."""
        return self.problem.sensor

    @property
    def lead(self) -> int:
        """Slots from an event back to the newest one that it may know."""
        return features.lead_slots(self.horizon, self.past.resolution)

    @property
    def end(self) -> int:
        """The first slot that the first event may not know: models learn from the slots before it."""
        return min(int(self.slots[0]) - self.lead + 1, len(self.past.raw))

    @property
    def limit(self) -> datetime:
        """The horizon before the end of the first event."""
        return self.past.start + (int(self.slots[0]) - self.lead + 1) * self.past.resolution

    @property
    def regressors(self) -> list[Regressor]:
        """The regressors in `weather`."""
        return [regressor for regressor in self.problem.regressors if regressor.type in self.weather]

    def groups(self) -> list[Self]:
        """Apart by day of knowledge and by what is known of the weather."""
        usable = [regressor for regressor in self.problem.regressors if self.horizon in regressor.forecasts]
        signatures = self.past.starts_ms(self.slots - self.lead + 1) // DAY_MS << len(usable)
        for bit, regressor in enumerate(usable):
            signatures |= self.knows(regressor, self.slots).astype(np.int64) << bit
        return [
            type(self)(
                self.problem,
                self.past,
                self.horizon,
                self.slots[signatures == signature],
                tuple(r.type for bit, r in enumerate(usable) if signature >> bit & 1),
            )
            for signature in np.unique(signatures)
        ]

    def knows(self, regressor: Regressor, slots: Ints) -> Bools:
        """Whether a regressor is known at each slot and at the newest one that an event there may know."""
        series, start = regressor.forecasts[self.horizon], self.past.start
        before = slots - self.lead
        return np.isfinite(features.at(series, start, slots)) & np.isfinite(
            features.at(series, start, before)
        )

    def without_sparse_weather(self, targets: Ints) -> Self:
        """Leave out the weather that is unknown at half of the slots to learn from, or more."""
        enough = tuple(r.type for r in self.regressors if 2 * self.knows(r, targets).sum() > len(targets))
        return replace(self, weather=enough)


@dataclass(frozen=True)
class Design:
    """The columns of a model.

    lags, spans: in slots, of lagged values and of the means over the newest ones. hours: columns for the
    hour of the day (and type of day). bends: for each type of weather, where its curve may bend.
    """

    lags: tuple[int, ...]
    spans: tuple[int, ...]
    hours: int
    bends: dict[str, Floats]

    @classmethod
    def of(cls, events: Events, targets: Ints) -> Design:
        """The columns that a history can feed whose known values are `targets`: lags up to half of it."""
        sensor, resolution = events.sensor, events.past.resolution
        span = events.end - int(targets[0])
        daily = resolution <= DAY and "daily" in sensor.seasonality
        bends = {
            regressor.type: features.knots(
                features.at(regressor.forecasts[events.horizon], events.past.start, targets)
            )
            for regressor in events.regressors
        }
        return cls(
            lags=tuple(features.lags(events.horizon, resolution, sensor.seasonality, span // 2)),
            spans=tuple(length // resolution for length in (DAY, WEEK) if length // resolution > 1),
            hours=(72 if "weekly" in sensor.seasonality else 24) if daily else 0,
            bends=bends,
        )

    def rows(self, events: Events, slots: Ints) -> Rows:
        """One row a slot: lags, means | hours, weather; NaN where something is not known."""
        past, lead = events.past, events.lead
        levels = (past.lagged(slots, self.lags), past.means(slots, lead, self.spans))
        others = [np.empty((len(slots), 0))]
        if self.hours:
            starts = past.starts_ms(slots)
            others.append(features.calendar(starts, events.sensor.timezone, weekly=self.hours == 72))
        for regressor in events.regressors:
            if regressor.type in self.bends:
                for when in (slots, slots - lead):
                    values = features.at(regressor.forecasts[events.horizon], past.start, when)
                    others.append(features.hinges(values, self.bends[regressor.type]))
        return Rows(np.concatenate(levels, axis=1), np.concatenate(others, axis=1))

    def columns(self, rows: Rows) -> dict[str, Bools]:
        """The sets of columns to choose from: all that vary, or few (without hours and means)."""
        every = varying(rows.matrix(None))
        few = every.copy()
        few[len(self.lags) : len(self.lags) + len(self.spans) + self.hours] = False
        return {"all": every, "few": few}


@dataclass(frozen=True)
class Bounds:
    """What a sensor's values may be: a range, and the slots of the UTC day at which they are 0."""

    lowest: float
    highest: float
    night: Bools

    @classmethod
    def of(cls, sensor: SensorFacts, known: Floats, night: Bools) -> Bounds:
        """The range that was seen and a margin; consumption only or production only where the type says so."""
        lowest, highest = float(known.min()), float(known.max())
        margin = MARGIN * (highest - lowest)
        lowest, highest = lowest - margin, highest + margin
        if sensor.is_consumer and not sensor.is_producer:
            lowest, highest = max(lowest, 0.0), max(highest, 0.0)
        if sensor.is_producer and not sensor.is_consumer:
            lowest, highest = min(lowest, 0.0), min(highest, 0.0)
        return cls(lowest, highest, night)

    def __call__(self, values: Floats, past: Past, slots: Ints) -> Floats:
        """The values, within bounds; unknown ones stay unknown."""
        bounded = np.clip(values, self.lowest, self.highest)
        return np.where(dark(self.night, past, slots) & np.isfinite(bounded), 0.0, bounded)


def night(events: Events) -> Bools:
    """For sun-driven sensors, the slots of the UTC day at which all known values of 30 days were 0."""
    day, rest = divmod(DAY, events.past.resolution)
    if events.sensor.type not in NIGHT_TYPES or rest or day < 2:
        return np.zeros(0, dtype=bool)
    slots = np.arange(max(0, events.end - 30 * day), events.end)
    values = events.past.raw[slots]
    of_day = events.past.slots_of_day(slots)
    known = np.bincount(of_day[np.isfinite(values)], minlength=day)
    light = np.bincount(of_day[np.nan_to_num(values) != 0], minlength=day)
    found: Bools = (known >= 7) & (light == 0)
    return found


def dark(night: Bools, past: Past, slots: Ints) -> Bools:
    """Whether each slot is at night; never for a sensor without nights."""
    return night[past.slots_of_day(slots)] if night.any() else np.zeros(len(slots), dtype=bool)
