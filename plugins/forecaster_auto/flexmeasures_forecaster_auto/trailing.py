"""What the installed forecasters would have forecast in past weeks, each event as known its horizon before its end."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import duration_ms, to_ms
from flexmeasures_forecasting import Forecaster, ForecastingProblem

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEEK_MS = duration_ms(timedelta(weeks=1))
LOOKS_BACK = 10  # weeks of history by which it is noticed that a past week has to be forecast again
KEPT = 20_000  # weeks of a forecaster, sensor and horizon that a process keeps, of hours some 30 MB

_kept: OrderedDict[bytes, Floats] = OrderedDict()


@dataclass(frozen=True)
class Weeks:
    """The slots of a problem's history by week. Weeks count from the epoch, in UTC."""

    problem: ForecastingProblem

    def first(self, week: int) -> int:
        """The first slot that starts in a week; below 0 where that is before the history."""
        start = to_ms(self.problem.history.start)
        return -((start - week * WEEK_MS) // duration_ms(self.problem.history.resolution))

    def slots(self, week: int, weeks: int = 1) -> slice:
        """The slots of so many weeks, as far as they are in the history."""
        first, last = self.first(week), self.first(week + weeks)
        return slice(max(first, 0), max(last, 0))

    def print(self, horizon: timedelta, week: int, weeks: int) -> bytes:
        """What is known of so many weeks and of LOOKS_BACK before them, in short."""
        history = self.problem.history
        known = self.slots(week - LOOKS_BACK, weeks + LOOKS_BACK)
        seen = hashlib.blake2b(
            f"{self.problem.sensor.id} {history.resolution} {horizon} {week} {weeks}".encode()
        )
        seen.update(history.values[known].tobytes())
        start = history.start + self.slots(week).start * history.resolution
        for regressor in self.problem.regressors:
            series = regressor.forecasts.get(horizon)
            if series is not None:
                first = max((start - series.start) // series.resolution, 0)
                seen.update(regressor.type.encode())
                seen.update(
                    series.values[
                        first : first + weeks * (WEEK_MS // duration_ms(series.resolution))
                    ].tobytes()
                )
        return seen.digest()


def trailing(
    problem: ForecastingProblem,
    forecasters: Sequence[Forecaster],
    horizon: timedelta,
    weeks: range,
) -> tuple[Floats, Floats]:
    """What happened in past weeks, shape (n,), and what each forecaster would have said, shape (forecasters, n).

    NaN where a forecaster has no answer; one that fails is told in the log, and has none.
    """
    of = Weeks(problem)
    span = of.slots(weeks.start, len(weeks))
    said = [_said(of, forecaster, horizon, weeks) for forecaster in forecasters]
    return problem.history.values[span], np.array(said)


def _said(of: Weeks, forecaster: Forecaster, horizon: timedelta, weeks: range) -> Floats:
    """By one forecaster; weeks that it was asked for before, with the same history, are not asked again."""
    keys = {week: _key(of, forecaster, horizon, week) for week in weeks}
    missing = [week for week, key in keys.items() if key not in _kept]
    if missing:
        _ask(of, forecaster, range(missing[0], missing[-1] + 1))
    found = [_kept[key] for key in keys.values()]
    for key in keys.values():
        _kept.move_to_end(key)
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return np.concatenate(found)


def _key(of: Weeks, forecaster: Forecaster, horizon: timedelta, week: int) -> bytes:
    kind = type(forecaster)
    return f"{kind.name} {kind.version} {id(kind)} ".encode() + of.print(horizon, week, 1)


def _ask(of: Weeks, forecaster: Forecaster, weeks: range) -> None:
    """Forecast the events of some weeks from what was known by the end of the last one, or less, and keep it.

    All horizons at once, as they are asked for later: what is learnt of them together serves both.
    """
    span = of.slots(weeks.start, len(weeks))
    count = span.stop - span.start
    problem = _until(of.problem, span.stop, (span.start, count))
    values = {horizon: np.full(count, np.nan) for horizon in problem.targets}
    try:
        for answer in forecaster.forecast(problem):
            if len(answer.series.values) == count:
                values[answer.horizon] = answer.series.values
    except Exception as error:
        log.info("%s is not compared for sensor %s: %s", type(forecaster).name, problem.sensor.id, error)
    for horizon, said in values.items():
        for week in weeks:
            part = of.slots(week)
            _kept[_key(of, forecaster, horizon, week)] = said[
                part.start - span.start : part.stop - span.start
            ]


def _until(problem: ForecastingProblem, last: int, events: tuple[int, int]) -> ForecastingProblem:
    """The problem as it was when slot `last` began, with the `events` (first slot, count) to forecast."""
    history = problem.history
    moment = history.start + last * history.resolution
    first, count = events
    regressors = tuple(
        replace(each, history=_before(each.history, (moment - each.history.start) // each.history.resolution))
        for each in problem.regressors
    )
    return replace(
        problem,
        known_until=moment,
        history=_before(history, last),
        targets=dict.fromkeys(problem.targets, (history.start + first * history.resolution, count)),
        regressors=regressors,
        quantiles=(),
        read=None,  # it would tell what is known today
    )


def _before(series: TimeSeries, slots: int) -> TimeSeries:
    return TimeSeries(series.start, series.resolution, series.values[: max(slots, 0)])
