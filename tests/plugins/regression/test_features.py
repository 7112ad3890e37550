"""Lags, gaps, means, calendar and weather curves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures.timeseries import TimeSeries
from flexmeasures_regression import features
from flexmeasures_regression.features import Past

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUARTER = timedelta(minutes=15)
START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.contract("17.4")
def test_lags_are_those_of_the_contract_and_one_of_each_of_the_newest_hours():
    daily = frozenset({"daily"})
    days = [96 * k for k in range(1, 8)]
    hours = [24 + 4 * k for k in range(24)]
    assert set(features.lags(6 * HOUR, QUARTER, daily, 10_000)) == {*range(24, 31), *days, *hours}
    days = [96 * k for k in range(2, 9)]
    hours = [192 + 4 * k for k in range(24)]
    assert set(features.lags(48 * HOUR, QUARTER, daily, 10_000)) == {*range(192, 199), *days, *hours}


def test_a_weekly_season_adds_whole_weeks_once():
    both = features.lags(24 * HOUR, HOUR, frozenset({"daily", "weekly"}), 10_000)
    assert both == [*range(24, 48), *(24 * k for k in range(2, 8)), 336]
    assert features.lags(7 * DAY, 7 * DAY, frozenset({"daily", "weekly"}), 100) == [*range(1, 8)]


def test_a_short_history_gets_fewer_lags_but_always_one():
    assert max(features.lags(24 * HOUR, HOUR, frozenset({"daily"}), 100)) <= 100
    assert features.lags(24 * HOUR, HOUR, frozenset({"daily"}), 3) == [24]


@given(
    horizon=st.integers(1, 10_000),
    resolution=st.integers(1, 2_000),
    season=st.sampled_from(["daily", "weekly"]),
)
def test_no_lag_reaches_past_what_the_horizon_allows(horizon, resolution, season):
    horizon, resolution = horizon * timedelta(minutes=1), resolution * timedelta(minutes=1)
    lags = features.lags(horizon, resolution, frozenset({season}), 10**6)
    assert all(lag * resolution >= horizon for lag in lags)
    assert len(set(lags)) == len(lags)


def test_short_gaps_are_bridged_by_the_value_before_and_long_ones_by_former_days():
    values = np.arange(96.0)
    values[30:32] = np.nan
    values[50:60] = np.nan
    filled = features.fill(values, HOUR)
    assert filled[30:32].tolist() == [29.0, 29.0]
    assert filled[50:60].tolist() == [49.0, 49.0, *range(28, 30), 29.0, 29.0, *range(32, 36)]


def test_gaps_of_more_than_a_week_stay_unknown():
    values = np.append(np.ones(48), np.full(10 * 24, np.nan))
    assert np.isnan(features.fill(values, HOUR)[48 + 2 + 7 * 24 :]).all()
    assert not np.isnan(features.fill(values, HOUR)[: 48 + 7 * 24]).any()


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.sampled_from([np.nan, 1.0, 2.0, np.inf]), max_size=90), cut=st.integers(0, 90))
def test_what_is_made_of_the_past_never_depends_on_later_values(values, cut):
    whole = Past.of(TimeSeries(START, 6 * HOUR, np.array(values, dtype=float)))
    part = Past.of(TimeSeries(START, 6 * HOUR, np.array(values[:cut], dtype=float)))
    length = len(part.filled)
    np.testing.assert_array_equal(whole.filled[:length], part.filled)
    np.testing.assert_array_equal(whole.sums[: length + 1], part.sums)
    np.testing.assert_array_equal(whole.means(28)[:length], part.means(28))


def test_means_are_over_the_newest_slots_that_may_be_known():
    values = np.arange(100.0)
    values[:3] = np.nan
    past = Past.of(TimeSeries(START, HOUR, values))
    assert [past.means(span)[50] for span in (4, 24)] == [48.5, 38.5]
    assert past.means(4)[[2, 3, 4]].tolist() == pytest.approx([np.nan, 3.0, 3.5], nan_ok=True)


@pytest.mark.parametrize("slots", [[5, 6, 7], [2, 5, 9], [0], []])
def test_values_before_slots_are_unknown_outside_of_what_is_there(slots):
    found = features.shifted(np.arange(8.0), np.array(slots, dtype=int), [0, 3, 1])
    expected = [[slot - k if 0 <= slot - k < 8 else np.nan for slot in slots] for k in (0, 3, 1)]
    np.testing.assert_array_equal(found, np.array(expected).reshape(3, len(slots)))


def test_hinges_make_any_curve_of_straight_pieces():
    values = np.linspace(0, 10, 50)
    columns = features.hinges(values, np.array([2.0, 5.0]))
    curve = np.interp(values, [0, 2, 5, 10], [0, 0, 3, 3])
    assert np.linalg.lstsq(columns, curve, rcond=None)[1] < 1e-20


def test_values_outside_of_a_series_are_unknown():
    series = TimeSeries(START + 2 * HOUR, HOUR, np.array([1.0, 2.0]))
    np.testing.assert_array_equal(
        features.at(series, START, np.arange(5)), [np.nan, np.nan, 1.0, 2.0, np.nan]
    )


def test_knots_are_quantiles_of_what_was_seen_each_once():
    assert features.knots(np.array([np.nan, *range(101)])) == (10.0, 25.0, 50.0, 75.0, 90.0)
    assert features.knots(np.array([0.0] * 50 + [1.0])) == (0.0,)
    assert features.knots(np.array([np.nan])) == ()


def test_running_means_are_of_what_is_known_before_each_place():
    values = np.array([1.0, np.nan, 3.0, 5.0])
    found = features.running_means(values, np.array([0, 2, 4]), (2, 4))
    np.testing.assert_array_equal(found, [[np.nan, np.nan], [1.0, 1.0], [4.0, 3.0]])
