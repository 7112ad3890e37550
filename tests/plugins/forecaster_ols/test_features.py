"""Lags, gaps, means, calendar and weather curves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures.series import TimeSeries
from flexmeasures_forecaster_ols import features
from flexmeasures_forecaster_ols.features import Past

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUARTER = timedelta(minutes=15)
START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.contract("17.4")
def test_lags_are_those_of_the_contract():
    daily = frozenset({"daily"})
    days = [96 * k for k in range(1, 8)]
    assert features.lags(6 * HOUR, QUARTER, daily, 10_000) == [*range(24, 31), *days]
    days = [96 * k for k in range(3, 9)]  # two days are among the first seven already
    assert features.lags(48 * HOUR, QUARTER, daily, 10_000) == [*range(192, 199), *days]


def test_a_weekly_season_adds_whole_weeks_once():
    both = features.lags(24 * HOUR, HOUR, frozenset({"daily", "weekly"}), 10_000)
    assert both == [*range(24, 31), *(24 * k for k in range(2, 8)), 336]
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
    slots = np.arange(length)
    np.testing.assert_array_equal(whole.means(slots, 1, (4, 28)), part.means(slots, 1, (4, 28)))


def test_means_are_over_the_newest_slots_that_may_be_known():
    past = Past.of(TimeSeries(START, HOUR, np.arange(100.0)))
    assert past.means(np.array([60]), 10, (4, 24)).tolist() == [[48.5, 38.5]]
    assert np.isnan(past.means(np.array([3]), 10, (4,))).all()


@pytest.mark.parametrize("timezone", ["Europe/Amsterdam", "America/Los_Angeles", "Asia/Kolkata", "UTC"])
def test_the_calendar_follows_the_local_clock_through_its_changes(timezone):
    hours = [START + k * HOUR for k in range(0, 300 * 24, 7)]
    starts = np.array([int(hour.timestamp() * 1000) for hour in hours])
    columns = features.calendar(starts, timezone, weekly=True)
    assert (columns.sum(axis=1) == 1).all()
    for hour, group in zip(hours, columns.argmax(axis=1), strict=True):
        local = hour.astimezone(ZoneInfo(timezone))
        assert divmod(group, 3) == (local.hour, max(0, local.weekday() - 4))


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
