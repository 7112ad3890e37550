"""How well and how fast forecasts are made: every set of real measurements, over its last weeks, hour by hour.

Each method forecasts every hour 1, 6, 24 and 48 hours ahead from what was known then; linear-OLS learns anew
every day, gbm every week. Which of both is better is chosen each week by the eight weeks before.
`accuracy` is compared with the targets of the project, `measure` with its speed aims.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from time import perf_counter
from typing import Any

from common import cpu_seconds, keep, missing, row

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(
        name, "1"
    )  # as a worker is: processes share the cores, threads would fight for them

import numpy as np  # noqa: E402
from forecast_sets import DATA, HORIZONS, HOUR, SETS, BenchSet, facts  # noqa: E402

from flexmeasures.timeseries import TimeSeries  # noqa: E402
from flexmeasures.timing import floor_time  # noqa: E402
from flexmeasures_forecaster_gbm.forecaster import GradientBoosting  # noqa: E402
from flexmeasures_forecaster_ols.linear_ols import LinearOLS  # noqa: E402
from flexmeasures_forecaster_ols.naive import Naive  # noqa: E402
from flexmeasures_forecasting import Forecast, ForecastingProblem  # noqa: E402
from flexmeasures_regression import forecaster  # noqa: E402
from flexmeasures_regression.estimators import Recipe  # noqa: E402
from flexmeasures_regression.event_data import Events  # noqa: E402
from flexmeasures_regression.features import WEEK  # noqa: E402
from flexmeasures_regression.fitted_model import Trial  # noqa: E402

# 1 - WAPE in % at 1, 6, 24 and 48 h: what is aimed at, and the least that is good enough.
AIMS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "household_fr_2024": ((66, 60, 60, 58), (64, 58, 58, 56)),
    "home_fontana_a": ((61, 55, 54.5, 53), (58.5, 51.5, 51.5, 49.5)),
    "substation_nl_287": ((96, 93.3, 93, 92.5), (94, 91, 91, 90)),
    "ev_norway_load": ((80.5, 65, 64.5, 64.3), (79, 63, 63, 63)),
    "solar_pvdaq50 (perfect weather)": ((81.5, 77, 77, 76), (76, 70, 70, 68)),
    "solar_pvdaq50 (no weather)": ((77, 55.5, 55, 53), (72, 49, 49, 47)),
    "wind_gefcom_a": ((85, 65, 59, 50), (84, 60, 50, 48)),
    "wind_offshore_de": ((94.3, 76.5, 62.5, 60), (93.5, 75, 58, 56)),
    "price_nordpool": ((98, 95, 94, 92.5), (97, 93, 92, 89)),
    "price_de": ((91.4, 84.5, 82.5, 81), (88.5, 79, 78, 77)),
}
WEEK_SLOTS = 7 * 24
TRAILING = 8 * WEEK_SLOTS  # slots by which the better method is chosen
NEAR = 0.5  # points below its aim at which a figure still counts as there

Floats = np.ndarray[Any, np.dtype[np.float64]]


class Seasonal:
    """The value of the same time a season before, or as many seasons as the horizon asks for."""

    def __init__(self, season: timedelta) -> None:
        self._season = season

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        """Repeat."""
        answers = []
        for horizon, (start, count) in problem.targets.items():
            back = -(-horizon // self._season) * (self._season // HOUR)
            slots = (start - problem.history.start) // HOUR + np.arange(count) - back
            values = problem.history.values[slots]
            answers.append(Forecast(horizon=horizon, series=TimeSeries(start, HOUR, values)))
        return answers


METHODS: dict[str, Callable[[], Any]] = {
    "linear-OLS": LinearOLS,
    "gbm": GradientBoosting,
    "naive": Naive,
    "same hour yesterday": lambda: Seasonal(timedelta(days=1)),
    "same hour last week": lambda: Seasonal(timedelta(days=7)),
}


@dataclass(frozen=True)
class Scores:
    """How good forecasts of one set, method and horizon were. seconds: for all four horizons together."""

    set: str
    method: str
    horizon: timedelta
    one_minus_wape: float
    pinball: float | None
    coverage_80: float | None
    seconds: float

    def as_row(self) -> dict[str, Any]:
        """A row of bench/latest.json's `accuracy`; one_minus_wape as a fraction, pinball as one of mean |y|."""
        return {
            "set": self.set,
            "method": self.method,
            "horizon": f"PT{self.horizon // HOUR}H",
            "one_minus_wape": round(self.one_minus_wape, 5),
            "pinball": None if self.pinball is None else round(self.pinball, 5),
            "coverage_80": None if self.coverage_80 is None else round(self.coverage_80, 4),
            "seconds": round(self.seconds, 2),
        }


def forecasts(of: BenchSet, method: str) -> tuple[dict[timedelta, Forecast], float]:
    """By horizon, a method's forecasts of the weeks on which methods are compared and of those measured; seconds."""
    first = max(of.first - TRAILING, 0)
    problem = of.problem(first, of.end - first)
    made, answers = METHODS[method](), []
    taken = cpu_seconds(lambda: answers.extend(made.forecast(problem)))
    return {answer.horizon: answer for answer in answers}, taken


