"""auto: the best of what is installed, without look-ahead; failing forecasters do no harm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from flexmeasures.errors import NotEnoughData
from flexmeasures.timeseries import TimeSeries
from flexmeasures_algorithms import SensorFacts, registry_of
from flexmeasures_forecaster_auto import trailing
from flexmeasures_forecaster_auto.forecaster import Auto
from flexmeasures_forecasting import FallbackChain, Forecast, Forecaster, ForecastingProblem

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 90


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch, in_app):
    """No test profits from what another one asked, and trees, which take time, are no candidates."""
    monkeypatch.setattr(trailing, "_kept", trailing.OrderedDict())
    monkeypatch.setattr(
        registry_of("forecaster").get("gbm"), "accepts", classmethod(lambda cls, sensor: False)
    )


@pytest.fixture
def values():
    hours = np.arange(DAYS * 24)
    return 2 + np.sin(2 * np.pi * hours / 24) + 0.1 * np.random.default_rng(1).standard_normal(len(hours))


def problem(values, hours=(1, 24), count=1):
    history = TimeSeries(START, HOUR, np.asarray(values, dtype=float))
    facts = SensorFacts(
        id=1,
        name="meter",
        kind="asset",
        type="building",
        unit="MW",
        resolution=HOUR,
        is_consumer=True,
        seasonality=frozenset({"daily", "weekly"}),
    )
    targets = {h * HOUR: (history.end + (h - count) * HOUR, count) for h in hours}
    return ForecastingProblem(sensor=facts, known_until=history.end, history=history, targets=targets)


class Says(Forecaster):
    """Of each event what `truth` says, plus an error."""

    name = "stranger"
    by_itself = False
    truth = np.empty(0)
    error = 0.0
    asked = 0

    @classmethod
    def accepts(cls, sensor):
        return True

    def forecast(self, problem):
        type(self).asked += 1
        if np.isnan(self.error):
            raise ZeroDivisionError("a fault of the stranger")
        answers = []
        for horizon, (start, count) in problem.targets.items():
            first = (start - START) // HOUR
            said = self.truth[first : first + count] + self.error
            answers.append(Forecast(horizon=horizon, series=TimeSeries(start, HOUR, said)))
        return answers


@pytest.fixture
def stranger(values):
    """A forecaster of another package."""
    made = type("Stranger", (Says,), {"truth": np.append(values, np.full(48, 7.0)), "error": 0.01})
    registry_of("forecaster").add(made)
    yield made
    registry_of("forecaster").discard([made])


def test_the_one_that_was_best_is_taken_and_the_note_says_why(values, stranger):
    for answer in Auto().forecast(problem(values)):
        expected = stranger.truth[(answer.series.start - START) // HOUR] + 0.01
        assert answer.series.values == pytest.approx([expected])
        assert answer.notes[0].startswith("stranger by the newest weeks; errors beside it: linear-OLS +")


@pytest.mark.parametrize("error", [5.0, np.nan])
def test_a_worse_or_failing_one_changes_nothing(values, stranger, error):
    stranger.error = error
    with_it = Auto().forecast(problem(values))
    registry_of("forecaster").discard([stranger])
    without = Auto().forecast(problem(values))
    for one, other in zip(with_it, without, strict=True):
        np.testing.assert_array_equal(one.series.values, other.series.values)
        assert set(one.quantiles) == {0.1, 0.5, 0.9}
        assert np.isfinite(list(one.quantiles.values())).all()


def test_past_weeks_are_asked_once_for_all_jobs_of_a_process(values, stranger):
    Auto().forecast(problem(values))
    before = stranger.asked
    Auto().forecast(problem(values[:-3]))
    assert stranger.asked == before + 1  # for the forecast itself, once for both horizons


def test_values_that_an_event_may_not_know_change_neither_choice_nor_forecast(values):
    count, first = 10 * 24, 100
    poisoned = values.copy()
    poisoned[len(values) - count + first + 1 :] = -1e6
    [before] = Auto().forecast(problem(values, (24,), count))
    trailing._kept.clear()
    [after] = Auto().forecast(problem(poisoned, (24,), count))
    np.testing.assert_array_equal(before.series.values[: first + 1], after.series.values[: first + 1])
    assert np.isfinite(before.series.values).all()


def test_with_too_little_to_compare_linear_ols_stands_in_and_says_so(values):
    short = problem(values[: 30 * 24])
    with pytest.raises(NotEnoughData, match="compared by their forecasts of at least 3 weeks"):
        Auto().forecast(short)
    answer = FallbackChain(Auto).answer(short)
    assert answer.algorithm.name == "linear-OLS"


def test_only_sensors_for_which_trying_costs_little_are_accepted(values):
    sensor = problem(values).sensor
    accepted = [
        Auto.accepts(replace(sensor, resolution=timedelta(minutes=each))) for each in (5, 15, 60, 1440)
    ]
    assert accepted == [False, True, True, False]
