"""How models learn: from what ended before a day began, by the recipes that forecast the newest weeks best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np

from flexmeasures.errors import NotEnoughData
from flexmeasures.timing import iso_duration
from flexmeasures_algorithms import SensorFacts
from flexmeasures_regression.design_matrix import Columns, Design
from flexmeasures_regression.error_quantiles import Spread
from flexmeasures_regression.estimators import PARTS, Model, Part, Recipe, Root, Table, Training
from flexmeasures_regression.event_data import EventData, Events
from flexmeasures_regression.features import DAY, WEEK, Floats, Ints
from flexmeasures_regression.fitted_model import Fitted, Trial, hours_of_day, independent_errors
from flexmeasures_regression.ols import Bools
from flexmeasures_regression.value_bounds import Bounds, Night

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
class NormalEquations:
    """What was summed up of the slots [first, end) for the designs of some horizons.

    columns: numbers of each design's, by part.
    """

    asked: Sequence[Events]
    first: int
    end: int
    designs: tuple[Design, ...]
    columns: Sequence[dict[Part, Ints]]
    scale: Floats
    training: Training

    @property
    def scene(self) -> EventData:
        """What was known."""
        return self.asked[0].scene

    def followed_by(self, asked: Sequence[Events], end: int) -> Self:
        """With what happened until a later end, by the same designs; what was summed up is not again."""
        scene = asked[0].scene
        night = Night.of(scene.sensor, scene.past, end)
        slots = _by_day(_known(scene, self.end, end), scene, night)
        if len(slots) == 0:
            return replace(self, asked=asked, end=end)
        columns = Columns(self.designs, scene, slots)
        complete = _complete(columns)
        table = Table(columns.x.T[:, complete].T, self.scale)
        slots = slots[complete]
        training = self.training.followed_by(table, scene.past.raw[slots], slots, end, anew=False)
        return replace(self, asked=asked, end=end, training=training)

    def fit(self, trials: Sequence[Trial]) -> list[Fitted]:
        """Fit the recipes that were chosen for each horizon."""
        scene, past = self.scene, self.scene.past
        bounds = _bounds(scene, self.first, self.end)
        cut, rows = past.start + self.end * past.resolution, self.training.count
        return [
            Fitted(
                design,
                tuple(self._model(recipe, columns) for recipe in trial.recipes),
                self.scale[columns["all"]],
                bounds,
                trial,
                rows,
                cut,
            )
            for design, columns, trial in zip(self.designs, self.columns, trials, strict=True)
        ]

    def _model(self, recipe: Recipe, columns: dict[Part, Ints]) -> Model:
        """For a table of one design's columns."""
        model = self.training.model(recipe, columns[recipe.part])
        own = (
            np.flatnonzero(np.isin(columns["all"], model.columns))
            if recipe.part != "all"
            else np.arange(len(model.columns))
        )
        return replace(model, columns=own)


