"""Values that are repeated: what every better forecaster must beat, and what is left when it fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.errors import NotEnoughData
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import duration_ms, to_ms
from flexmeasures_algorithms import SensorFacts
from flexmeasures_forecasting import Forecast, Forecaster, ForecastingProblem
from flexmeasures_regression.calendars import seasonality
from flexmeasures_regression.error_quantiles import Spread
from flexmeasures_regression.features import DAY, WEEK, Ints, event_slots, lead_slots, newest_known, take
from flexmeasures_regression.fitted_model import hours_of_day, independent_errors

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

PATIENCE = timedelta(days=7)
TRIED = 8 * WEEK
SEASONS = 4  # that are looked back on where values are unknown


class Naive(Forecaster):
    """Persistence: an event gets the value of the slot that ends exactly the horizon before the event's end.

    Where that slot is unknown, the newest known one before it counts, if it is at most PATIENCE older.
    Contract 17.3.
    """

    name = "naive"
    version = "1"
    fallback = None

    @classmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        """Every sensor."""
        return True

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        """One forecast a horizon; NotEnoughData when no event of any horizon has a value to repeat."""
        forecasts = [self._forecast(problem, horizon) for horizon in problem.targets]
        if not any(np.isfinite(forecast.series.values).any() for forecast in forecasts):
            raise NotEnoughData(
                f"Sensor {problem.sensor.name!r} has no known value in the {PATIENCE.days} days up to the newest"
                f" slot that may be used (known until {problem.known_until.isoformat()}), so there is nothing to"
                " repeat. Send recent values of this sensor."
            )
        return forecasts

    def _forecast(self, problem: ForecastingProblem, horizon: timedelta) -> Forecast:
        start, _ = problem.targets[horizon]
        resolution = problem.history.resolution
        allowed = event_slots(problem, horizon) - lead_slots(horizon, resolution)
        values = _persist(problem.history.values, allowed, max(1, PATIENCE // resolution))
        return Forecast(horizon=horizon, series=TimeSeries(start, resolution, values))


class SeasonalNaive(Forecaster):
    """An event gets the value of the same time a week before (a day, where weeks do not matter), or as many as needed.

    The newest that the event may know counts; where it is unknown, those of the SEASONS before it. Quantiles come from
    what such errors were in the eight weeks before.
    """

    name = "seasonal-naive"
    version = "1"
    fallback = "naive"
    by_itself = False

    @classmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        """Sensors with slots of which a day is made."""
        return timedelta(0) < sensor.resolution <= DAY and not DAY % sensor.resolution

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        """One forecast a horizon; NotEnoughData when no event of any horizon has a value to repeat."""
        season = WEEK if "weekly" in seasonality(problem.sensor) else DAY
        forecasts = [self._forecast(problem, horizon, season) for horizon in problem.targets]
        if not any(np.isfinite(forecast.series.values).any() for forecast in forecasts):
            raise NotEnoughData(
                f"Sensor {problem.sensor.name!r} has no known value at the same time of the {SEASONS}"
                f" {'weeks' if season == WEEK else 'days'} before. Send older values of this sensor."
            )
        return forecasts

    def _forecast(self, problem: ForecastingProblem, horizon: timedelta, season: timedelta) -> Forecast:
        start, _ = problem.targets[horizon]
        past, resolution = problem.history.values, problem.history.resolution
        length, lead = season // resolution, lead_slots(horizon, resolution)
        slots = event_slots(problem, horizon)
        values = _repeat(past, slots, lead, length)
        quantiles = {}
        if len(slots):
            newest = int(slots[0]) - lead + 1  # what the first event knows ends before this slot
            tried = np.arange(
                max(0, newest - TRIED // resolution), min(max(newest, 0), len(past)), dtype=np.int64
            )
            errors = past[tried] - _repeat(past, tried, lead, length)
            known = np.isfinite(errors)
            starts, of_events = (
                to_ms(problem.history.start) + each * duration_ms(resolution)
                for each in (tried[known], slots)
            )
            spread = Spread.of(errors[known], hours_of_day(starts), independent_errors(starts, horizon))
            if spread is not None:
                hours = hours_of_day(of_events)
                quantiles = {each: values + spread.at(each, hours) for each in problem.quantiles}
        return Forecast(horizon=horizon, series=TimeSeries(start, resolution, values), quantiles=quantiles)


def _repeat(past: Floats, slots: Ints, lead: int, length: int) -> Floats:
    """The newest known value a whole number of seasons of `length` slots before each slot, and `lead` at least."""
    values = np.full(len(slots), np.nan)
    first = -(-lead // length)
    for back in range(first, first + SEASONS):
        values = np.where(np.isnan(values), take(past, slots - back * length), values)
    return values


def _persist(values: Floats, slots: np.ndarray[tuple[int], np.dtype[np.int64]], patience: int) -> Floats:
    """The newest known value at or before each slot, NaN when it is more than `patience` slots older."""
    answer = np.full(len(slots), np.nan)
    if len(values) == 0:
        return answer
    newest = newest_known(values)[np.clip(slots, 0, len(values) - 1)]
    found = (slots >= 0) & (newest >= 0) & (slots - newest <= patience)
    answer[found] = values[newest[found]]
    return answer
