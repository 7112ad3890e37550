"""How models learn: from what ended before a day began, by the recipes that forecast the newest weeks best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from flexmeasures.algorithms import SensorFacts
from flexmeasures.errors import NotEnoughData
from flexmeasures.timing import iso_duration
from flexmeasures_forecaster_ols.bounds import Bounds, Night
from flexmeasures_forecaster_ols.design import Columns, Design, scaled
from flexmeasures_forecaster_ols.features import DAY, DAY_MS, HOUR_MS, WEEK, Floats, Ints
from flexmeasures_forecaster_ols.ols import Bools, Model, Recipe, Root, Table, Training
from flexmeasures_forecaster_ols.scene import Events, Scene
from flexmeasures_forecaster_ols.spread import Spread

MOST_ROWS = 10_000  # to learn from: more than a year of hours; older ones did not help, and take memory
NEEDED = timedelta(days=14)
FEWEST_ROWS = 20
HALF_LIFE = 90 * DAY
TRIAL = 8 * WEEK  # the newest weeks, on which recipes are tried,
FOLDS = 2  # in so many parts, each forecast from what was before it
TOLERANCE = 1.01  # recipes whose error is at most this times the least one are averaged
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1)
MANY_ROWS = 4000  # from so many on, models need no shrinking, and may forget
ROOT_TYPES = ("wind_speed", "radiation")  # of the weather; temperatures have no natural zero


@dataclass(frozen=True)
class Trial:
    """What came of trying recipes on the newest weeks of one horizon.

    recipes: the best and those about as good. spread: of what became of the events around what the mean of
    these recipes forecast out of sample; None where there was too little to tell.
    """

    recipes: tuple[Recipe, ...]
    spread: Spread | None = None


@dataclass(frozen=True)
class Fitted:
    """The models of one horizon, whose mean is the forecast.

    models: each with the numbers of its columns among those of the design. scale: of the design's columns.
    rows: how many the models learnt from; cut: all of these ended by then.
    """

    design: Design
    models: tuple[tuple[Model, Ints], ...]
    scale: Floats
    bounds: Bounds
    trial: Trial
    rows: int
    cut: datetime

    def __call__(self, scene: Scene, slots: Ints) -> Floats:
        """Forecast, shape (slots,); NaN where no value was known that could be forecast from."""
        x = Columns([self.design], scene, slots).table.x
        nothing = np.isnan(x[:, : len(self.design.lags)]).all(axis=1)
        table = Table(x, self.scale)
        values = sum(model(table.columns(used)) for model, used in self.models) / len(self.models)
        return self.bounds(np.where(nothing, np.nan, values), scene.past, slots)

    def quantiles(
        self, scene: Scene, slots: Ints, values: Floats, probabilities: Sequence[float]
    ) -> dict[float, Floats]:
        """By probability, what the outcome stays below that often, around the forecasts `values`; {} if unknown."""
        if self.trial.spread is None:
            return {}
        hours = hours_of_day(scene.past.starts_ms(slots))
        offsets = {each: self.trial.spread.at(each, hours) for each in probabilities}
        return {each: self.bounds(values + offset, scene.past, slots) for each, offset in offsets.items()}

    @property
    def note(self) -> str:
        """What was fitted, in words for users."""
        how = " and ".join(_words(model.recipe) for model, _ in self.models)
        weather = ", ".join(self.design.weather) or "no weather"
        return f"fitted to {self.rows} values until {self.cut.isoformat()}, {how}, {weather}"


def _words(recipe: Recipe) -> str:
    words = "least absolute deviations" if recipe.robust else "least squares"
    words += " of square roots" if recipe.root else ""
    words += " of the recent past" if recipe.half_life else ""
    return words + (" on few columns" if recipe.few else "")


class Lesson:
    """What is there to learn for some horizons at once from the slots before `end` of a scene."""

    def __init__(self, asked: Sequence[Events], end: int) -> None:
        self.scene, self.end, self.asked = asked[0].scene, end, asked
        past, sensor = self.scene.past, self.scene.sensor
        known = _known_slots(asked[0], end)
        night = Night.of(sensor, past, end)
        targets = known[~night(past, known)]  # what is known to be 0 teaches nothing
        if len(targets) < FEWEST_ROWS:
            raise not_enough(asked[0], f"{len(targets)} of them by day")
        self.designs = [Design.of(events, targets, end) for events in asked]
        self.columns = Columns(self.designs, self.scene, targets)
        complete = np.isfinite(self.columns.table.x.sum(axis=1))
        if complete.sum() < FEWEST_ROWS:
            raise not_enough(asked[0], f"only {complete.sum()} have known values before them to learn from")
        self.slots, self.y = targets[complete], past.raw[targets[complete]]
        self.table = scaled(self.columns.table.rows(complete), self.y)
        self.bounds = Bounds.of(sensor, past.raw[known], night)

    def recipes(self, design: Design) -> list[Recipe]:
        """What may be tried: the shorter the history, the more models that are shrunken or have few columns."""
        sign, columns = _sign(self.scene.sensor, self.y), len(self.columns.of(design))
        roots = [None, Root(sign, 0.1 * float(np.abs(self.y).mean()))] if sign else [None]
        many = len(self.y) >= MANY_ROWS
        sets = [few for few in (False, True) if few or len(self.y) >= 4 * columns]
        return [
            Recipe(root, half_life, robust, ridge, few)
            for root in roots
            for half_life in ((None, HALF_LIFE / self.scene.past.resolution) if many else (None,))
            for ridge in (RIDGES[:1] if many else RIDGES[1:])
            for few in (sets[:1] if len(self.y) >= 8 * columns else sets)
            for robust in (False, True)
        ]

    @property
    def newest(self) -> int:
        """How many of the newest slots models are tried on: TRIAL, or a third of what there is."""
        return min(TRIAL // self.scene.past.resolution, (self.end - int(self.slots[0])) // 3)

    def before(self, slot: int) -> Bools:
        """The rows that every horizon knows of for an event at `slot`."""
        rows: Bools = self.slots < slot - max(events.lead for events in self.asked) + 1
        return rows

    def trials(self) -> list[Trial]:
        """Try the recipes of each horizon on the newest weeks, part by part."""
        past = self.scene.past
        edges = [self.end - self.newest * k // FOLDS for k in range(FOLDS, -1, -1)]
        recipes = [self.recipes(design) for design in self.designs]
        forecasts = [[np.empty(0) for _ in each] for each in recipes]
        tested = np.zeros(len(self.slots), dtype=bool)
        for begin, stop in pairwise(edges):
            before = self.before(begin)
            part = (self.slots >= begin) & (self.slots < stop)
            if before.sum() < FEWEST_ROWS or not part.any():
                continue
            tested |= part
            training = self._training(before)
            for design, each, found in zip(self.designs, recipes, forecasts, strict=True):
                for k, recipe in enumerate(each):
                    columns = self.columns.of(design, recipe.few)
                    table = self.table.rows(part).columns(columns)
                    values = training.model(recipe, columns)(table)
                    found[k] = np.append(found[k], self.bounds(values, past, self.slots[part]))
        outcomes, starts = self.y[tested], past.starts_ms(self.slots[tested])
        return [
            _chosen(each, found, starts, outcomes) for each, found in zip(recipes, forecasts, strict=True)
        ]

    def fit(self, trials: Sequence[Trial], rows: Bools | None = None) -> list[Fitted]:
        """Fit the recipes that were chosen for each horizon to some rows, by default to all there are."""
        training = self._training(np.ones(len(self.slots), dtype=bool) if rows is None else rows)
        cut = self.scene.past.start + self.end * self.scene.past.resolution
        fitted = []
        for design, trial in zip(self.designs, trials, strict=True):
            every = self.columns.of(design)
            models = []
            for recipe in trial.recipes:
                columns = self.columns.of(design, recipe.few)
                models.append((training.model(recipe, columns), np.flatnonzero(np.isin(every, columns))))
            scale = self.table.scale[every]
            fitted.append(Fitted(design, tuple(models), scale, self.bounds, trial, training.rows, cut))
        return fitted

    def _training(self, rows: Bools) -> Training:
        return Training(self.table.rows(rows), self.y[rows], self.end - self.slots[rows])


def _chosen(
    recipes: Sequence[Recipe], forecasts: Sequence[Floats], starts_ms: Ints, outcomes: Floats
) -> Trial:
    """The recipes whose absolute error is nearly the least; the first where there was nothing to try them on."""
    if len(outcomes) == 0:
        return Trial((recipes[0],))
    errors = np.array([np.abs(values - outcomes).mean() for values in forecasts])
    good = np.flatnonzero(errors <= TOLERANCE * errors.min()).tolist()
    mean = np.mean([forecasts[k] for k in good], axis=0)
    spread = Spread.of(outcomes - mean, hours_of_day(starts_ms))
    return Trial(tuple(recipes[k] for k in good), spread)


def hours_of_day(starts_ms: Ints) -> Ints:
    """Hour of the UTC day in which each event starts."""
    return starts_ms % DAY_MS // HOUR_MS


def _known_slots(events: Events, end: int) -> Ints:
    """Slots with a known value to learn from; NotEnoughData when they are too few or span too little time."""
    slots = np.flatnonzero(np.isfinite(events.past.raw[: max(end, 0)]))
    slots = slots[slots >= end - MOST_ROWS]
    if len(slots) < FEWEST_ROWS or (end - slots[0]) * events.past.resolution < NEEDED:
        raise not_enough(events, f"there are {len(slots)}")
    return slots


def not_enough(events: Events, found: str) -> NotEnoughData:
    """The error that says what is missing and what to do."""
    past = events.past
    known = np.flatnonzero(np.isfinite(past.raw))
    since = ""
    if len(known):
        first = past.start + int(known[0]) * past.resolution
        since = f", the first known value starting at {first.isoformat()}"
    return NotEnoughData(
        f"To forecast sensor {events.scene.sensor.name!r} {iso_duration(events.horizon)} ahead, values over at"
        f" least {NEEDED.days} days before {past.end.isoformat()} are needed, and at least {FEWEST_ROWS}"
        f" of them: {found}{since}."
        " Send older values of this sensor, or ask for later events."
    )


def _sign(sensor: SensorFacts, y: Floats) -> float:
    """The one sign of the values, 1 or -1; 0 where a power transformation does not fit (contract 17.8).

    Markets and temperatures have none, nor have values of both signs.
    """
    natural_zero = sensor.kind == "asset" or sensor.type in ROOT_TYPES
    if not natural_zero or not y.any() or y.min() < 0 < y.max():
        return 0.0
    return 1.0 if y.max() > 0 else -1.0