def better(of: BenchSet, answers: list[Forecast]) -> Forecast:
    """Each week the forecasts of the method whose error was least in the eight weeks known by then."""
    first, known_until = max(of.first - TRAILING, 0), of.first
    truth = of.series.values[first : of.end]
    errors = np.array([np.abs(answer.series.values - truth) for answer in answers])
    errors[:, np.isnan(errors).any(axis=0)] = 0.0  # compared over the same events
    values = answers[0].series.values.copy()
    quantiles = {p: below.copy() for p, below in answers[0].quantiles.items()}
    lead = answers[0].horizon // HOUR
    for begin in range(known_until - first, of.end - first, WEEK_SLOTS):
        known = slice(max(0, begin - TRAILING), max(0, begin - lead + 1))
        best = answers[int(errors[:, known].sum(axis=1).argmin())]
        week = slice(begin, begin + WEEK_SLOTS)
        values[week] = best.series.values[week]
        for p, below in best.quantiles.items():
            quantiles[p][week] = below[week]
    series = TimeSeries(answers[0].series.start, HOUR, values)
    return Forecast(horizon=answers[0].horizon, series=series, quantiles=quantiles)


def scores(of: BenchSet, methods: Iterable[str] = ()) -> Iterator[Scores]:
    """How good each method is over the last weeks of a set, and the better of the two that learn."""
    found = {method: forecasts(of, method) for method in methods or METHODS}
    if {"linear-OLS", "gbm"} <= found.keys():
        ours, trees = found["linear-OLS"], found["gbm"]
        both = {horizon: better(of, [ours[0][horizon], trees[0][horizon]]) for horizon in HORIZONS}
        found["better of both"] = (both, ours[1] + trees[1])
    for method, (answers, taken) in found.items():
        for answer in answers.values():
            yield _score(of, method, answer, taken)


def _score(of: BenchSet, method: str, answer: Forecast, taken: float) -> Scores:
    measured = slice(-(of.end - of.first), None)
    truth, said = of.series.values[of.first : of.end], answer.series.values[measured]
    known = np.isfinite(truth) & np.isfinite(said)
    y = truth[known]
    wape = float(np.abs(y - said[known]).sum() / np.abs(y).sum())
    pinball, coverage = _of_quantiles(y, {p: q[measured][known] for p, q in answer.quantiles.items()})
    return Scores(of.name, method, answer.horizon, 1 - wape, pinball, coverage, taken)


def _of_quantiles(y: Floats, quantiles: dict[float, Floats]) -> tuple[float | None, float | None]:
    """Mean pinball loss over the quantiles as a part of mean |y|, and how often y lay in the 80 % band."""
    if not {0.1, 0.9} <= quantiles.keys():
        return None, None
    losses = [np.maximum(p * (y - q), (p - 1) * (y - q)).mean() for p, q in quantiles.items()]
    inside = (y >= quantiles[0.1] - 1e-12) & (y <= quantiles[0.9] + 1e-12)
    return float(np.mean(losses) / np.abs(y).mean()), float(inside.mean())


