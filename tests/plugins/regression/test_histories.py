"""Any history gives a forecast or clear words, within what the sensor can do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.errors import AlgorithmError, NotEnoughData
from flexmeasures_forecaster_ols.linear_ols import LinearOLS
from flexmeasures_regression.event_data import EventData, Events
from flexmeasures_regression.feature_blocks import Year
from flexmeasures_regression.model_selection import TrainingSet

from .conftest import DAY, HOUR, SLOW, values_of, with_history


@pytest.mark.parametrize(
    "values", [[], [np.nan] * 1000, [1.0] * 300, np.append(np.full(1000, np.nan), np.ones(100))]
)
@pytest.mark.contract("17.6")
def test_too_little_history_is_told_with_what_is_missing_and_what_to_do(problem_of, values):
    text = (
        r"sensor 'meter' PT1H ahead, values over at least 14 days before .* are needed.*there are \d+.*"
        "Send older values"
    )
    with pytest.raises(NotEnoughData, match=text):
        LinearOLS().forecast(problem_of(values))


@pytest.mark.parametrize("level", [0.0, 5.0, -0.1, 1e-9, 12345.678])
def test_a_constant_is_forecast_as_that_constant(problem_of, level):
    for forecast in LinearOLS().forecast(problem_of(np.full(24 * 20, level), count=24)):
        assert (forecast.series.values == level).all()


def test_a_stuck_meter_that_moves_again_is_forecast_within_bounds(problem_of, daily_load):
    values = np.append(np.full(30 * 24, 0.1 + 0.2), daily_load(1))
    for forecast in LinearOLS().forecast(problem_of(values, count=24)):
        assert np.isfinite(forecast.series.values).all()
        assert (forecast.series.values > -1).all()
        assert (forecast.series.values < 3).all()


def test_gaps_neither_stop_nor_spoil_a_forecast(problem_of, daily_load):
    values = daily_load(60)
    whole = values_of(LinearOLS().forecast(problem_of(values, count=24)))
    values[::7] = np.nan
    values[500:560] = np.nan
    for horizon, found in values_of(LinearOLS().forecast(problem_of(values, count=24))).items():
        np.testing.assert_allclose(found, whole[horizon], atol=0.35)


def test_a_meter_that_fell_silent_for_days_is_forecast_from_before(problem_of, daily_load):
    values = daily_load(40)
    values[-3 * 24 :] = np.nan
    for forecast in LinearOLS().forecast(problem_of(values, count=24)):
        assert np.isfinite(forecast.series.values).all()


def test_a_history_that_ends_before_what_the_events_may_know_is_no_obstacle(problem_of, daily_load):
    asked = problem_of(daily_load(40), count=24)
    short = with_history(asked, asked.history.values[: -2 * 24])
    for forecast in LinearOLS().forecast(short):
        assert np.isfinite(forecast.series.values).all()


def test_a_meter_that_fell_silent_for_weeks_is_told(problem_of, daily_load):
    values = np.append(daily_load(40), np.full(30 * 24, np.nan))
    with pytest.raises(NotEnoughData, match="no known value in the last days"):
        LinearOLS().forecast(problem_of(values))


@SLOW
@given(
    seed=st.integers(0, 1000),
    days=st.integers(0, 40),
    unknown=st.floats(0, 1),
    minutes=st.sampled_from([30, 60, 420, 1440, 10080]),
    kind=st.sampled_from(["solar", "building", "one-way_evse", "day_ahead"]),
)
def test_any_history_gives_a_forecast_or_clear_words(problem_of, seed, days, unknown, minutes, kind):
    random = np.random.default_rng(seed)
    resolution = minutes * timedelta(minutes=1)
    values = np.round(random.standard_normal(days * DAY // resolution) * random.choice([0, 1e-6, 1, 1e4]), 7)
    values[random.random(len(values)) < unknown] = np.nan
    values[random.random(len(values)) < 0.3] = 0.0
    asked = problem_of(
        values,
        hours=(168,),
        type=kind,
        resolution=resolution,
        is_consumer=kind != "solar",
        is_producer=kind != "one-way_evse",
        kind="market" if kind == "day_ahead" else "asset",
    )
    asked = replace(
        asked,
        targets={
            168 * HOUR: (asked.history.start + (-(-168 * HOUR // resolution) + len(values)) * resolution, 2)
        },
    )
    answer, words = None, ""
    try:
        [answer] = LinearOLS().forecast(asked)
    except NotEnoughData as error:
        words = str(error)
    if answer is None:
        assert "Send " in words
    else:
        assert len(answer.series) == 2
        assert np.isfinite(answer.series.values).any()


def test_events_off_the_grid_are_refused(problem_of, daily_load):
    asked = problem_of(daily_load(30), hours=(1,))
    with pytest.raises(AlgorithmError, match="do not lie on the slots"):
        LinearOLS().forecast(replace(asked, targets={HOUR: (asked.history.end + timedelta(minutes=1), 1)}))


def sun(days):
    hours = np.arange(days * 24)
    clouds = np.random.default_rng(1).uniform(0.2, 1, days).repeat(24)
    return -np.maximum(np.sin(2 * np.pi * (hours % 24 - 6) / 24).round(6), 0) * clouds


def test_a_solar_panel_neither_consumes_nor_produces_at_night(problem_of):
    asked = problem_of(
        sun(60), count=24, type="solar", is_consumer=False, is_producer=True, seasonality=frozenset({"daily"})
    )
    for forecast in LinearOLS().forecast(asked):
        night = sun(60)[-24:] == 0
        shifted = np.roll(night, -(forecast.horizon // HOUR) % 24)
        assert (forecast.series.values[shifted] == 0).all()
        assert (forecast.series.values <= 0).all()
        assert (forecast.series.values[~shifted] < 0).any()


def test_a_charge_point_never_produces(problem_of):
    random = np.random.default_rng(1)
    values = np.where(random.random(40 * 24) < 0.8, 0.0, 3.6)
    asked = problem_of(values, count=24, type="one-way_evse", is_consumer=True, is_producer=False)
    for forecast in LinearOLS().forecast(asked):
        assert (forecast.series.values >= 0).all()
        assert (forecast.series.values <= 3.6 * 1.2).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_an_asset_that_was_never_seen_to_deliver_or_to_consume_is_not_forecast_to(problem_of, sign):
    random = np.random.default_rng(1)
    values = sign * np.where(random.random(40 * 24) < 0.8, 0.0, 3.6)
    asked = problem_of(values, count=24, type="building", is_consumer=True, is_producer=True)
    for forecast in LinearOLS().forecast(asked):
        assert (sign * forecast.series.values >= 0).all()


@pytest.mark.parametrize(
    ("days", "season", "told"), [(400, "yearly", True), (300, "yearly", False), (400, "daily", False)]
)
def test_the_season_counts_from_a_year_of_history_on(problem_of, daily_load, days, season, told):
    """A shorter one would take any change for the season."""
    values = daily_load(days)
    asked = problem_of(values, hours=(48,), type="wind", seasonality=frozenset({season}))
    scene = EventData.of(asked, 0, len(values))
    lesson = TrainingSet([Events(scene, 48 * HOUR, np.zeros(0, dtype=np.int64))], len(values))
    assert (Year() in lesson.designs[0].blocks) == told
    [(_, wave)] = Year()(scene, np.array([0, 365 * 24 + 6, 365 * 12]))
    np.testing.assert_allclose(wave, [wave[0], wave[0], -wave[0]], atol=0.01)
