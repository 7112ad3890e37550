"""A forecaster, and those that stand in for it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from flexmeasures.errors import AlgorithmError, FlexMeasuresError
from flexmeasures.timing import iso_duration
from flexmeasures_algorithms import registry_of
from flexmeasures_forecasting.base import Forecast, Forecaster, ForecastingProblem

if TYPE_CHECKING:
    pass


log = logging.getLogger(__name__)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Answer:
    """Forecasts, who made them, and why the better ones did not, in words."""

    forecasts: list[Forecast]
    algorithm: type[Forecaster]
    failures: tuple[str, ...] = ()


class FallbackChain:
    """A forecaster and those that stand in for it: each is asked when the one before it raises."""

    def __init__(self, first: type[Forecaster]) -> None:
        self._forecasters: list[Forecaster] = []
        names: set[str] = set()
        following: type[Forecaster] | None = first
        while following is not None and following.name not in names:
            names.add(following.name)
            self._forecasters.append(following())
            fallback = following.fallback
            following = registry_of("forecaster").get(fallback) if fallback else None

    def answer(self, problem: ForecastingProblem) -> Answer:
        """The first answer; AlgorithmError, telling what each of them said, when all raise."""
        failures: list[str] = []
        for forecaster in self._forecasters:
            try:
                forecasts = _checked(forecaster, problem)
            except FlexMeasuresError as error:
                failures.append(f"{forecaster.name} failed ({type(error).__name__}: {error})")
            except Exception as error:
                log.exception("Forecaster %s failed for sensor %s.", forecaster.name, problem.sensor.id)
                failures.append(f"{forecaster.name} failed ({type(error).__name__}: {error})")
            else:
                return Answer(forecasts, type(forecaster), tuple(failures))
        raise AlgorithmError("; ".join(failures))


def _checked(forecaster: Forecaster, problem: ForecastingProblem) -> list[Forecast]:
    """The forecaster's answer, if it is one to what was asked."""
    forecasts = forecaster.forecast(problem)
    for forecast in forecasts:
        if any(len(values) != len(forecast.series) for values in forecast.quantiles.values()):
            raise AlgorithmError("its quantiles are not as many as its forecasts")
        asked = problem.targets.get(forecast.horizon)
        series = forecast.series
        given = (series.start, len(series))
        if asked != given or series.resolution != problem.sensor.resolution:
            raise AlgorithmError(
                f"its answer for the horizon {iso_duration(forecast.horizon)} has"
                f" {given[1]} values of {series.resolution} from {given[0]}, but asked was"
                + (
                    " nothing"
                    if asked is None
                    else f" for {asked[1]} of {problem.sensor.resolution} from {asked[0]}"
                )
            )
    return forecasts
