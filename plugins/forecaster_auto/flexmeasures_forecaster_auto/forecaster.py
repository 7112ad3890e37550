"""auto: by sensor and horizon the installed forecaster that was best in the last weeks, or the mean of the two best."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from flexmeasures.errors import NotEnoughData
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import duration_ms, iso_duration, to_ms
from flexmeasures_algorithms import SensorFacts, registry_of
from flexmeasures_forecaster_auto.choice import Choice, choose
from flexmeasures_forecaster_auto.trailing import WEEK_MS, Ints, Weeks, trailing
from flexmeasures_forecasting import Forecast, Forecaster, ForecastingProblem

DEFAULT = "linear-OLS"
TRAILING, FEWEST = 8, 3  # weeks by which is chosen, and at least
DELAY_MS = duration_ms(timedelta(days=1))  # a week's last values may come late
FINEST, COARSEST = timedelta(minutes=15), timedelta(hours=1)

Group = tuple[timedelta, int]  # a horizon, and the week in which the events' knowledge ends


class Auto(Forecaster):
    """Chooses each week among all forecasters that are installed and accept the sensor.

    By their errors in the eight weeks that ended before, each event forecast from what was known its horizon before
    its end; what is chosen stays until something else is clearly better. It needs five weeks of values; with less,
    linear-OLS forecasts.
    """

    name = "auto"
    version = "1"
    fallback = DEFAULT
    by_itself = False

    def __init__(self) -> None:
        self._made: dict[str, Forecaster] = {}
        self._chosen: dict[tuple[Group, bytes], Choice] = {}

    @classmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        """Sensors of quarter-hours to hours, for which trying costs little."""
        return FINEST <= sensor.resolution <= COARSEST

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        """One forecast a horizon, by what was chosen; NotEnoughData where there is too little to choose by."""
        weeks = {horizon: _weeks(problem, horizon) for horizon in problem.targets}
        chosen = {
            (horizon, week): self._choice(problem, horizon, week)
            for horizon, of_events in weeks.items()
            for week in np.unique(of_events).tolist()
        }
        answers = self._answers(problem, chosen)
        return [_mixed(problem, horizon, weeks[horizon], chosen, answers) for horizon in problem.targets]

    def _forecasters(self, sensor: SensorFacts) -> list[Forecaster]:
        """One object of each candidate, the default first."""
        kinds = sorted(_candidates(sensor), key=lambda kind: kind.name != DEFAULT)
        return [self._made.setdefault(kind.name, kind()) for kind in kinds]

    def _choice(self, problem: ForecastingProblem, horizon: timedelta, week: int) -> Choice:
        """What was best before a week; NotEnoughData where that cannot be told."""
        seen = Weeks(problem).print(horizon, week - TRAILING, TRAILING)
        key = ((horizon, week), seen)
        if key not in self._chosen:
            forecasters = self._forecasters(problem.sensor)
            names = [type(each).name for each in forecasters]
            outcomes, said = trailing(problem, forecasters, horizon, range(week - TRAILING, week))
            week_slots = WEEK_MS // duration_ms(problem.history.resolution)
            found = choose(outcomes, said, names, week_slots, FEWEST)
            if found is None:
                raise NotEnoughData(
                    f"forecasters are compared by their forecasts of at least {FEWEST} weeks, and there are not as"
                    f" many values of sensor {problem.sensor.name!r} {iso_duration(horizon)} ahead"
                )
            self._chosen[key] = found
        return self._chosen[key]

    def _answers(
        self, problem: ForecastingProblem, chosen: Mapping[Group, Choice]
    ) -> dict[tuple[int, timedelta], Forecast]:
        """By number of the forecaster and horizon; each that was chosen is asked once, for all horizons."""
        forecasters = self._forecasters(problem.sensor)
        return {
            (number, answer.horizon): answer
            for number in {number for choice in chosen.values() for number in choice.members}
            for answer in forecasters[number].forecast(problem)
        }


def _mixed(
    problem: ForecastingProblem,
    horizon: timedelta,
    weeks: Ints,
    chosen: Mapping[Group, Choice],
    answers: Mapping[tuple[int, timedelta], Forecast],
) -> Forecast:
    """The values and quantiles of one horizon, put together week by week."""
    start, count = problem.targets[horizon]
    helps: dict[str, float] = {}
    values, notes = np.full(count, np.nan), []
    quantiles = {each: values.copy() for each in problem.quantiles}
    for week in np.unique(weeks).tolist():
        choice, here = chosen[horizon, week], weeks == week
        members = [answers[number, horizon] for number in choice.members]
        values[here] = np.mean([each.series.values[here] for each in members], axis=0)
        for probability, below in quantiles.items():
            said = [each.quantiles[probability][here] for each in members if probability in each.quantiles]
            if len(said) == len(members):
                below[here] = np.mean(said, axis=0)
        for each in members:
            helps |= each.helps
        notes += [choice.because, *(note for each in members for note in each.notes)]
    series = TimeSeries(start, problem.history.resolution, values)
    told = tuple(dict.fromkeys(notes))
    return Forecast(horizon=horizon, series=series, quantiles=quantiles, notes=told, helps=helps)


def _candidates(sensor: SensorFacts) -> list[type[Forecaster]]:
    return [each for each in registry_of("forecaster").all() if each is not Auto and each.accepts(sensor)]


def _weeks(problem: ForecastingProblem, horizon: timedelta) -> Ints:
    """The week in which the knowledge of each event ends, less DELAY_MS."""
    start, count = problem.targets[horizon]
    resolution = duration_ms(problem.history.resolution)
    ends = to_ms(start) + (1 + np.arange(count, dtype=np.int64)) * resolution
    known = np.minimum(ends - duration_ms(horizon), to_ms(problem.history.end))
    weeks: Ints = (known - DELAY_MS) // WEEK_MS
    return weeks
