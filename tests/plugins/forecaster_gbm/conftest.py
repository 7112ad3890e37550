"""Problems to forecast, made of plain arrays: a turbine whose blades ice up in the cold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures.timeseries import TimeSeries
from flexmeasures_algorithms import SensorFacts
from flexmeasures_forecaster_gbm import forecaster, trees
from flexmeasures_forecasting import ForecastingProblem, Regressor

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
DAYS = 140
AHEAD = 48

Floats = np.ndarray[Any, Any]


ENOUGH = trees.TREES


@pytest.fixture(autouse=True)
def _nothing_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test profits from what another one learnt; few trees do where it is not about how good they are."""
    monkeypatch.setattr(forecaster, "_forests", forecaster.OrderedDict())
    monkeypatch.setattr(trees, "TREES", 10)


@pytest.fixture
def all_trees(_nothing_learnt: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many trees as users get."""
    monkeypatch.setattr(trees, "TREES", ENOUGH)


@pytest.fixture
def turbine() -> tuple[Floats, dict[str, Floats]]:
    """Values in MW of DAYS (production negative) and the weather until AHEAD hours later.

    The power curve has a knee, a ceiling and a storm stop; below 0 °C it gives a third.
    """
    random = np.random.default_rng(1)
    hours = DAYS * 24 + AHEAD
    wind = np.abs(12 + 8 * np.sin(np.arange(hours) / 17) + 3 * random.standard_normal(hours))
    temperature = 4 * np.sin(np.arange(hours) / 29) + random.standard_normal(hours)
    curve = np.clip((wind - 3) / 9, 0, 1) ** 3 * (wind < 20)
    values = -curve * np.where(temperature < 0, 1 / 3, 1.0) + 0.01 * random.standard_normal(hours)
    return np.minimum(values, 0.0)[: DAYS * 24], {"wind_speed": wind, "temperature": temperature}


@pytest.fixture
def problem_of() -> Callable[..., ForecastingProblem]:
    """Make a problem: values from START on, weather as known always; asks, by hours ahead, for `count` events.

    The last of these events may know the whole history.
    """

    def make(
        values: Any,
        weather: dict[str, Floats] | None = None,
        hours: tuple[int, ...] = (24,),
        count: int = 1,
        **changes: Any,
    ) -> ForecastingProblem:
        facts: dict[str, Any] = {
            "id": 1,
            "name": "turbine",
            "kind": "asset",
            "type": "wind",
            "unit": "MW",
            "resolution": HOUR,
            "is_producer": True,
            "seasonality": frozenset({"daily", "yearly"}),
        }
        history = TimeSeries(START, HOUR, np.asarray(values, dtype=float))
        nothing = TimeSeries(history.end, HOUR, np.empty(0))
        return ForecastingProblem(
            sensor=SensorFacts(**(facts | changes)),
            known_until=history.end,
            history=history,
            targets={h * HOUR: (history.end + (h - count) * HOUR, count) for h in hours},
            regressors=tuple(
                Regressor(
                    type=kind,
                    history=nothing,
                    forecasts={h * HOUR: TimeSeries(START, HOUR, series) for h in hours},
                )
                for kind, series in (weather or {}).items()
            ),
        )

    return make