class TrainingSet:
    """What is there to learn for some horizons at once from the slots before `end` of a scene.

    slots, y: of the rows; columns: of all slots that were considered.
    """

    def __init__(self, asked: Sequence[Events], end: int) -> None:
        self.scene, self.end, self.asked = asked[0].scene, end, asked
        past = self.scene.past
        self.first = max(end - MOST_ROWS, 0)
        known = _known(self.scene, self.first, end)
        if len(known) < FEWEST_ROWS or (end - known[0]) * past.resolution < NEEDED:
            raise not_enough(asked[0], f"there are {len(known)}")
        self.bounds = _bounds(self.scene, self.first, end)
        targets = _by_day(known, self.scene, self.bounds.night)
        if len(targets) < FEWEST_ROWS:
            raise not_enough(asked[0], f"{len(targets)} of them by day")
        self.designs = tuple(Design.of(events, targets, end) for events in asked)
        columns = Columns(self.designs, self.scene, targets)
        complete = _complete(columns)
        self.slots = targets[complete]
        if len(self.slots) < FEWEST_ROWS:
            raise not_enough(asked[0], f"only {len(self.slots)} have known values before them to learn from")
        self.y = past.raw[self.slots]
        self.table = columns.table(complete, self.y)
        layout = columns.layout
        self.columns = [{part: layout.of(design, part) for part in PARTS} for design in self.designs]
        self._layout, self._common = layout, layout.common()

    def recipes(self, number: int) -> list[Recipe]:
        """What may be tried for a horizon: the shorter the history, the more that are shrunken or have few columns."""
        sign, columns = _sign(self.scene.sensor, self.y), len(self.columns[number]["all"])
        roots = [None, Root(sign, 0.1 * float(np.abs(self.y).mean()))] if sign else [None]
        many = len(self.y) >= MANY_ROWS
        parts: list[Part] = ["all"] if len(self.y) >= 4 * columns else []
        parts += ["few"] if len(self.y) < 8 * columns else []
        if many and self.scene.sensor.kind == "market" and self.designs[number].has_season:
            parts.append(
                "no season"
            )  # a year of prices says little of its seasons where their level has changed
        return [
            Recipe(root, half_life, robust, ridge, part)
            for root in roots
            for half_life in ((None, HALF_LIFE / self.scene.past.resolution) if many else (None,))
            for ridge in (RIDGES[:1] if many else RIDGES[1:])
            for part in parts
            for robust in (False, True)
        ]

    @property
    def newest(self) -> int:
        """How many of the newest slots models are tried on: TRIAL, or a third of what there is."""
        return min(TRIAL // self.scene.past.resolution, (self.end - int(self.slots[0])) // 3)

    def before(self, slot: int) -> int:
        """The number of the oldest rows, those that every horizon knows of for an event at `slot`."""
        lead = max(events.lead for events in self.asked)
        return int(np.searchsorted(self.slots, slot - lead + 1))

    @cached_property
    def _folds(self) -> list[tuple[Training, slice]]:
        """Rows to learn from and those to try it on, part by part of the newest weeks."""
        edges = [self.end - self.newest * k // FOLDS for k in range(FOLDS, -1, -1)]
        folds: list[tuple[Training, slice]] = []
        for begin, stop in pairwise(edges):
            count, tried = self.before(begin), slice(*np.searchsorted(self.slots, (begin, stop)).tolist())
            if count >= FEWEST_ROWS and tried.start < tried.stop:
                folds.append((self._training(count, folds[-1][0] if folds else None), tried))
        return folds

    def _training(self, count: int, before: Training | None) -> Training:
        """The oldest rows, so many; what was summed up before is not again."""
        rows = slice(before.count if before else 0, count)
        part = (self.table.rows(rows), self.y[rows], self.slots[rows], int(self.slots[count - 1]) + 1)
        return before.followed_by(*part) if before else Training(*part, self._common)

    def course(self, count: int | None = None) -> NormalEquations:
        """The oldest rows, so many, by default all."""
        count = len(self.slots) if count is None else count
        before = [training for training, _ in self._folds if training.count <= count]
        training = self._training(count, before[-1] if before else None)
        return NormalEquations(
            self.asked, self.first, self.end, self.designs, self.columns, self.table.scale, training
        )

    def trials(self) -> list[Trial]:
        """Try the recipes of each horizon on the newest weeks."""
        found = [self._trial(number, self.recipes(number)) for number in range(len(self.designs))]
        for training, _ in self._folds:
            training.forget()
        return found

    def _trial(self, number: int, recipes: Sequence[Recipe]) -> Trial:
        """The recipes whose absolute error is nearly the least; the first where there was nothing to try them on."""
        if not self._folds:
            return Trial((recipes[0],))
        tried = np.concatenate([np.arange(len(self.slots))[rows] for _, rows in self._folds])
        forecasts = np.concatenate([self._forecasts(number, recipes, *fold) for fold in self._folds], axis=1)
        forecasts = self.bounds(forecasts, self.scene.past, self.slots[tried])
        errors = np.abs(forecasts - self.y[tried]).mean(axis=1)
        helps = self._helps(number, recipes[0], tried, float(errors[0]))
        good = np.flatnonzero(errors <= TOLERANCE * errors.min()).tolist()
        starts = self.scene.past.starts_ms(self.slots[tried])
        errors = self.y[tried] - forecasts[good].mean(axis=0)
        count = independent_errors(starts, self.asked[number].horizon)
        spread = Spread.of(errors, hours_of_day(starts), count)
        return Trial(tuple(recipes[k] for k in good), spread, helps)

    def _helps(self, number: int, recipe: Recipe, tried: Ints, error: float) -> dict[str, float]:
        """How much of its error each regressor takes away from a recipe that errs by `error` with all of them.

        recipe: of least squares, which is quick to fit on other columns.
        """
        design, found = self.designs[number], {}
        for kind in design.curves:
            columns = self._layout.of(design, recipe.part, without=kind)
            parts = [training.model(recipe, columns)(self.table.rows(rows)) for training, rows in self._folds]
            without = self.bounds(np.concatenate(parts), self.scene.past, self.slots[tried])
            worse = float(np.abs(without - self.y[tried]).mean())
            if worse > 0:
                found[kind] = 1 - error / worse
        return found

    def _forecasts(self, number: int, recipes: Sequence[Recipe], training: Training, rows: slice) -> Floats:
        """By recipe, forecasts of some rows from what is in the training; shape (recipes, rows)."""
        table, columns = self.table.rows(rows), self.columns[number]
        return np.array([training.model(recipe, columns[recipe.part])(table) for recipe in recipes])


def _known(scene: EventData, first: int, end: int) -> Ints:
    """Slots with a known value."""
    return first + np.flatnonzero(np.isfinite(scene.past.raw[first : max(end, first)]))


def _bounds(scene: EventData, first: int, end: int) -> Bounds:
    """By what is known of the slots [first, end)."""
    night = Night.of(scene.sensor, scene.past, end)
    return Bounds.of(scene.sensor, scene.past.raw[_known(scene, first, end)], night)


def _by_day(slots: Ints, scene: EventData, night: Night) -> Ints:
    """Without those that are known to be 0, which teach nothing."""
    return slots[~night(scene.past, slots)]


def _complete(columns: Columns) -> slice | Bools:
    """The rows of which everything is known."""
    complete: Bools = np.isfinite(columns.x @ np.ones(columns.x.shape[1]))
    first = int(complete.argmax()) if len(complete) else 0
    return slice(first, None) if complete[first:].all() else complete


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
