"""gbm: gradient-boosted trees per horizon on what linear-OLS leaves, grown anew every four weeks of data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flexmeasures.errors import NotEnoughData
from flexmeasures.timing import floor_time
from flexmeasures_algorithms import SensorFacts
from flexmeasures_forecaster_gbm.boosting import FEWEST_ROWS, Boosted, Grown, grow_on, judged, require
from flexmeasures_forecasting import ForecastingProblem
from flexmeasures_regression.event_data import Events
from flexmeasures_regression.features import WEEK
from flexmeasures_regression.fitted_model import Fitted
from flexmeasures_regression.forecaster import RegressionForecaster, before, lesson_until, remember, tried

LASTS = 4 * WEEK  # how long trees serve, and on how much they are tried
KEPT = 200  # forests that a process keeps, some MB each

_forests: OrderedDict[bytes, Any] = OrderedDict()


class GradientBoosting(RegressionForecaster):
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
        return [
            Boosted.of(line, _grown(problem, group, midnight))
            for line, group in zip(lines, groups, strict=True)
        ]


def _grown(problem: ForecastingProblem, group: Events, midnight: datetime) -> Grown:
    """Trees for one horizon: the same ones whichever others are asked for beside it, as the hour of a job decides."""
    for moment in (floor_time(midnight, LASTS), floor_time(midnight, WEEK)):
        try:
            return _grown_until(problem, group, moment)
        except NotEnoughData:
            continue
    return _grown_until(problem, group, midnight)


def _grown_until(problem: ForecastingProblem, group: Events, moment: datetime) -> Grown:
    """Trees from what ended before a moment, judged by how those of LASTS before did until then."""
    _, _, seen = before(problem, [group], moment, moment)

    def judge() -> Grown:
        lesson = lesson_until(problem, [group], moment)
        require(lesson, FEWEST_ROWS)
        found = _forest(problem, group, moment)
        try:
            older = _forest(problem, group, moment - LASTS)
        except NotEnoughData:
            return found
        return judged(lesson, found, older, lesson.end - LASTS // lesson.scene.past.resolution)

    return remember("judged trees", seen, judge, _forests, KEPT)


def _forest(problem: ForecastingProblem, group: Events, moment: datetime) -> Grown:
    """Trees that serve from a moment on, and by which the next ones are judged."""
    [trial] = tried(problem, [group], moment)
    _, _, seen = before(problem, [group], moment, moment)
    return remember(
        "trees", seen, lambda: grow_on(lesson_until(problem, [group], moment), trial), _forests, KEPT
    )
