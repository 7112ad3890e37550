"""What was known about a sensor at a moment, put into problems for forecasters: the room without look-ahead.

Outcomes are what has really happened: measurements (horizon <= 0); of markets every belief counts but our
own forecasts, because prices are published before the fact (contract 17.7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from flask import current_app

from flexmeasures import beliefs, sources
from flexmeasures.beliefs import check_probability
from flexmeasures.timeseries import TimeSeries, downsample, upsample
from flexmeasures.timing import duration_ms, from_ms, iso_duration, iso_time, to_ms
from flexmeasures_algorithms import facts_of, fingerprint, reader_for
from flexmeasures_forecasting.base import ForecastingProblem, Regressor
from flexmeasures_forecasting.regressors import Explaining, regressors_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures.models.sensors import Sensor
    from flexmeasures.timeseries import Floats

    Integers = NDArray[np.int64]

# How measurements count as known over the past: when the event ended, or when they were recorded.
Knowledge = Literal["event-end", "recorded"]

HISTORY = timedelta(weeks=74)  # a year to learn from as of eight weeks ago, and what that looks back on

Targets = Mapping[timedelta, tuple[datetime, int]]


def wished_quantiles() -> tuple[float, ...]:
    """The setting FLEXMEASURES_FORECAST_QUANTILES, in order; InputError for what is no probability."""
    wished = current_app.config["FLEXMEASURES_FORECAST_QUANTILES"]
    return tuple(sorted(check_probability(float(each)) for each in wished))


def outcome_filters(sensor: Sensor) -> dict[str, Any]:
    """The conditions for `beliefs.search` under which beliefs about this sensor are outcomes."""
    if sensor.kind != "market":
        return {"horizon_at_most": timedelta(0)}
    return {"sources": sources.other_than_forecasters()}


def outcomes(sensor: Sensor, start: datetime, end: datetime, prior: datetime | None = None) -> TimeSeries:
    """What really happened, the newest belief a slot; prior: as recorded until then."""
    return beliefs.search_one(sensor, start, end, prior=prior, **outcome_filters(sensor))


def cut(series: TimeSeries, start: datetime, end: datetime) -> TimeSeries:
    """The slots of a series that lie in the window [start, end), as a view."""
    first = max(0, -((series.start - start) // series.resolution))
    last = max(first, min(len(series), (end - series.start) // series.resolution))
    return TimeSeries(series.start + first * series.resolution, series.resolution, series.values[first:last])


def regrid(series: TimeSeries, resolution: timedelta) -> TimeSeries:
    """Repeated on a finer grid, averaged on a coarser one."""
    if resolution == series.resolution:
        return series
    if resolution > series.resolution:
        return downsample(series, resolution, "UTC")
    starts = series.starts_ms
    ends = starts + duration_ms(series.resolution)
    return upsample(starts, ends, series.values, series.start, series.end, resolution)


class AsOfHistory:
    """The outcomes of one sensor as they become known; time only goes forwards.

    grid: the slots; slots, known_at, values: shape (n,), what became known about which slot and when
    (milliseconds since the epoch, ascending).
    """

    def __init__(self, grid: TimeSeries, slots: Integers, known_at: Integers, values: Floats) -> None:
        import numpy as np

        self._news = (slots, known_at, values)
        self._seen = 0
        self._state = TimeSeries(grid.start, grid.resolution, np.full(len(grid), np.nan))
        self.start = grid.start
        known = np.flatnonzero(np.isfinite(values))
        self.first_known = from_ms(int(known_at[known[0]])) if len(known) else None

    @classmethod
    def of(cls, sensor: Sensor, start: datetime, end: datetime, knowledge: Knowledge) -> AsOfHistory:
        """Read everything about a window: one query, or two where recording times count."""
        import numpy as np

        grid = outcomes(sensor, start, end)
        step = duration_ms(grid.resolution)
        if knowledge == "event-end":
            return cls(grid, np.arange(len(grid)), grid.starts_ms + step, grid.values)
        said = beliefs.every_belief(sensor, start, end, **outcome_filters(sensor))
        slots = (said.starts - to_ms(grid.start) + step // 2) // step
        inside = (slots >= 0) & (slots < len(grid))
        return cls(grid, slots[inside], said.recorded[inside], said.values[inside])

    def until(self, moment: datetime, span: timedelta) -> TimeSeries:
        """What is known at `moment` of the slots that end by then, at most `span` back; a copy."""
        slots, known_at, values = self._news
        seen = int(known_at.searchsorted(to_ms(moment), side="right"))
        # Of several news about one slot the last in the arrays stays, which is the newest.
        self._state.values[slots[self._seen : seen]] = values[self._seen : seen]
        self._seen = max(seen, self._seen)
        known = cut(self._state, moment - span, moment)
        return TimeSeries(known.start, known.resolution, known.values.copy())


def _forecasts(
    other: Explaining, start: datetime, targets: Targets, resolution: timedelta, prior: datetime | None = None
) -> dict[timedelta, TimeSeries]:
    """By horizon: the newest belief among those recorded at least the horizon before the event's end."""
    found = {
        horizon: beliefs.search_one(
            other.sensor,
            start,
            first + count * resolution,
            horizon_at_least=horizon,
            prior=prior,
            resolution=resolution,
        )
        for horizon, (first, count) in targets.items()
    }
    return {horizon: other.reckoned(series) for horizon, series in found.items()}


