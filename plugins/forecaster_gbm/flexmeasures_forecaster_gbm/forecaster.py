"""gbm: gradient-boosted trees per horizon on what linear-OLS leaves, grown anew every four weeks of data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flexmeasures.algorithms import ForecastingProblem, SensorFacts
from flexmeasures.errors import NotEnoughData
from flexmeasures.timing import floor_time
from flexmeasures_forecaster_gbm.boosting import FEWEST_ROWS, Boosted, Grown, grow_on, judged, require
from flexmeasures_forecaster_ols.features import WEEK
from flexmeasures_forecaster_ols.fitted import Fitted, Trial
from flexmeasures_forecaster_ols.forecaster import LinearOLS, before, lesson_until, remember, tried
from flexmeasures_forecaster_ols.scene import Events

LASTS = 4 * WEEK  # how long trees serve, and on how much they are tried
KEPT = 50  # forests that a process keeps, some MB each for four horizons

_grown: OrderedDict[bytes, Any] = OrderedDict()


class GradientBoosting(LinearOLS):
    """The regression of linear-OLS, and LightGBM's trees on what it leaves: for weather that acts non-linearly.

    The regression is that of linear-OLS; trees are grown every four weeks, from what ended before these began (or the
    week, or the day, where that is too little). How much they count is decided by how much those of four weeks before
    helped until then. It takes a thousand values; with fewer, linear-OLS forecasts.
    """

    name = "gbm"
    version = "2"
    fallback = "linear-OLS"
    by_itself = False

    @classmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        """Every sensor."""
        return True

    def learn(
        self, problem: ForecastingProblem, groups: Sequence[Events], midnight: datetime
    ) -> Sequence[Fitted]:
        """A regression and trees for the horizon of each group; NotEnoughData for too little history."""
        lines = super().learn(problem, groups, midnight)
        for moment in (floor_time(midnight, LASTS), floor_time(midnight, WEEK)):
            try:
                grown = _grown_until(problem, groups, moment)
                break
            except NotEnoughData:
                continue
        else:
            grown = _grown_until(problem, groups, midnight)
        return [Boosted.of(line, each) for line, each in zip(lines, grown, strict=True)]


def _grown_until(problem: ForecastingProblem, groups: Sequence[Events], moment: datetime) -> Sequence[Grown]:
    """Trees from what ended before a moment, judged by how those of LASTS before did until then."""
    _, _, seen = before(problem, groups, moment, moment)

    def judge() -> list[Grown]:
        require(lesson_until(problem, groups, moment), FEWEST_ROWS)
        found = _forest(problem, groups, moment)
        try:
            older = _forest(problem, groups, moment - LASTS)
        except NotEnoughData:
            return list(found)
        lesson = lesson_until(problem, groups, moment)
        begin = lesson.end - LASTS // lesson.scene.past.resolution
        return [judged(lesson, *pair, begin) for pair in zip(found, older, strict=True)]

    return remember("judged trees", seen, judge, _grown, KEPT)


def _forest(problem: ForecastingProblem, groups: Sequence[Events], moment: datetime) -> Sequence[Grown]:
    """Trees that serve from a moment on, and by which the next ones are judged."""
    trials: Sequence[Trial] = tried(problem, groups, moment)
    _, _, seen = before(problem, groups, moment, moment)
    return remember(
        "trees", seen, lambda: grow_on(lesson_until(problem, groups, moment), trials), _grown, KEPT
    )
