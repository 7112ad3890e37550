"""The last known value: what every better forecaster must beat, and what is left when it fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.algorithms import Forecast, Forecaster, ForecastingProblem, SensorFacts
from flexmeasures.errors import NotEnoughData
from flexmeasures.timeseries import TimeSeries
from flexmeasures_forecaster_ols.features import event_slots, lead_slots, newest_known

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

PATIENCE = timedelta(days=7)


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


def _persist(values: Floats, slots: np.ndarray[tuple[int], np.dtype[np.int64]], patience: int) -> Floats:
    """The newest known value at or before each slot, NaN when it is more than `patience` slots older."""
    answer = np.full(len(slots), np.nan)
    if len(values) == 0:
        return answer
    newest = newest_known(values)[np.clip(slots, 0, len(values) - 1)]
    found = (slots >= 0) & (newest >= 0) & (slots - newest <= patience)
    answer[found] = values[newest[found]]
    return answer
