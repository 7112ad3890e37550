"""A linear regression, and trees on what it leaves: the line reaches further than what was seen, trees bend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from flexmeasures_forecaster_gbm.columns import for_trees
from flexmeasures_forecaster_gbm.trees import Trees, grow
from flexmeasures_forecaster_ols.design import Columns, Design
from flexmeasures_forecaster_ols.features import Floats, Ints
from flexmeasures_forecaster_ols.fitted import Fitted, Trial, hours_of_day
from flexmeasures_forecaster_ols.learning import Lesson, not_enough
from flexmeasures_forecaster_ols.ols import Bools
from flexmeasures_forecaster_ols.scene import Scene
from flexmeasures_forecaster_ols.spread import Spread

SHARES = (0.0, 0.5, 1.0)
FEWEST_ROWS = 1000  # below it, trees learn the noise that a regression on as few rows leaves


@dataclass(frozen=True)
class Boosted(Fitted):
    """The models of one horizon with the trees that are added to their mean.

    leaves: the columns of the trees. share: how much of their answer counts, one of SHARES.
    """

    trees: Trees
    leaves: Design
    share: float = 1.0

    def answer(self, columns: Columns, slots: Ints) -> Floats:
        """Forecast some of the slots whose columns were made for this and other designs."""
        values = super().answer(columns, slots)
        if self.share:
            values = values + self.share * self.trees(_table(self.leaves, columns.scene, slots))
        return self.bounds(values, columns.scene.past, slots)

    @cached_property
    def note(self) -> str:
        """What was fitted, in words for users."""
        counted = "" if self.share == 1.0 else f" (lately worth {self.share:.0%})"
        return f"{super().note}, and trees on what these leave{counted}"


def boost(lesson: Lesson, trials: Sequence[Trial]) -> list[Boosted]:
    """Fit what was chosen for each horizon, then grow trees on the rest; NotEnoughData for too few rows.

    The newest weeks, forecast from what was before them, tell how much trees help, and how far outcomes lie
    from forecasts.
    """
    if len(lesson.y) < FEWEST_ROWS:
        raise not_enough(lesson.asked[0], f"trees need {FEWEST_ROWS}, and there are {len(lesson.y)}")
    found = _boosted(lesson, trials, len(lesson.slots))
    begin = lesson.end - lesson.newest
    older = lesson.before(begin)
    if older < FEWEST_ROWS // 2:
        return [replace(each, trial=replace(each.trial, spread=None)) for each in found]
    tried = _boosted(lesson, trials, older)
    newest = lesson.slots >= begin
    return [_judged(lesson, each, before, newest) for each, before in zip(found, tried, strict=True)]


def _boosted(lesson: Lesson, trials: Sequence[Trial], count: int) -> list[Boosted]:
    """Learn from so many of the oldest rows."""
    scene, slots, y = lesson.scene, lesson.slots[:count], lesson.y[:count]
    found = []
    for linear in lesson.course(count).fit(trials):
        leaves = for_trees(linear.design)
        trees = grow(_table(leaves, scene, slots), y - linear(scene, slots))
        known: dict[str, Any] = {field.name: getattr(linear, field.name) for field in fields(Fitted)}
        found.append(Boosted(**known, trees=trees, leaves=leaves))
    return found


def _judged(lesson: Lesson, found: Boosted, tried: Boosted, rows: Bools) -> Boosted:
    """What was found, with the share of trees and the spread of errors that were right for `tried` on these rows."""
    slots, y = lesson.slots[rows], lesson.y[rows]
    if len(slots) == 0:
        return replace(found, trial=replace(found.trial, spread=None))
    errors = [y - replace(tried, share=share)(lesson.scene, slots) for share in SHARES]
    best = int(np.argmin([np.abs(each).mean() for each in errors]))
    spread = Spread.of(errors[best], hours_of_day(lesson.scene.past.starts_ms(slots)))
    return replace(found, share=SHARES[best], trial=replace(found.trial, spread=spread))


def _table(design: Design, scene: Scene, slots: Ints) -> Floats:
    return Columns([design], scene, slots).x
