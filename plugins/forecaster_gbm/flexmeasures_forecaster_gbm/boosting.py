"""A linear regression, and trees on what it leaves: the line reaches further than what was seen, trees bend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from flexmeasures_forecaster_gbm.columns import for_trees
from flexmeasures_forecaster_gbm.trees import Trees, grow
from flexmeasures_forecaster_ols.design import Columns, Design
from flexmeasures_forecaster_ols.features import Floats, Ints
from flexmeasures_forecaster_ols.learning import Fitted, Lesson, Trial, not_enough
from flexmeasures_forecaster_ols.scene import Scene

FEWEST_ROWS = 1000  # below it, trees learn the noise that a regression on as few rows leaves


@dataclass(frozen=True)
class Boosted(Fitted):
    """The models of one horizon with the trees that are added to their mean, and the columns of these."""

    trees: Trees
    leaves: Design

    def __call__(self, scene: Scene, slots: Ints) -> Floats:
        """Forecast, shape (slots,); NaN where no value was known that could be forecast from."""
        values = super().__call__(scene, slots)
        return self.bounds(values + self.trees(_table(self.leaves, scene, slots)), scene.past, slots)

    @property
    def note(self) -> str:
        """What was fitted, in words for users."""
        return f"{super().note}, and trees on what these leave"


def boost(lesson: Lesson, trials: Sequence[Trial]) -> list[Boosted]:
    """Fit what was chosen for each horizon, then grow trees on the rest; NotEnoughData for too few rows."""
    if len(lesson.y) < FEWEST_ROWS:
        raise not_enough(lesson.asked[0], f"trees need {FEWEST_ROWS}, and there are {len(lesson.y)}")
    return [_boosted(lesson, linear) for linear in lesson.fit(trials)]


def _boosted(lesson: Lesson, linear: Fitted) -> Boosted:
    leaves, scene, slots = for_trees(linear.design), lesson.scene, lesson.slots
    trees = grow(_table(leaves, scene, slots), lesson.y - linear(scene, slots))
    known: dict[str, Any] = {field.name: getattr(linear, field.name) for field in fields(Fitted)}
    return Boosted(**known, trees=trees, leaves=leaves)


def _table(design: Design, scene: Scene, slots: Ints) -> Floats:
    return Columns([design], scene, slots).table.x
