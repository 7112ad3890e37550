"""A linear regression, and trees on what it leaves: the line reaches further than what was seen, trees bend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from flexmeasures_forecaster_gbm.columns import for_trees
from flexmeasures_forecaster_gbm.trees import Trees, grow
from flexmeasures_regression.design_matrix import Columns, Design
from flexmeasures_regression.event_data import EventData
from flexmeasures_regression.features import Floats, Ints
from flexmeasures_regression.fitted_model import Fitted, Trial
from flexmeasures_regression.model_selection import TrainingSet, not_enough

SHARES = (0.0, 0.5, 1.0)
LEAST = 0.5  # of the errors of the line: fewer four weeks of luck may show
SETTLED = 2000  # rows, from which on a line is so good that what trees leave of its errors is theirs
FEWEST_ROWS = 1000  # below it, trees learn the noise that a regression on as few rows leaves


@dataclass(frozen=True)
class Grown:
    """Trees on what a line left.

    leaves: the columns of the trees. share: how much of their answer counts, one of SHARES: nothing before it was
    tried. errors: what is left of the line's errors with that share.
    """

    line: Fitted
    leaves: Design
    trees: Trees
    share: float = 0.0
    errors: float = 1.0

    def __call__(self, scene: EventData, slots: Ints) -> Floats:
        """What the trees add to the line at some slots, all of it."""
        return self.trees(_table(self.leaves, scene, slots))


@dataclass(frozen=True)
class Boosted(Fitted):
    """The models of one horizon, and trees that were grown on what such models left."""

    grown: Grown

    @classmethod
    def of(cls, line: Fitted, grown: Grown) -> Boosted:
        """A newer line with these trees."""
        spread = line.trial.spread
        if spread is not None:
            spread = spread.scaled(grown.errors)
        trial = replace(line.trial, spread=spread)
        return cls(line.design, line.models, line.scale, line.bounds, trial, line.rows, line.cut, grown)

    def answer(self, columns: Columns, slots: Ints) -> Floats:
        """Forecast some of the slots whose columns were made for this and other designs."""
        values = super().answer(columns, slots)
        if self.grown.share:
            values = values + self.grown.share * self.grown(columns.scene, slots)
        return self.bounds(values, columns.scene.past, slots)

    @cached_property
    def note(self) -> str:
        """What was fitted, in words for users."""
        share = self.grown.share
        counted = "" if share == 1.0 else f" (lately worth {share:.0%})"
        return f"{super().note}, and trees on what these leave{counted}"


def require(lesson: TrainingSet, rows: int) -> None:
    """NotEnoughData where a lesson has fewer rows."""
    if len(lesson.y) < rows:
        raise not_enough(lesson.asked[0], f"trees need {rows}, and there are {len(lesson.y)}")


def grow_on(lesson: TrainingSet, trial: Trial) -> Grown:
    """Fit what was chosen, and grow trees on the rest; NotEnoughData below half of FEWEST_ROWS."""
    require(lesson, FEWEST_ROWS // 2)
    [line] = lesson.course().fit([trial])
    leaves = for_trees(line.design)
    rest = lesson.y - line(lesson.scene, lesson.slots)
    return Grown(line, leaves, grow(_table(leaves, lesson.scene, lesson.slots), rest))


def judged(lesson: TrainingSet, found: Grown, tried: Grown, begin: int) -> Grown:
    """What was found, with the share of trees that would have been best for `tried` since slot `begin`."""
    newest = lesson.slots >= begin
    slots, y = lesson.slots[newest], lesson.y[newest]
    if len(slots) == 0:
        return found
    line, rest, past = tried.line(lesson.scene, slots), tried(lesson.scene, slots), lesson.scene.past
    errors = [np.abs(y - tried.line.bounds(line + share * rest, past, slots)).mean() for share in SHARES]
    best = int(np.argmin(errors))
    left = max(float(errors[best] / max(errors[0], 1e-300)), LEAST) if tried.line.rows >= SETTLED else 1.0
    return replace(found, share=SHARES[best], errors=left)


def _table(design: Design, scene: EventData, slots: Ints) -> Floats:
    return Columns([design], scene, slots).x