def _reference(sensor: Sensor, series: TimeSeries, known_until: datetime) -> dict[str, Any]:
    """A series by reference, for a job's inputs: enough to see later whether it has changed."""
    window = {"sensor": sensor.id, "start": iso_time(series.start), "end": iso_time(series.end)}
    return window | {"prior": iso_time(known_until)} | fingerprint(series)


def present_problem(
    sensor: Sensor, targets: Targets, known_until: datetime
) -> tuple[ForecastingProblem, list[dict[str, Any]]]:
    """All that was recorded about a sensor until a time, and the references of it for the job's inputs."""
    resolution = sensor.event_resolution
    # No event may use outcomes that end later than its horizon before its own end.
    usable = max(first + count * resolution - horizon for horizon, (first, count) in targets.items())
    first_target = min(first for first, _ in targets.values())
    start = min(usable, first_target) - HISTORY
    history = outcomes(sensor, start, usable, prior=known_until)
    inputs = [_reference(sensor, history, known_until)]
    regressors = []
    for other in regressors_of(sensor):
        seen = regrid(outcomes(other.sensor, start, usable, prior=known_until), resolution)
        past = cut(other.reckoned(seen), start, usable)
        inputs.append(_reference(other.sensor, past, known_until))
        forecasts = _forecasts(other, start, targets, resolution, prior=known_until)
        for horizon, series in forecasts.items():
            known = {"horizon_at_least": iso_duration(horizon)}
            inputs.append(_reference(other.sensor, series, known_until) | known)
        regressors.append(Regressor(type=other.type, history=past, forecasts=forecasts))
    problem = ForecastingProblem(
        sensor=facts_of(sensor),
        known_until=known_until,
        history=history,
        targets=targets,
        regressors=tuple(regressors),
        quantiles=wished_quantiles(),
        read=reader_for(sensor, known_until, inputs),
    )
    return problem, inputs


@dataclass(frozen=True)
class _Unfolding:
    other: Explaining
    history: AsOfHistory
    forecasts: Mapping[timedelta, TimeSeries]

    def at(self, origin: datetime, resolution: timedelta, targets: Targets) -> Regressor:
        """As known at `origin`, for the events that are asked then."""
        history = self.other.reckoned(regrid(self.history.until(origin, HISTORY), resolution))
        forecasts = {
            horizon: cut(self.forecasts[horizon], origin - HISTORY, first + count * resolution)
            for horizon, (first, count) in targets.items()
        }
        return Regressor(
            type=self.other.type, history=cut(history, origin - HISTORY, origin), forecasts=forecasts
        )


def _events(anchor: datetime, resolution: timedelta, start: datetime, end: datetime) -> list[datetime]:
    """Starts of the slots that start in the window, on the grid through `anchor`."""
    first = anchor - ((anchor - start) // resolution) * resolution
    return [first + k * resolution for k in range(max(0, -((first - end) // resolution)))]


def _moments(
    starts: Sequence[datetime], resolution: timedelta, horizons: Sequence[timedelta], now: datetime
) -> dict[datetime, dict[timedelta, tuple[datetime, int]]]:
    """The targets by the moment at which they are to be forecast, in order of time, none after `now`."""
    moments: dict[datetime, dict[timedelta, tuple[datetime, int]]] = {}
    for horizon in sorted(horizons):
        for event in starts:
            if event + resolution - horizon <= now:
                moments.setdefault(event + resolution - horizon, {})[horizon] = (event, 1)
    return dict(sorted(moments.items()))


class PastProblems:
    """The problems of a window of past events: one for each moment at which something was to be forecast.

    Every event of the window is asked once for each horizon, at the moment `known_until` = its end minus
    the horizon. Moments after `now` are left out: nothing is known there yet.
    """

    def __init__(
        self,
        sensor: Sensor,
        start: datetime,
        end: datetime,
        horizons: Sequence[timedelta],
        knowledge: Knowledge,
        now: datetime,
    ) -> None:
        self._sensor = sensor
        self._knowledge = knowledge
        self._facts = facts_of(sensor)
        self._quantiles = wished_quantiles()
        resolution = sensor.event_resolution
        first, last = start - max(horizons) - HISTORY, end - min(horizons)
        self._history = AsOfHistory.of(sensor, first, last, knowledge)
        self.starts = _events(self._history.start, resolution, start, end)
        self.moments = _moments(self.starts, resolution, horizons, now)
        every = dict.fromkeys(horizons, (start, -((start - end) // resolution)))
        self._others = [
            _Unfolding(
                other,
                AsOfHistory.of(other.sensor, first, last, knowledge),
                _forecasts(other, first, every, resolution),
            )
            for other in regressors_of(sensor)
        ]

    def unknown_then(self, moment: datetime) -> str:
        """Words on why nothing was known at a moment, if that is because all was recorded later."""
        first = self._history.first_known
        if self._knowledge != "recorded" or first is None or first <= moment:
            return ""
        return (
            f" All values of {self._facts.name!r} were recorded at or after {first.isoformat()}, as an import does."
            " With `flexmeasures add forecasts --knowledge event-end` they count as known when their events ended."
        )

    def problem(self, moment: datetime) -> ForecastingProblem:
        """What was known at one of `moments`; to be called in order of time."""
        targets = self.moments[moment]
        resolution = self._facts.resolution
        return ForecastingProblem(
            sensor=self._facts,
            known_until=moment,
            history=self._history.until(moment, HISTORY),
            targets=targets,
            regressors=tuple(other.at(moment, resolution, targets) for other in self._others),
            quantiles=self._quantiles,
            read=reader_for(self._sensor, moment, []),
        )
