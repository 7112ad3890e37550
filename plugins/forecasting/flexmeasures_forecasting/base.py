"""What a forecaster is asked and what it answers: numbers in, numbers out.

The problem holds what was known at a moment. The forecaster is called outside of any transaction. Nothing else may be
read unless through `problem.read`, which is checked and written down.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from flexmeasures.timeseries import TimeSeries

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats
from flexmeasures_algorithms.facts import Reader, SensorFacts


@dataclass(frozen=True, kw_only=True)
class Regressor:
    """Weather (or another outside series) that may explain a sensor.

    type: weather sensor type (radiation is in W/m2, whatever its sensor's unit), or a name of its own. history:
    values as measured, on the problem's resolution, up to known_until. forecasts: newest belief for each slot among
    those recorded at least the horizon before it, by horizon; the slots of a problem's history and of its targets;
    NaN where there is none.
    """

    type: str
    history: TimeSeries
    forecasts: Mapping[timedelta, TimeSeries] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ForecastingProblem:
    """What was known about one sensor at one moment, and what is asked.

    known_until: everything in here was known at that time (UTC), nothing else is. history: outcomes on
    the sensor's resolution, the newest belief a slot, NaN where unknown, last slot ending at or before
    known_until (a market's also later, as far as prices were published by then). targets: by horizon, the
    start of the first event and the number of events that are asked. The forecast of an event for a horizon
    may use only outcomes of slots that end at least the horizon before the event's end (so that several
    events can share one problem). quantiles: probabilities for which quantiles are wished for.
    """

    sensor: SensorFacts
    known_until: datetime
    history: TimeSeries
    targets: Mapping[timedelta, tuple[datetime, int]]
    regressors: tuple[Regressor, ...] = ()
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)
    read: Reader | None = None


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """A forecaster's answer for one horizon: values of events from `start`, NaN where it has none.

    quantiles: by probability, for each event the value below which the outcome stays that often, shape of
    the series, NaN where unknown; {} from a forecaster that does not tell. helps: by type of the regressors that were
    used, which part of the error they took away where it was tried; {} from a forecaster that does not try.
    """

    horizon: timedelta
    series: TimeSeries
    quantiles: Mapping[float, Floats] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    helps: Mapping[str, float] = field(default_factory=dict)


class Forecaster(ABC):
    """Forecasts one sensor. Subclasses are registered by the hook register_forecasters.

    One object serves all problems of a run in order of time, so it may keep what it fitted.
    fallback: name of the forecaster to use when this one raises, None for none. by_itself: whether sensors that it
    accepts get it without a wish for it.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    fallback: ClassVar[str | None] = None
    by_itself: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        """Whether this forecaster can forecast that sensor."""

    @classmethod  # noqa: B027 (most forecasters have nothing to do here)
    def warm(cls) -> None:
        """Called once before workers start: import what is heavy, so that the first job need not."""

    @abstractmethod
    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        """Answer every horizon of the problem. Raises AlgorithmError, NotEnoughData above all."""
