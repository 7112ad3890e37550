"""gbm: gradient-boosted trees per horizon on what linear-OLS leaves, grown anew for every week of data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flexmeasures.algorithms import ForecastingProblem, SensorFacts
from flexmeasures.errors import NotEnoughData
from flexmeasures.timing import floor_time
from flexmeasures_forecaster_gbm.boosting import Boosted, boost
from flexmeasures_forecaster_ols.features import WEEK
from flexmeasures_forecaster_ols.fitted import Trial
from flexmeasures_forecaster_ols.forecaster import LinearOLS, before, lesson_until, remember
from flexmeasures_forecaster_ols.scene import Events

KEPT = 50  # forests that a process keeps, some MB each for four horizons

_grown: OrderedDict[bytes, Any] = OrderedDict()


class GradientBoosting(LinearOLS):
    """The regression of linear-OLS, and LightGBM's trees on what it leaves: for weather that acts non-linearly.

    How much the trees count is decided by how much they helped in the newest weeks that they had not seen.
    Both learn from what ended before the week up to which the events know the history began, or before
    their day where that is too little. It takes a thousand values; with fewer, linear-OLS forecasts.
    """

    name = "gbm"
    version = "1"
    fallback = "linear-OLS"

    @classmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        """No sensor by itself: gbm is for those for which it is wished."""
        return False

    def learn(
        self, problem: ForecastingProblem, groups: Sequence[Events], midnight: datetime
    ) -> Sequence[Boosted]:
        """A regression and trees for the horizon of each group; NotEnoughData for too little history."""
        _, trials = self.trials(problem, groups, midnight)
        try:
            return _grow(problem, groups, floor_time(midnight, WEEK), trials)
        except NotEnoughData:
            return _grow(problem, groups, midnight, trials)


def _grow(
    problem: ForecastingProblem, groups: Sequence[Events], moment: datetime, trials: Sequence[Trial]
) -> Sequence[Boosted]:
    _, _, seen = before(problem, groups, moment, moment)
    chosen = repr([trial.recipes for trial in trials])
    return remember(chosen, seen, lambda: boost(lesson_until(problem, groups, moment), trials), _grown, KEPT)
