"""How good forecasts were: stored beliefs against outcomes, beside the last known value (contract 17.11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flexmeasures import beliefs
from flexmeasures.knowledge import outcomes
from flexmeasures.models.sources import FORECASTING_SCRIPT

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Sensor
    from flexmeasures.series import Floats


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of one horizon over n events that have an outcome, a forecast and a naive forecast.

    one_minus_wape: 1 - sum |outcome - forecast| / sum |outcome|; naive: the same for the naive forecast, the
    outcome that ended the horizon before the event's end. mae: mean |outcome - forecast| in the sensor's
    unit. All are None when there is no such event, the first two also when all outcomes are 0.
    """

    one_minus_wape: float | None
    naive: float | None
    mae: float | None
    n: int


def accuracy(sensor: Sensor, start: datetime, end: datetime, horizon: timedelta) -> Accuracy:
    """Compare the stored forecasts of exactly this horizon with the outcomes of a window."""
    import numpy as np

    truth = outcomes(sensor, start, end)
    forecast = beliefs.search_one(
        sensor,
        start,
        end,
        horizon_at_least=horizon,
        horizon_at_most=horizon,
        source_types=(FORECASTING_SCRIPT,),
    )
    naive = outcomes(sensor, start - horizon, end - horizon)
    n = min(len(truth), len(forecast), len(naive))
    y, f, b = (series.values[:n] for series in (truth, forecast, naive))
    known = np.isfinite(y) & np.isfinite(f) & np.isfinite(b)
    y, f, b = y[known], f[known], b[known]
    if len(y) == 0:
        return Accuracy(None, None, None, 0)
    return Accuracy(one_minus_wape(y, f), one_minus_wape(y, b), float(np.abs(y - f).mean()), len(y))


def one_minus_wape(outcome: Floats, forecast: Floats) -> float | None:
    """1 - sum |outcome - forecast| / sum |outcome|; None when all outcomes are 0."""
    import numpy as np

    scale = float(np.abs(outcome).sum())
    return None if scale == 0 else 1.0 - float(np.abs(outcome - forecast).sum()) / scale
