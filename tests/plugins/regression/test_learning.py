"""One object and many problems: what is learnt when, shared with whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from flexmeasures_forecaster_ols.linear_ols import LinearOLS
from flexmeasures_regression.model_selection import TrainingSet

from .conftest import HOUR, regressor

START = datetime(2026, 1, 5, tzinfo=UTC)  # as in conftest


@pytest.fixture
def lessons(monkeypatch):
    """What is learnt, in order: "fit" or "trials" a lesson."""
    from flexmeasures_regression import forecaster
    from flexmeasures_regression.model_selection import NormalEquations

    learnt = []
    fit, trials = NormalEquations.fit, TrainingSet.trials
    monkeypatch.setattr(
        NormalEquations, "fit", lambda self, chosen: learnt.append("fit") or fit(self, chosen)
    )
    monkeypatch.setattr(TrainingSet, "trials", lambda self: learnt.append("trials") or trials(self))
    for kept in ("_learnt", "_summed_up"):
        monkeypatch.setattr(forecaster, kept, forecaster.OrderedDict())
    return learnt


def test_all_horizons_are_fitted_together_once_a_day_of_data_and_chosen_once_a_week(
    problem_of, daily_load, lessons
):
    used = LinearOLS()
    values = daily_load(44)
    for origin in range(30 * 24, 43 * 24, 5):
        used.forecast(problem_of(values[:origin], hours=(1, 24)))
    assert lessons.count("fit") == 13
    assert lessons.count("trials") == 3  # three weeks of the epoch, which begin on Thursdays


@pytest.mark.parametrize("long", [True, False])
def test_jobs_learn_as_seldom_although_each_looks_back_on_as_much(problem_of, daily_load, lessons, long):
    """The history of a job begins a fixed time before it; what is known may begin earlier or later."""
    values = daily_load(240)
    reach = (200 if long else 300) * 24
    padded = np.concatenate((np.full(100 * 24, np.nan), values))
    for origin in range(len(padded) - 10 * 24, len(padded), 11):
        asked = problem_of(padded[origin - reach : origin], hours=(24,))
        moved = START + (origin - reach) * HOUR
        LinearOLS().forecast(
            replace(
                asked,
                history=replace(asked.history, start=moved),
                known_until=moved + reach * HOUR,
                targets={h: (start + (origin - reach) * HOUR, 1) for h, (start, _) in asked.targets.items()},
            )
        )
    assert lessons.count("fit") == 10
    assert lessons.count("trials") == (4 if long else 3)  # weeks; a long one begins with one of its own


def test_jobs_of_one_process_share_what_was_learnt_from_the_same_numbers(problem_of, daily_load, lessons):
    values = daily_load(40)
    first = LinearOLS().forecast(problem_of(values))
    again = LinearOLS().forecast(problem_of(values))
    assert lessons == ["trials", "fit"]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.series.values, other.series.values)
    values[100] += 1.0  # a correction of what was learnt from
    LinearOLS().forecast(problem_of(values))
    assert lessons == ["trials", "fit"] * 2


def test_what_was_learnt_from_later_corrections_is_not_used_for_an_earlier_moment(problem_of, daily_load):
    """In one day, with a model kept from a later moment of it."""
    values = daily_load(40)
    corrected = values.copy()
    corrected[200:300] *= 3
    used = LinearOLS()
    used.forecast(problem_of(np.append(corrected, values[:5])))
    earlier = problem_of(np.append(values, values[:3]))
    for again, fresh in zip(used.forecast(earlier), LinearOLS().forecast(earlier), strict=True):
        np.testing.assert_array_equal(again.series.values, fresh.series.values)


def test_two_sensors_served_by_one_object_do_not_mix(problem_of, daily_load):
    used = LinearOLS()
    used.forecast(problem_of(daily_load(40), id=1))
    other = problem_of(10 * daily_load(40, seed=2), id=2)
    for mixed, fresh in zip(used.forecast(other), LinearOLS().forecast(other), strict=True):
        np.testing.assert_array_equal(mixed.series.values, fresh.series.values)


def test_weather_at_the_newest_known_slot_and_at_the_one_before_the_event_may_be_one_column(
    problem_of, daily_load
):
    """One hour ahead they are the same; the table holds them once, and the model too."""
    wind = np.random.default_rng(1).random(40 * 24)
    asked = problem_of(-wind, hours=(1,), type="wind", regressors=[regressor(wind, 1, "wind_speed")])
    answer = LinearOLS().forecast(asked)[0]
    assert answer.series.values[0] == pytest.approx(-wind[-1], abs=0.02)


def test_prices_may_fall_below_zero_although_none_has_yet(problem_of):
    load = np.append(np.random.default_rng(1).uniform(0.5, 1.5, 40 * 24), 0.0)
    prices = 100 * load[: 40 * 24] - 40
    asked = problem_of(
        prices,
        hours=(1,),
        kind="market",
        type="day_ahead",
        regressors=[regressor(load, 1, "load_forecast")],
    )
    asked = replace(asked, targets={HOUR: (asked.history.end, 1)})
    assert prices.min() > 9
    assert LinearOLS().forecast(asked)[0].series.values[0] < -20


def test_a_market_whose_level_wanders_is_forecast_without_the_wave_of_the_year(problem_of):
    """A year of such prices holds a wave by chance, which says nothing of what comes."""
    random = np.random.default_rng(7)
    days = 410
    level = 60 + np.cumsum(random.normal(0, 4, days)).repeat(24)
    prices = level + 10 * np.sin(2 * np.pi * np.arange(24 * days) / 24) + random.normal(0, 2, 24 * days)
    market = {"kind": "market", "type": "day_ahead", "unit": "EUR/MWh"}
    seasons = frozenset({"daily", "weekly", "yearly"})
    asked = problem_of(prices, hours=(48,), count=24, seasonality=seasons, **market)
    [answer] = LinearOLS().forecast(asked)
    assert "without the season" in " ".join(answer.notes)
    [of_asset] = LinearOLS().forecast(problem_of(prices, hours=(48,), count=24, seasonality=seasons))
    assert "without the season" not in " ".join(of_asset.notes)
