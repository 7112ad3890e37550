"""Problems to forecast, made of plain arrays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures.timeseries import TimeSeries
from flexmeasures_algorithms import SensorFacts
from flexmeasures_forecasting import ForecastingProblem

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


def sensor_facts(**changes: Any) -> SensorFacts:
    """A building with an hourly meter in Amsterdam, unless changed."""
    facts: dict[str, Any] = {
        "id": 1,
        "name": "meter",
        "kind": "asset",
        "type": "building",
        "unit": "MW",
        "resolution": HOUR,
        "timezone": "Europe/Amsterdam",
        "is_consumer": True,
        "is_producer": True,
        "seasonality": frozenset({"daily", "weekly"}),
    }
    return SensorFacts(**(facts | changes))


@pytest.fixture
def facts() -> Callable[..., SensorFacts]:
    return sensor_facts


@pytest.fixture
def problem_of() -> Callable[..., ForecastingProblem]:
    """Make a problem: values from START on; asks, by hours ahead, for `count` events.

    The first event may know exactly the whole history when count is 1; of several, the last one may.
    """

    def make(
        values: Any, hours: tuple[int, ...] = (1, 6, 24, 48), count: int = 1, **changes: Any
    ) -> ForecastingProblem:
        regressors = changes.pop("regressors", ())
        sensor = sensor_facts(**changes)
        history = TimeSeries(START, sensor.resolution, np.asarray(values, dtype=float))
        targets = {h * HOUR: (history.end + h * HOUR - count * sensor.resolution, count) for h in hours}
        return ForecastingProblem(
            sensor=sensor,
            known_until=history.end,
            history=history,
            targets=targets,
            regressors=tuple(regressors),
        )

    return make


@pytest.fixture
def daily_load() -> Callable[..., np.ndarray[Any, Any]]:
    """Hourly values with a daily shape and noise: (days, seed) -> array."""

    def make(days: int = 40, seed: int = 1, noise: float = 0.1) -> np.ndarray[Any, Any]:
        hours = np.arange(days * 24)
        shape = 1.0 + 0.5 * np.sin(2 * np.pi * hours / 24)
        return shape + noise * np.random.default_rng(seed).standard_normal(len(hours))

    return make
