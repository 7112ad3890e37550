"""What was known for the events of a problem: history, weather with gaps bridged, and days of knowledge."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Self

import numpy as np

from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import floor_time
from flexmeasures_algorithms import SensorFacts
from flexmeasures_forecasting import ForecastingProblem
from flexmeasures_regression import features
from flexmeasures_regression.features import CARRY, DAY, DAY_MS, Floats, Ints, Past
from flexmeasures_regression.ols import Bools

# Wind of the newest hour that was forecast tells of the hours after it; clouds and temperatures follow the day.
CARRY_WIND = timedelta(hours=12)


@dataclass(frozen=True)
class EventData:
    """A problem, the part of its past that is looked at, and the weather then and later, by type and horizon.

    Slots count from the start of that part; weather reaches until slot `length`.
    """

    problem: ForecastingProblem
    past: Past
    length: int
    _weather: dict[tuple[str, timedelta], Floats] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, problem: ForecastingProblem, first: int, last: int) -> Self:
        """The slots [first, last) of the problem's history; unknown ones where these are later."""
        history = problem.history
        first = min(max(first, 0), len(history.values))
        start = history.start + first * history.resolution
        known = TimeSeries(start, history.resolution, history.values[first : max(last, first)])
        return cls(problem, Past.of(known, last - first), max(last - first, 0))

    @property
    def sensor(self) -> SensorFacts:
        """The sensor to forecast."""
        return self.problem.sensor

    def types(self, horizon: timedelta) -> tuple[str, ...]:
        """Types of the weather that is there for a horizon."""
        return tuple(each.type for each in self.problem.regressors if horizon in each.forecasts)

    def weather(self, kind: str, horizon: timedelta) -> Floats:
        """Weather as known the horizon before, at all slots; NaN where nothing near was known either.

        A gap is bridged only from the slots before it, which were known earlier.
        """
        key = (kind, horizon)
        if key not in self._weather:
            [series] = [each.forecasts[horizon] for each in self.problem.regressors if each.type == kind]
            values = features.at(series, self.past.start, np.arange(self.length))
            values[~np.isfinite(values)] = np.nan
            if kind == "radiation":
                values = features.fill(values, self.past.resolution)
            elif np.isnan(values).any():
                patience = (CARRY_WIND if kind == "wind_speed" else CARRY) // self.past.resolution
                newest = features.newest_known(values)
                near = (newest >= 0) & (np.arange(len(values)) - newest <= max(1, patience))
                values = np.where(near, values[newest], np.nan)
            self._weather[key] = values
        return self._weather[key]


@dataclass(frozen=True)
class Events:
    """Events of one horizon that share the UTC day up to which they know the history, and known weather.

    slots: of the events, ascending. weather: types of the weather that is known for all of them. late: by how many
    slots the newest value that is known then is older than it could be; models learn with values as old as that.
    """

    scene: EventData
    horizon: timedelta
    slots: Ints
    weather: tuple[str, ...] = ()
    late: int = 0

    @property
    def past(self) -> Past:
        """The history of the sensor."""
        return self.scene.past

    @cached_property
    def lead(self) -> int:
        """Slots from an event back to the newest one that it knows."""
        return features.lead_slots(self.horizon, self.past.resolution) + self.late

    @cached_property
    def limit(self) -> datetime:
        """The end of the newest slot that the first event knows."""
        return self.past.start + (int(self.slots[0]) - self.lead + 1) * self.past.resolution

    @cached_property
    def midnight(self) -> datetime:
        """Start of the UTC day up to which the events know: their models learn from what ended before it."""
        return floor_time(self.limit, DAY)

    def groups(self) -> list[Self]:
        """Apart by how late values come, by day of knowledge and by what is known of the weather."""
        lates = features.late_slots(self.past, self.slots - self.lead)
        return [
            group
            for late in np.unique(lates)
            for group in replace(self, slots=self.slots[lates == late], late=int(late))._groups()
        ]

    def _groups(self) -> list[Self]:
        usable = self.scene.types(self.horizon)
        signatures = self.past.starts_ms(self.slots - self.lead + 1) // DAY_MS << len(usable)
        for bit, kind in enumerate(usable):
            signatures |= self.knows(kind, self.slots).astype(np.int64) << bit
        return [
            replace(
                self,
                slots=self.slots[signatures == signature],
                weather=tuple(kind for bit, kind in enumerate(usable) if signature >> bit & 1),
            )
            for signature in np.unique(signatures)
        ]

    def knows(self, kind: str, slots: Ints) -> Bools:
        """Whether a type of weather is known at each slot and at the newest one that an event there may know."""
        values, before = self.scene.weather(kind, self.horizon), slots - self.lead
        known: Bools = np.isfinite(values[slots]) & (before >= 0)
        return known & np.isfinite(values[np.maximum(before, 0)])