def accuracy_of(
    progress: Callable[[str], None] = lambda text: None, names: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Rows of the named sets (default: all) that are there, by all methods."""
    rows: list[dict[str, Any]] = []
    for name in names or SETS:
        try:
            of = SETS[name]()
        except FileNotFoundError:
            continue  # run.py names the sets that are missing
        progress(f"{name} ...")
        rows += [score.as_row() for score in scores(of)]
    return rows


def verdicts(rows: list[dict[str, Any]], method: str) -> dict[str, str]:
    """By set: "target", "floor" or "below" its four horizons are, by one method."""
    found: dict[str, str] = {}
    for name, (targets, floors) in AIMS.items():
        reached = [
            100 * row["one_minus_wape"] for row in rows if (row["set"], row["method"]) == (name, method)
        ]
        if len(reached) == len(targets):
            near = all(is_ >= aim - NEAR for is_, aim in zip(reached, targets, strict=True))
            enough = all(is_ >= floor for is_, floor in zip(reached, floors, strict=True))
            found[name] = "target" if near and enough else "floor" if enough else "below"
    return found


# -- speed -------------------------------------------------------------------------------------------------


def _like_a_building(days: int, number: int = 1) -> TimeSeries:
    """Hourly values with days, weeks and noise."""
    hours = np.arange(days * 24)
    shape = 1 + 0.5 * np.sin(2 * np.pi * hours / 24) - 0.3 * (hours // 24 % 7 >= 5)
    values = shape + 0.1 * np.random.default_rng(number).standard_normal(len(hours))
    return TimeSeries(datetime(2025, 1, 6, tzinfo=UTC), HOUR, values)


def _ask(series: TimeSeries, horizons: tuple[timedelta, ...], number: int = 1) -> ForecastingProblem:
    """The next event of each horizon."""
    return ForecastingProblem(
        sensor=facts("a building", "building", timezone="Europe/Amsterdam", id=number),
        known_until=series.end,
        history=series,
        targets={horizon: (series.end + horizon - HOUR, 1) for horizon in horizons},
    )


class Squares(LinearOLS):
    """linear-OLS without choosing: least squares on all columns."""

    def trials(
        self, problem: ForecastingProblem, groups: Sequence[Events], midnight: datetime
    ) -> tuple[datetime, Sequence[Trial]]:
        """The same for everybody, learnt in steps of days from the beginning of the week on."""
        return floor_time(midnight, WEEK), [Trial((Recipe(),))] * len(groups)


def _forget() -> None:
    """What a process has learnt."""
    forecaster._learnt.clear()
    forecaster._summed_up.clear()


def _first_and_again(made: Callable[[], LinearOLS], problem: ForecastingProblem) -> tuple[float, float]:
    """CPU milliseconds of learning and forecasting, and of forecasting by what was learnt; medians."""
    first, again = [], []
    for _ in range(7):
        _forget()
        used = made()
        first.append(cpu_seconds(lambda used=used: used.forecast(problem)))
        again.append(cpu_seconds(lambda used=used: used.forecast(problem)))
    return 1000 * float(np.median(first)), 1000 * float(np.median(again))


def _rolling(made: LinearOLS, days: int) -> float:
    """CPU seconds of a forecast each hour at four horizons, each a problem of its own, as jobs ask for them."""
    series = _like_a_building(100 + days)
    _forget()

    def roll() -> None:
        for origin in range(100 * 24, (100 + days) * 24):
            made.forecast(_ask(TimeSeries(series.start, HOUR, series.values[:origin]), HORIZONS))

    return cpu_seconds(roll)


def _batch(numbers: range) -> tuple[list[float], float]:
    """CPU seconds by quarter of the first forecasts of sensors with 60 days of history, and peak memory in MiB."""
    made, quarter = LinearOLS(), max(1, len(numbers) // 4)
    taken = [
        cpu_seconds(
            lambda part=numbers[k : k + quarter]: [
                made.forecast(_ask(_like_a_building(60, number), HORIZONS, number)) for number in part
            ]
        )
        for k in range(0, len(numbers), quarter)
    ]
    return taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _many(sensors: int) -> dict[str, Any]:
    """A row: seconds that two worker processes take for the first forecasts of so many sensors, choices included."""
    halves = [range(sensors // 2), range(sensors // 2, sensors)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_batch, [range(1), range(1)]))  # started, and imported what they need
        begin = perf_counter()
        batches = list(pool.map(_batch, halves))
        taken = perf_counter() - begin
    first, last = (1000 * sum(cpu[k] for cpu, _ in batches) / (sensors / 4) for k in (0, 3))
    text = f"two workers, 60 days of history; CPU a sensor {first:.0f} ms in the first quarter, {last:.0f} in the last"
    memory = max(peak for _, peak in batches)
    return row(
        f"forecast_{sensors}_sensors_seconds", taken, "s", against=f"{text}; {memory:.0f} MiB", size=sensors
    )


def measure() -> list[dict[str, Any]]:
    """The speed of forecasting."""
    rows = []
    every_hour = tuple(hours * HOUR for hours in range(1, 49))
    for name, days, aim in (("1_month", 31, 30.0), ("1_year", 365, 80.0)):
        first, again = _first_and_again(Squares, _ask(_like_a_building(days), every_hour))
        against = f"aim, CPU; of it, forecasting by fitted models {again:.1f} ms"
        rows.append(row(f"forecast_{name}_ms", first, "ms", against=against, than=aim, size=48))
    taken = _rolling(Squares(), 365)
    text = "aim, CPU; a problem an hour, the squares fit renewed each day"
    rows.append(row("forecast_rolling_year_seconds", taken, "s", against=text, than=10.0, size=4 * 8760))
    first, _ = _first_and_again(LinearOLS, _ask(_like_a_building(365), HORIZONS))
    text = "aim, CPU; a refit of four horizons that chooses, as once a week"
    rows.append(row("forecast_choosing_refit_seconds", first / 1000, "s", against=text, than=3.0, size=4))
    rows.append(_many(1000))
    return rows


def main(names: list[str]) -> None:
    """Print how good forecasts of the named sets are, and which aims they reach; by default of all, and keep it."""
    from rich.console import Console
    from run import accuracy_table

    found = accuracy_of(lambda text: print(text, file=sys.stderr, flush=True), names)
    if not found:
        print(missing("accuracy", f"no data in {DATA}"))
        return
    Console(width=130).print(accuracy_table(found))
    for method in ("linear-OLS", "gbm", "better of both"):
        print(method, verdicts(found, method))
    if not names:
        keep(accuracy=found)


if __name__ == "__main__":
    main(sys.argv[1:])
