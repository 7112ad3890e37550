"""linear-OLS: a regression per horizon on lagged values, calendar and weather, refitted for every day of data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from flexmeasures.algorithms import Forecast, Forecaster, ForecastingProblem, SensorFacts
from flexmeasures.errors import NotEnoughData
from flexmeasures.series import TimeSeries
from flexmeasures.timing import floor_time, iso_duration
from flexmeasures_forecaster_ols.design import Bounds, Design, Events, dark, night
from flexmeasures_forecaster_ols.features import DAY, WEEK, Floats, Ints, Past, event_slots, lead_slots
from flexmeasures_forecaster_ols.ols import Bools, Model, Recipe, Root, Rows, choose, fit_model

WINDOW = timedelta(days=90)
NEEDED = timedelta(days=14)
FEWEST_ROWS = 20
RIDGES = (1e-3, 1e-2, 1e-1)
ROOT_TYPES = ("wind_speed", "radiation")  # of the weather; temperatures have no natural zero


@dataclass(frozen=True)
class Fitted:
    """A model of one sensor and horizon. cut: the end of the data it learnt from; chosen: of the recipe's."""

    design: Design
    model: Model
    bounds: Bounds
    cut: datetime
    chosen: datetime

    @property
    def note(self) -> str:
        """What was fitted, in words for users."""
        recipe = self.model.recipe
        what = "square roots" if recipe.root else "values"
        how = "least absolute deviations" if recipe.robust else "least squares"
        weather = ", ".join(self.design.bends) or "no weather"
        return (
            f"fitted to {self.model.count} {what} until {self.cut.isoformat()} by {how},"
            f" {recipe.columns} columns, ridge {recipe.ridge:g}, {weather}"
        )


class LinearOLS(Forecaster):
    """Linear regression on what was known the horizon before each event's end (contract 17.3 to 17.8).

    A model is kept for each sensor, horizon and set of known weather. It is refitted for each UTC day of the
    data that the events may know; its columns, ridge, transformation, loss and window are chosen anew each
    week by cross-validation in order of time. It needs 14 days of values and learns from the newest 90
    (lags reach up to 14 days before these).
    """

    name = "linear-OLS"
    version = "2"
    fallback = "naive"

    def __init__(self) -> None:
        self._kept: dict[tuple[int, timedelta, timedelta, tuple[str, ...]], Fitted] = {}

    @classmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        """Every sensor."""
        return True

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        """One forecast a horizon; NotEnoughData when no event of any horizon can be forecast."""
        asked = {horizon: event_slots(problem, horizon) for horizon in problem.targets}
        past = Past.of(problem.history, _reach(problem, asked))
        answers = [self._forecast(Events(problem, past, *horizon)) for horizon in asked.items()]
        if not any(np.isfinite(answer.series.values).any() for answer in answers):
            raise NotEnoughData(next(note for answer in answers for note in answer.notes))
        return answers

    def _forecast(self, events: Events) -> Forecast:
        """Forecast one horizon, group by group; a group without an answer leaves a note why."""
        values = np.full(len(events.slots), np.nan)
        notes: dict[str, None] = {}
        for group in events.groups():
            try:
                fitted = self._fitted(group)
                found = np.searchsorted(events.slots, group.slots)
                values[found] = _predict(fitted, group)
                notes[fitted.note] = None
            except NotEnoughData as error:
                notes[str(error)] = None
        series = TimeSeries(events.problem.targets[events.horizon][0], events.past.resolution, values)
        return Forecast(horizon=events.horizon, series=series, notes=tuple(notes))

    def _fitted(self, events: Events) -> Fitted:
        """The kept model while its day lasts, else a new one, from what the first event may know."""
        key = (events.sensor.id, events.past.resolution, events.horizon, events.weather)
        kept = self._kept.get(key)
        if kept is not None and kept.cut > events.limit:
            kept = None  # events that are not in order of time may not use what was learnt later
        if kept is None or floor_time(kept.cut, DAY) != floor_time(events.limit, DAY):
            kept = self._kept[key] = _fit(events, kept)
        return kept


