"""What was learnt of one horizon: what came of trying recipes, and the models that answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from flexmeasures_regression.design_matrix import Columns, Design
from flexmeasures_regression.error_quantiles import Spread
from flexmeasures_regression.estimators import Model, Recipe, Table
from flexmeasures_regression.event_data import EventData
from flexmeasures_regression.features import DAY, DAY_MS, HOUR_MS, Floats, Ints
from flexmeasures_regression.value_bounds import Bounds


@dataclass(frozen=True)
class Trial:
    """What came of trying recipes on the newest weeks of one horizon.

    recipes: the best and those about as good. spread: of what became of the events around what the mean of
    these recipes forecast out of sample; None where there was too little to tell. helps: by regressor, which part of
    its error least squares lost there by knowing it; below 0 where it was better without.
    """

    recipes: tuple[Recipe, ...]
    spread: Spread | None = None
    helps: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """The models of one horizon, whose mean is the forecast.

    models, scale: of the design's columns. rows: how many the models learnt from; cut: all of these ended by
    then.
    """

    design: Design
    models: tuple[Model, ...]
    scale: Floats
    bounds: Bounds
    trial: Trial
    rows: int
    cut: datetime

    def __call__(self, scene: EventData, slots: Ints) -> Floats:
        """Forecast, shape (slots,); NaN where no value was known that could be forecast from."""
        return self.answer(Columns([self.design], scene, slots), slots)

    def answer(self, columns: Columns, slots: Ints) -> Floats:
        """Forecast some of the slots whose columns were made for this and other designs."""
        table = Table(columns.at(slots, self.design), self.scale)
        nothing = np.isnan(table.x[:, : len(self.design.lags)]).all(axis=1)
        values = sum(model(table) for model in self.models) / len(self.models)
        return self.bounds(np.where(nothing, np.nan, values), columns.scene.past, slots)

    def quantiles(
        self, scene: EventData, slots: Ints, values: Floats, probabilities: Sequence[float]
    ) -> dict[float, Floats]:
        """By probability, what the outcome stays below that often, around the forecasts `values`; {} if unknown."""
        if self.trial.spread is None or not probabilities:
            return {}
        hours = hours_of_day(scene.past.starts_ms(slots))
        below = [values + self.trial.spread.at(each, hours) for each in probabilities]
        return dict(zip(probabilities, self.bounds(np.array(below), scene.past, slots), strict=True))

    @cached_property
    def note(self) -> str:
        """What was fitted, in words for users."""
        how = " and ".join(_words(model.recipe) for model in self.models)
        weather = ", ".join(map(self._explained, self.design.weather)) or "no weather"
        return f"fitted to {self.rows} values until {self.cut.isoformat()}, {how}, {weather}"

    def _explained(self, kind: str) -> str:
        """A regressor with how much it helped on the newest weeks, where that is known."""
        helps = self.trial.helps.get(kind)
        return (
            kind
            if helps is None
            else f"{kind} (error {100 * abs(helps):.1f} % {'less' if helps >= 0 else 'more'} with it)"
        )


def _words(recipe: Recipe) -> str:
    words = "least absolute deviations" if recipe.robust else "least squares"
    words += " of square roots" if recipe.root else ""
    words += " of the recent past" if recipe.half_life else ""
    return words + {"all": "", "few": " on few columns", "no season": " without the season"}[recipe.part]


def hours_of_day(starts_ms: Ints) -> Ints:
    """Hour of the UTC day in which each event starts."""
    return starts_ms % DAY_MS // HOUR_MS


def independent_errors(starts_ms: Ints, horizon: timedelta) -> float:
    """About how many independent errors a horizon's events tell of: errors resemble each other for a day and more.

    Measured on six and twelve weeks of history: bands then cover 0.77 to 0.85 of what comes, and 0.69 to 0.82 if every
    day and horizon counts as known for sure.
    """
    return len(np.unique(starts_ms // DAY_MS)) / (1 + horizon / (2 * DAY))
