"""The last known value, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from flexmeasures.errors import AlgorithmError, NotEnoughData
from flexmeasures.timeseries import TimeSeries
from flexmeasures_forecaster_ols.naive import Naive, SeasonalNaive


def test_repeats_the_slot_that_ends_the_horizon_before_the_event(problem_of):
    problem = problem_of(np.arange(100.0), count=3)
    for forecast in Naive().forecast(problem):
        assert forecast.series.values.tolist() == [97.0, 98.0, 99.0]
        assert (forecast.series.start, len(forecast.series)) == problem.targets[forecast.horizon]


def test_a_horizon_that_is_no_whole_number_of_slots_never_looks_ahead(problem_of):
    problem = problem_of(np.arange(100.0), hours=(24,), resolution=timedelta(hours=5))
    [forecast] = Naive().forecast(
        problem.__class__(
            **{
                **vars(problem),
                "targets": {timedelta(hours=24): (problem.history.end + timedelta(hours=20), 1)},
            }
        )
    )
    assert forecast.series.values.tolist() == [99.0]


def test_an_unknown_slot_is_bridged_by_the_newest_before_it_for_a_week_only(problem_of):
    for missing, expected in ((24, 1.0), (167, 1.0), (168, 1.0)):
        values = np.append(np.ones(50), np.full(missing, np.nan))
        assert Naive().forecast(problem_of(values, hours=(1,)))[0].series.values.tolist() == [expected]
    values = np.append(np.ones(50), np.full(169, np.nan))
    with pytest.raises(
        NotEnoughData, match=r"'meter' has no known value in the 7 days .* Send recent values"
    ):
        Naive().forecast(problem_of(values))


def test_events_before_the_first_known_value_are_left_unknown(problem_of):
    values = np.append(np.full(5, np.nan), np.arange(5.0))
    series = Naive().forecast(problem_of(values, hours=(1,), count=10))[0].series
    np.testing.assert_array_equal(series.values, values)


@pytest.mark.parametrize("values", [[], [np.nan] * 10, [np.inf] * 10])
def test_without_any_known_value_it_says_so(problem_of, values):
    with pytest.raises(NotEnoughData, match="no known value"):
        Naive().forecast(problem_of(values))


def test_events_off_the_grid_are_refused(problem_of):
    problem = problem_of(np.ones(10))
    shifted = TimeSeries(problem.history.start + timedelta(minutes=7), timedelta(hours=1), np.ones(10))
    with pytest.raises(AlgorithmError, match="do not lie on the slots"):
        Naive().forecast(problem.__class__(**{**vars(problem), "history": shifted}))


# -- the same time of the week or day before -----------------------------------------------------------------


@pytest.mark.parametrize(("seasons", "season"), [({"daily", "weekly"}, 168), ({"daily"}, 24)])
def test_the_newest_season_that_an_event_may_know_is_repeated(problem_of, seasons, season):
    problem = problem_of(np.arange(1000.0), hours=(1, 24, 48), count=3, seasonality=frozenset(seasons))
    for forecast in SeasonalNaive().forecast(problem):
        ahead = forecast.horizon // timedelta(hours=1)
        back = -(-ahead // season) * season
        first = 1000 + ahead - 3
        assert forecast.series.values.tolist() == [first + k - back for k in range(3)]


def test_an_unknown_season_is_bridged_by_those_before_it(problem_of):
    values = np.arange(1000.0)
    values[-200:] = np.nan
    [forecast] = SeasonalNaive().forecast(
        problem_of(values, hours=(1,), count=1, seasonality=frozenset({"daily", "weekly"}))
    )
    assert forecast.series.values.tolist() == [1000.0 - 2 * 168]


def test_quantiles_of_the_repetition_hold_what_comes(problem_of):
    values = np.random.default_rng(1).standard_normal(100 * 24)
    problem = problem_of(values[:-24], hours=(24,), count=24)
    [forecast] = SeasonalNaive().forecast(problem)
    low, high = forecast.quantiles[0.1], forecast.quantiles[0.9]
    assert (low < forecast.series.values).all()
    assert (forecast.series.values < high).all()
    assert 1.5 < float((high - low).mean()) < 6.0  # 2.56 times the square root of two is 3.6


def test_without_older_values_there_is_nothing_to_repeat(problem_of):
    with pytest.raises(NotEnoughData, match="no known value at the same time of the 4 weeks before"):
        SeasonalNaive().forecast(
            problem_of(np.arange(5.0), hours=(1,), seasonality=frozenset({"daily", "weekly"}))
        )