def _reach(problem: ForecastingProblem, asked: dict[timedelta, Ints]) -> int:
    """How long the history has to be, with unknown slots, for the events to look back from; a week at most."""
    resolution, known = problem.history.resolution, len(problem.history.values)
    ends = [
        int(slots[-1]) - lead_slots(horizon, resolution) + 1 for horizon, slots in asked.items() if len(slots)
    ]
    return min(max(ends, default=0), known + max(1, WEEK // resolution))


def _predict(fitted: Fitted, events: Events) -> Floats:
    """Forecast events; NotEnoughData when nothing is known that they could be forecast from."""
    rows = fitted.design.rows(events, events.slots)
    values = np.where(np.isnan(rows.levels).all(axis=1), np.nan, fitted.model(rows))
    if np.isnan(values).all():
        raise NotEnoughData(
            f"Sensor {events.sensor.name!r} has no known value in the last days that a forecast"
            f" {iso_duration(events.horizon)} ahead may use (until {events.limit.isoformat()})."
            " Send recent values of this sensor."
        )
    return fitted.bounds(values, events.past, events.slots)


def _fit(events: Events, kept: Fitted | None) -> Fitted:
    """Fit on what the first event may know; the recipe of a model less than a week old is kept."""
    past, nights = events.past, night(events)
    known = _known_slots(events)
    targets = known[known >= events.end - max(WINDOW // past.resolution, 10 * FEWEST_ROWS)]
    if nights.any() and not nights.all():
        targets = targets[~dark(nights, past, targets)]  # what is known to be 0 teaches nothing
    events = events.without_sparse_weather(targets)
    design = Design.of(events, known)
    rows = design.rows(events, targets)
    complete = ~np.isnan(rows.matrix(None).sum(axis=1))
    if complete.sum() < FEWEST_ROWS:
        raise _not_enough(events, f"only {complete.sum()} have known values before them to learn from")
    rows, y = rows[complete], past.raw[targets[complete]]
    columns = design.columns(rows)
    recipe, chosen = _recipe(events, rows, y, columns, kept)
    model = fit_model(rows, y, recipe, columns[recipe.columns])
    bounds = Bounds.of(events.sensor, past.raw[targets], nights)
    return Fitted(design, model, bounds, events.limit, chosen)


def _known_slots(events: Events) -> Ints:
    """Slots with a known value to learn from; NotEnoughData when they are too few or span too little time."""
    slots = np.flatnonzero(np.isfinite(events.past.raw[: max(events.end, 0)]))
    if len(slots) < FEWEST_ROWS or (events.end - slots[0]) * events.past.resolution < NEEDED:
        raise _not_enough(events, f"there are {len(slots)}")
    return slots


def _not_enough(events: Events, found: str) -> NotEnoughData:
    """The error that says what is missing and what to do."""
    known = np.flatnonzero(np.isfinite(events.past.raw))
    since = ""
    if len(known):
        first = events.past.start + int(known[0]) * events.past.resolution
        since = f", the first known value starting at {first.isoformat()}"
    return NotEnoughData(
        f"To forecast sensor {events.sensor.name!r} {iso_duration(events.horizon)} ahead, values over at least"
        f" {NEEDED.days} days before {events.limit.isoformat()} are needed, and at least {FEWEST_ROWS}"
        f" of them: {found}{since}."
        " Send older values of this sensor, or ask for later events."
    )


def _recipe(
    events: Events, rows: Rows, y: Floats, columns: dict[str, Bools], kept: Fitted | None
) -> tuple[Recipe, datetime]:
    """The recipe and the end of the data it was chosen with: the kept one for a week, else the best."""
    sign = _sign(events.sensor, y)
    if kept is not None and events.limit - kept.chosen < WEEK and tuple(kept.design.bends) == events.weather:
        root = kept.model.recipe.root
        if root is None or root.sign == sign:
            return kept.model.recipe, kept.chosen
    roots = [None, Root(sign, 0.1 * float(np.abs(y).mean()))] if sign else [None]
    recipes = [
        Recipe(root, ridge, name, recent)
        for root in roots
        for name, used in columns.items()
        for recent in (False, True)
        for ridge in RIDGES
        if name == "few" or used.sum() * (8 if recent else 4) <= len(y)
    ]
    return choose(rows, y, recipes, columns), events.limit


def _sign(sensor: SensorFacts, y: Floats) -> float:
    """The one sign of the values, 1 or -1; 0 where a power transformation does not fit (contract 17.8).

    Markets and temperatures have none, nor have values of both signs.
    """
    natural_zero = sensor.kind == "asset" or sensor.type in ROOT_TYPES
    if not natural_zero or not y.any() or y.min() < 0 < y.max():
        return 0.0
    return 1.0 if y.max() > 0 else -1.0
