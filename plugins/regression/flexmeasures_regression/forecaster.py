"""A regression per horizon on lagged values, calendar and weather, refitted for every day of data."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np

from flexmeasures.errors import NotEnoughData
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import ceil_time, floor_time, iso_duration
from flexmeasures_algorithms import SensorFacts
from flexmeasures_forecasting import Forecast, Forecaster, ForecastingProblem
from flexmeasures_regression.design_matrix import Columns, Design
from flexmeasures_regression.event_data import EventData, Events
from flexmeasures_regression.features import DAY, WEEK, event_slots, lead_slots
from flexmeasures_regression.fitted_model import Fitted, Trial
from flexmeasures_regression.model_selection import MOST_ROWS, NormalEquations, TrainingSet

REACH = 5 * WEEK  # how far columns look back from an event
LONG = 26 * WEEK  # a history of which some days less do not matter
KEPT = 2000  # fits and trials that a process keeps: those of a thousand sensors, some 80 MB
SUMMED_UP = 4  # lessons, and days after them, that a process keeps: of a year of hours, some 20 MB a sensor

T = TypeVar("T")
Lot = tuple[datetime, tuple[str, ...], int]
Key = tuple[int, timedelta, timedelta, tuple[str, ...], int, datetime]


class RegressionForecaster(Forecaster):
    """Linear regression on what was known the horizon before each event's end (contract 17.3 to 17.8).

    A model learns from the 10,000 slots that ended before the UTC day up to which its events know the
    history, so that it serves all events of that day. Loss, transformation and forgetting are chosen anew
    each week by how well they forecast the eight weeks before. It needs 14 days of values.
    """

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[datetime, Fitted | NotEnoughData]] = {}

    @classmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        """Every sensor."""
        return True

    @classmethod
    def warm(cls) -> None:
        """Import the calendars of holidays, which takes a while."""
        import holidays  # noqa: F401

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        """One forecast a horizon; NotEnoughData when no event of any horizon can be forecast."""
        asked = _stage(problem)
        groups = {events.horizon: events.groups() for events in asked}
        every = [group for each in groups.values() for group in each]
        self._learn(problem, every)
        columns = self._columns(every)
        answers = [self._forecast(events, groups[events.horizon], columns) for events in asked]
        if not any(np.isfinite(answer.series.values).any() for answer in answers):
            raise NotEnoughData(next(note for answer in answers for note in answer.notes))
        return answers

    def _columns(self, groups: Sequence[Events]) -> dict[Lot, Columns]:
        """What explains the events, made once for the horizons that share a day and weather."""
        lots: dict[Lot, list[tuple[Events, Design]]] = {}
        for group in groups:
            _, fitted = self._kept[_key(group)]
            if isinstance(fitted, Fitted):
                lots.setdefault(_lot(group), []).append((group, fitted.design))
        return {
            lot: Columns(
                [design for _, design in alike],
                alike[0][0].scene,
                np.unique(np.concatenate([group.slots for group, _ in alike])),
            )
            for lot, alike in lots.items()
        }

    def _forecast(self, events: Events, groups: Sequence[Events], columns: Mapping[Lot, Columns]) -> Forecast:
        """Forecast one horizon, group by group; a group without an answer leaves a note why."""
        values = np.full(len(events.slots), np.nan)
        asked = events.scene.problem.quantiles
        quantiles = {each: values.copy() for each in asked}
        notes: dict[str, None] = {}
        helps: dict[str, float] = {}
        for group in groups:
            _, fitted = self._kept[_key(group)]
            if isinstance(fitted, NotEnoughData):
                notes[str(fitted)] = None
                continue
            found = fitted.answer(columns[_lot(group)], group.slots)
            places = np.searchsorted(events.slots, group.slots)
            values[places] = found
            for each, below in fitted.quantiles(group.scene, group.slots, found, asked).items():
                quantiles[each][places] = below
            helps |= fitted.trial.helps
            notes[fitted.note if np.isfinite(found).any() else _silent(group)] = None
        start, _ = events.scene.problem.targets[events.horizon]
        series = TimeSeries(start, events.past.resolution, values)
        return Forecast(
            horizon=events.horizon, series=series, quantiles=quantiles, notes=tuple(notes), helps=helps
        )

    # -- learning --------------------------------------------------------------------------------------

    def _learn(self, problem: ForecastingProblem, groups: Sequence[Events]) -> None:
        """See to it that there is a model for each group, or the reason why there is none."""
        if len(self._kept) > KEPT:
            self._kept.clear()
        missing: dict[Lot, list[Events]] = {}
        for group in groups:
            known, _ = self._kept.get(_key(group), (None, None))
            if known is None or known > problem.known_until:  # nothing may use what was learnt later
                missing.setdefault(_lot(group), []).append(group)
        for (midnight, *_), together in missing.items():
            for group, fitted in zip(together, self._fitted(problem, together, midnight), strict=True):
                self._kept[_key(group)] = (problem.known_until, fitted)

    def _fitted(
        self, problem: ForecastingProblem, groups: Sequence[Events], midnight: datetime
    ) -> Sequence[Fitted | NotEnoughData]:
        """Models for the horizons of the groups; together, or each alone where together they are too many."""
        try:
            return self.learn(problem, groups, midnight)
        except NotEnoughData as error:
            if len(groups) == 1:
                return [error]
            return [fitted for group in groups for fitted in self._fitted(problem, [group], midnight)]

    def learn(
        self, problem: ForecastingProblem, groups: Sequence[Events], midnight: datetime
    ) -> Sequence[Fitted]:
        """A model for the horizon of each group, from what ended before `midnight`; NotEnoughData for too little.

        Forecasters that learn otherwise, and all else as this one does, say how in here.
        """
        start, trials = self.trials(problem, groups, midnight)
        _, _, seen = before(problem, groups, midnight, start)
        chosen = repr([trial.recipes for trial in trials])
        return remember(f"fit {chosen}", seen, lambda: _course(problem, groups, midnight, start).fit(trials))

    def trials(
        self, problem: ForecastingProblem, groups: Sequence[Events], midnight: datetime
    ) -> tuple[datetime, Sequence[Trial]]:
        """When was chosen and what: at the beginning of the week, or of the day if that was too early."""
        week = floor_time(midnight, WEEK)
        try:
            return week, tried(problem, groups, week)
        except NotEnoughData:
            return midnight, tried(problem, groups, midnight)


def lesson_until(problem: ForecastingProblem, groups: Sequence[Events], moment: datetime) -> TrainingSet:
    """What is there to learn from what ended before a moment."""
    asked, end, seen = before(problem, groups, moment, moment)
    return remember("lesson", seen, lambda: TrainingSet(asked, end), _summed_up, SUMMED_UP)


def tried(problem: ForecastingProblem, groups: Sequence[Events], moment: datetime) -> Sequence[Trial]:
    """What came of trying recipes on the newest weeks that ended before a moment."""
    _, _, seen = before(problem, groups, moment, moment)
    return remember("trial", seen, lambda: lesson_until(problem, groups, moment).trials())


def _course(
    problem: ForecastingProblem, groups: Sequence[Events], moment: datetime, start: datetime
) -> NormalEquations:
    """What is known at a moment: all until `start` at once, then always day by day, so that all rounds alike."""
    asked, end, seen = before(problem, groups, moment, start)

    def sum_up() -> NormalEquations:
        if moment <= start:
            return lesson_until(problem, groups, start).course()
        return _course(problem, groups, moment - DAY, start).followed_by(asked, end)

    return remember(f"course {start}", seen, sum_up, _summed_up, SUMMED_UP)


_summed_up: OrderedDict[bytes, Any] = OrderedDict()
_learnt: OrderedDict[bytes, Any] = OrderedDict()


def remember(
    what: str,
    seen: bytes,
    learn: Callable[[], T],
    kept: OrderedDict[bytes, Any] | None = None,
    most: int = KEPT,
) -> T:
    """What was learnt from the same numbers is the same: it is kept for all jobs of a process, the newest `most`."""
    kept = _learnt if kept is None else kept
    key = hashlib.blake2b(what.encode() + seen).digest()
    if key not in kept:
        kept[key] = learn()
        while len(kept) > most:
            kept.popitem(last=False)
    kept.move_to_end(key)
    found: T = kept[key]
    return found


def _beginning(problem: ForecastingProblem) -> int:
    """The first slot of the history to learn from: the first that is known, or of a long history a week's first.

    Histories of a fixed length move on with every event; so what is learnt from them is the same for a week.
    """
    history = problem.history
    known = np.isfinite(history.values)
    if not known.any():
        return 0
    if not known[0]:
        return int(known.argmax())
    if len(known) * history.resolution < LONG:
        return 0
    return int((ceil_time(history.start, WEEK) - history.start) // history.resolution)


def before(
    problem: ForecastingProblem, groups: Sequence[Events], moment: datetime, start: datetime
) -> tuple[list[Events], int, bytes]:
    """The groups' horizons in a scene of what ended before a moment, where that ends, and a print of it all.

    start: up to a moment later than that, the scene begins where it would for `start`.
    """
    resolution = problem.history.resolution
    last, since = ((each - problem.history.start) // resolution for each in (moment, start))
    scene = EventData.of(problem, max(since - MOST_ROWS - REACH // resolution, _beginning(problem)), last)
    asked = [replace(group, scene=scene, slots=group.slots[:0]) for group in groups]
    end = len(scene.past.raw)  # not counted from where the history begins, which moves on with each job
    seen = hashlib.blake2b(f"{scene.sensor} {scene.past.start} {end}".encode())
    seen.update(scene.past.raw.tobytes())
    for each in asked:
        seen.update(f"{each.horizon} {each.weather} {each.late}".encode())
        for kind in each.weather:
            seen.update(scene.weather(kind, each.horizon).tobytes())
    return asked, end, seen.digest()


def _lot(events: Events) -> Lot:
    """Events of one lot are learnt and forecast together."""
    return (events.midnight, events.weather, events.late)


def _key(events: Events) -> Key:
    sensor = events.scene.sensor.id, events.past.resolution
    return (*sensor, events.horizon, events.weather, events.late, events.midnight)


def _stage(problem: ForecastingProblem) -> list[Events]:
    """What forecasting the events takes: the newest part of the history, and the events by horizon."""
    resolution = problem.history.resolution
    slots = {horizon: event_slots(problem, horizon) for horizon in problem.targets}
    slots = {horizon: each for horizon, each in slots.items() if len(each)}
    known = {horizon: each - lead_slots(horizon, resolution) for horizon, each in slots.items()}
    first = min((int(each[0]) for each in known.values()), default=0) - REACH // resolution
    newest = max((int(each[-1]) + 1 for each in known.values()), default=0)
    first = max(0, min(first, len(problem.history.values)))
    # A history that ended before what the events may know is continued with unknown slots, a week at most.
    last = min(newest, len(problem.history.values) + max(1, WEEK // resolution))
    scene = EventData.of(problem, first, last)
    end = max((int(each[-1]) + 1 for each in slots.values()), default=last)
    scene = replace(scene, length=max(end - first, scene.length))
    return [Events(scene, horizon, each - first) for horizon, each in slots.items()]


def _silent(events: Events) -> str:
    """Why there is no forecast although there is a model."""
    return (
        f"Sensor {events.scene.sensor.name!r} has no known value in the last days that a forecast"
        f" {iso_duration(events.horizon)} ahead may use (until {events.limit.isoformat()})."
        " Send recent values of this sensor."
    )
