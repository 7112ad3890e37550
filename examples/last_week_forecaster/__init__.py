"""A forecaster of one page: what was a week ago comes again.

Try it: FLEXMEASURES_PLUGIN_PATHS=examples/last_week_forecaster flexmeasures show forecasters
"""

from datetime import timedelta

from flexmeasures import Forecaster, hookimpl
from flexmeasures_forecasting import Forecast
from flexmeasures.errors import NotEnoughData
from flexmeasures.timeseries import TimeSeries

WEEK = timedelta(weeks=1)


class LastWeek(Forecaster):
    """Gives each event the value of one week before, or of as many weeks as the horizon needs."""

    name = "last-week"
    version = "1"
    fallback = "naive"

    @classmethod
    def accepts(cls, sensor):
        return True

    def forecast(self, problem):
        import numpy as np

        forecasts = [self._forecast(problem, horizon) for horizon in problem.targets]
        if not any(np.isfinite(forecast.series.values).any() for forecast in forecasts):
            raise NotEnoughData(f"{problem.sensor.name!r} has no values of the week before.")
        return forecasts

    def _forecast(self, problem, horizon):
        import numpy as np

        start, count = problem.targets[horizon]
        history, resolution = problem.history, problem.history.resolution
        back = -(-horizon // WEEK) * WEEK  # so long that the outcome is known at the horizon
        slots = (start - back - history.start) // resolution + np.arange(count)
        values = np.full(count, np.nan)
        inside = (slots >= 0) & (slots < len(history))
        values[inside] = history.values[slots[inside]]
        return Forecast(horizon=horizon, series=TimeSeries(start, resolution, values))


@hookimpl
def register_forecasters():
    return [LastWeek]
