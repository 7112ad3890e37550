"""Problems of a daily load, as the kernel would hand them over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import HealthCheck, settings

from flexmeasures.timeseries import TimeSeries
from flexmeasures_forecasting import Regressor

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def with_history(problem, values):
    return replace(problem, history=replace(problem.history, values=np.asarray(values, dtype=float)))


def values_of(forecasts):
    return {forecast.horizon: forecast.series.values for forecast in forecasts}


def regressor(values, hours, kind="temperature"):
    series = TimeSeries(datetime(2026, 1, 5, tzinfo=UTC), HOUR, np.asarray(values, dtype=float))
    return Regressor(type=kind, history=series, forecasts={hours * HOUR: series})
