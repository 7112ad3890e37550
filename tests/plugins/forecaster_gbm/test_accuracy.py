"""On real data, as bench/ measures it on more: a roof whose modules answer the light non-linearly."""

from __future__ import annotations

import csv
import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from flexmeasures.timeseries import TimeSeries
from flexmeasures_algorithms import SensorFacts
from flexmeasures_forecaster_gbm.forecaster import GradientBoosting
from flexmeasures_forecaster_ols.linear_ols import LinearOLS
from flexmeasures_forecasting import ForecastingProblem, Regressor

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FOLDER = Path(os.environ.get("FLEXMEASURES_BENCH_DATA", Path(__file__).parents[4] / "shared" / "data"))
DATA = FOLDER / "solar_pvdaq50_2011_2012.csv.gz"
FIRST, START, END = (datetime(2012, *day, tzinfo=UTC) for day in ((1, 1), (6, 14), (6, 28)))
ROOF = SensorFacts(
    id=1,
    name="roof",
    kind="asset",
    type="solar",
    unit="MW",
    resolution=HOUR,
    latitude=39.74,
    longitude=-105.18,
    is_producer=True,
    seasonality=frozenset({"daily", "yearly"}),
)


def read():
    """Power in MW, production negative, and radiation in W/m2 from FIRST to END, means by hour."""
    sums = np.zeros((3, (END - FIRST) // HOUR))
    with gzip.open(DATA, "rt") as text:
        for row in csv.DictReader(text):
            slot = (datetime.fromisoformat(row["event_start"]) - FIRST) // HOUR
            if 0 <= slot < sums.shape[1] and row["pv_w"] and row["ghi_w_m2"]:
                sums[:, slot] += (-1e-6 * float(row["pv_w"]), float(row["ghi_w_m2"]), 1)
    counts = np.where(sums[2] > 0, sums[2], np.nan)
    return TimeSeries(FIRST, HOUR, sums[0] / counts), TimeSeries(FIRST, HOUR, sums[1] / counts)


@pytest.mark.skipif(not DATA.exists(), reason=f"NO REAL DATA at {DATA}: set FLEXMEASURES_BENCH_DATA")
@pytest.mark.usefixtures("all_trees")
def test_gbm_beats_the_regression_on_a_real_roof_a_day_ahead():
    """Two weeks of June after five months, with the radiation that came."""
    power, radiation = read()
    asked = ForecastingProblem(
        sensor=ROOF,
        known_until=END - DAY + HOUR,
        history=TimeSeries(FIRST, HOUR, power.values[:-23]),
        targets={DAY: (START, (END - START) // HOUR)},
        regressors=(
            Regressor(
                type="radiation", history=TimeSeries(END, HOUR, np.empty(0)), forecasts={DAY: radiation}
            ),
        ),
    )
    truth = power.values[(START - FIRST) // HOUR :]
    known = np.isfinite(truth)
    found = []
    for made in (GradientBoosting(), LinearOLS()):
        [answer] = made.forecast(asked)
        wape = np.abs(answer.series.values - truth)[known].sum() / np.abs(truth[known]).sum()
        found.append(100 * (1 - wape))
    print(f"accuracy of gbm {found[0]:.1f} %, of linear-OLS {found[1]:.1f} %")
    assert found[0] > found[1]
