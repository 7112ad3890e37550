"""How good forecasts were: stored beliefs against outcomes, beside repeated values (contract 17.11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flexmeasures import beliefs
from flexmeasures.models.sources import EXPECTING, FORECASTING_SCRIPT
from flexmeasures.timing import iso_duration, iso_time
from flexmeasures_forecasting.known_data import outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flexmeasures.models.sensors import Sensor
    from flexmeasures.models.sources import Source
    from flexmeasures.timeseries import Floats


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of one horizon over n events that have an outcome, a forecast and a naive forecast.

    one_minus_wape: 1 - sum abs(outcome - forecast) / sum abs(outcome); naive: the same for the naive forecast, the
    outcome that ended the horizon before the event's end. mae: mean abs(outcome - forecast) in the sensor's
    unit. All are None when there is no such event, the first two also when all outcomes are 0.
    """

    one_minus_wape: float | None
    naive: float | None
    mae: float | None
    n: int


def accuracy_of(sensor: Sensor, start: datetime, end: datetime, horizon: timedelta) -> Accuracy:
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
    """1 - sum abs(outcome - forecast) / sum abs(outcome); None when all outcomes are 0."""
    import numpy as np

    scale = float(np.abs(outcome).sum())
    return None if scale == 0 else 1.0 - float(np.abs(outcome - forecast).sum()) / scale


# -- by source -----------------------------------------------------------------------------------------

HORIZONS = tuple(timedelta(hours=hours) for hours in (1, 6, 24, 48))
BAND = (0.1, 0.9)
TWO_WEEKS = timedelta(days=14)


@dataclass(frozen=True, kw_only=True)
class Score:
    """How good the beliefs of one source were, as known one horizon before the end of each event.

    n: events that have an outcome and a forecast, of which all figures are. mae, rmse: in the sensor's unit;
    bias: mean (forecast - outcome). mape: None where an outcome is 0. wape: sum abs(error) / sum abs(outcome), None
    where all outcomes are 0. skill_naive, skill_seasonal: 1 - mae / the mean absolute error of the outcome
    that was newest then, and of the newest one at the same time of day; over the events that have these.
    pinball: mean loss over the quantiles 0.1, 0.5 and 0.9; coverage: how often the outcome lay within 0.1 to
    0.9; over the events that have these.
    """

    source: Source
    horizon: timedelta
    n: int
    mae: float
    rmse: float
    bias: float
    mape: float | None
    wape: float | None
    skill_naive: float | None
    skill_seasonal: float | None
    pinball: float | None
    coverage: float | None

    @property
    def one_minus_wape(self) -> float | None:
        """1 - wape."""
        return None if self.wape is None else 1.0 - self.wape


def scores(
    sensor: Sensor, start: datetime, end: datetime, horizons: Sequence[timedelta] = HORIZONS
) -> list[Score]:
    """Scores of every source that said something ahead of the events of a window, by source and horizon."""
    truth = outcomes(sensor, start, end)
    found = []
    for _, source, ahead in beliefs.speakers([sensor], start, end, EXPECTING):
        for horizon in horizons if ahead else ():
            score = _score(sensor, source, horizon, start, end, truth.values)
            if score is not None:
                found.append(score)
    return found


def worse_than_repeating(sensor: Sensor, until: datetime) -> list[str]:
    """Which forecasters were worse over the two weeks before than repeating a value, in words for users.

    Only what was forecast for half of that time or more is judged.
    """
    repeated = {
        "skill_naive": "the newest value",
        "skill_seasonal": "the newest value of the same time of day",
    }
    return [
        f"{score.source.description} was worse than repeating {what}, {iso_duration(score.horizon)} ahead over the two"
        f" weeks before {iso_time(until)}. `flexmeasures add forecasts --backtest` tells which forecaster is better."
        for score in scores(sensor, until - TWO_WEEKS, until)
        for name, what in repeated.items()
        if score.source.type == FORECASTING_SCRIPT
        and 2 * score.n * sensor.event_resolution >= TWO_WEEKS
        and (getattr(score, name) or 0.0) < 0
    ]


def coverage_of(outcomes: Floats, low: Floats, high: Floats) -> float | None:
    """Which part of the outcomes lies in a band, of the events of which all three are known; shapes (n,)."""
    import numpy as np

    known = np.isfinite(outcomes) & np.isfinite(low) & np.isfinite(high)
    inside = (low[known] <= outcomes[known]) & (outcomes[known] <= high[known])
    return float(inside.mean()) if known.any() else None


def _score(
    sensor: Sensor, source: Source, horizon: timedelta, start: datetime, end: datetime, truth: Floats
) -> Score | None:
    """The score of one source and horizon, None without an event to compare."""
    import numpy as np

    said = {"horizon_at_least": horizon, "sources": [source.id]}
    forecast = beliefs.search_one(sensor, start, end, **said).values
    n = min(len(truth), len(forecast))
    known = np.isfinite(truth[:n]) & np.isfinite(forecast[:n])
    if not known.any():
        return None
    y, f = truth[:n][known], forecast[:n][known]
    errors = np.abs(f - y)
    day = timedelta(days=1)
    naive = _before(sensor, start, end, horizon)[:n][known]
    seasonal = _before(sensor, start, end, -(-horizon // day) * day)[:n][known]
    probabilities = (BAND[0], 0.5, BAND[1])
    below = beliefs.search_quantiles(
        sensor, start, end, probabilities, horizon_at_least=horizon, sources=[source.id]
    )
    pinball, coverage = _of_quantiles(y, {p: series.values[:n][known] for p, series in below.items()})
    scale = float(np.abs(y).sum())
    return Score(
        source=source,
        horizon=horizon,
        n=len(y),
        mae=float(errors.mean()),
        rmse=float(np.sqrt((errors**2).mean())),
        bias=float((f - y).mean()),
        mape=float((errors / np.abs(y)).mean()) if (y != 0).all() else None,
        wape=float(errors.sum()) / scale if scale > 0 else None,
        skill_naive=_skill(y, f, naive),
        skill_seasonal=_skill(y, f, seasonal),
        pinball=pinball,
        coverage=coverage,
    )


def _before(sensor: Sensor, start: datetime, end: datetime, lag: timedelta) -> Floats:
    """The outcome that ended a lag (whole slots, rounded up) before each event's end."""
    own = sensor.event_resolution
    lag = -(-lag // own) * own
    return outcomes(sensor, start - lag, end - lag).values


def _skill(y: Floats, f: Floats, reference: Floats) -> float | None:
    """1 - mean |y - f| / mean |y - reference|, where the reference is known; None where that is never wrong."""
    import numpy as np

    known = np.isfinite(reference)
    worst = float(np.abs(y - reference)[known].sum())
    return None if worst == 0 else 1.0 - float(np.abs(y - f)[known].sum()) / worst


def _of_quantiles(y: Floats, below: Mapping[float, Floats]) -> tuple[float | None, float | None]:
    """Mean pinball loss, and how often y lay in the band; of the events that have all quantiles."""
    import numpy as np

    known = np.isfinite(np.sum(list(below.values()), axis=0))
    if not known.any():
        return None, None
    y, of = y[known], {p: values[known] for p, values in below.items()}
    losses = [np.maximum(p * (y - q), (p - 1) * (y - q)).mean() for p, q in of.items()]
    return float(np.mean(losses)), coverage_of(y, of[BAND[0]], of[BAND[1]])
