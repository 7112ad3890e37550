"""What an event may not know never changes its forecast; weather that is missing is done without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_forecaster_ols.linear_ols import LinearOLS

from .conftest import DAY, HOUR, SLOW, regressor, values_of, with_history


def test_a_daily_shape_is_found(problem_of, daily_load):
    values = daily_load(60, noise=0.0)
    for forecast in LinearOLS().forecast(problem_of(values, count=24)):
        slots = (forecast.series.start - problem_of(values).history.start) // HOUR + np.arange(24)
        np.testing.assert_allclose(
            forecast.series.values, 1 + 0.5 * np.sin(2 * np.pi * slots / 24), atol=0.02
        )


@SLOW
@given(
    hours=st.sampled_from([1, 6, 24, 48]),
    first=st.integers(0, 20),
    poison=st.sampled_from([np.nan, 1e6, -1e6, 0.0]),
    sparse=st.booleans(),
)
def test_values_that_an_event_may_not_know_do_not_change_its_forecast(
    problem_of, daily_load, hours, first, poison, sparse
):
    """Both through what is fitted and through what it is applied to."""
    values = daily_load(32)
    if sparse:
        values[np.random.default_rng(first).random(len(values)) < 0.1] = np.nan
    asked = problem_of(values, hours=(hours,), count=48)
    poisoned = values.copy()
    poisoned[len(values) - 48 + first + 1 :] = poison  # the slots that event `first` may not know
    before = values_of(LinearOLS().forecast(asked))[hours * HOUR]
    after = values_of(LinearOLS().forecast(with_history(asked, poisoned)))[hours * HOUR]
    # What later events know decides with how many others an event is computed, and so the last bit of a sum.
    np.testing.assert_allclose(before[: first + 1], after[: first + 1], rtol=1e-12)
    assert np.isfinite(before).all()


def test_the_newest_value_that_may_be_known_does_change_the_forecast(problem_of, daily_load):
    """Else the test above would prove nothing."""
    values = daily_load(32)
    asked = problem_of(values, hours=(1, 24))
    other = values.copy()
    other[-1] += 0.3
    before, after = LinearOLS().forecast(asked), LinearOLS().forecast(with_history(asked, other))
    assert values_of(before)[HOUR] != values_of(after)[HOUR]
    assert values_of(before)[DAY] != values_of(after)[DAY]


def test_several_events_of_one_day_get_what_each_would_get_alone(problem_of, daily_load):
    values = daily_load(40)
    together, one_by_one = LinearOLS(), LinearOLS()
    several = values_of(together.forecast(problem_of(values, hours=(6,), count=24)))[6 * HOUR]
    alone = [
        values_of(one_by_one.forecast(problem_of(values[: len(values) - 23 + k], hours=(6,))))[6 * HOUR][0]
        for k in range(24)
    ]
    np.testing.assert_allclose(several, alone, atol=1e-12)


def test_a_model_from_later_data_is_never_used_for_an_earlier_event(problem_of, daily_load):
    values = daily_load(40)
    used = LinearOLS()
    used.forecast(problem_of(values))
    earlier = problem_of(values[:-30])
    for again, fresh in zip(used.forecast(earlier), LinearOLS().forecast(earlier), strict=True):
        np.testing.assert_array_equal(again.series.values, fresh.series.values)


def test_weather_of_events_to_come_is_used_but_not_the_outcome_of_later_ones(problem_of, daily_load):
    random = np.random.default_rng(2)
    weather = random.random(40 * 24 + 48)
    values = 1 + 2 * weather[: 40 * 24] + 0.01 * random.standard_normal(40 * 24)
    asked = problem_of(values, hours=(24,), regressors=[regressor(weather, 24)])
    answer = LinearOLS().forecast(asked)[0]
    assert answer.series.values[0] == pytest.approx(1 + 2 * weather[40 * 24 + 23], abs=0.05)
    assert "temperature" in answer.notes[0]


@pytest.mark.parametrize("missing", ["at the event", "while learning", "always"])
def test_without_enough_weather_the_model_does_without_it(problem_of, daily_load, missing):
    values = daily_load(40)
    weather = np.random.default_rng(1).random(len(values) + 48)
    unknown = {
        "at the event": slice(len(values), None),
        "while learning": slice(0, 800),
        "always": slice(None),
    }
    weather[unknown[missing]] = np.nan
    plain = LinearOLS().forecast(problem_of(values, hours=(24,)))[0]
    without = LinearOLS().forecast(problem_of(values, hours=(24,), regressors=[regressor(weather, 24)]))[0]
    np.testing.assert_array_equal(without.series.values, plain.series.values)
    assert "no weather" in without.notes[0]


def test_only_the_weather_that_is_missing_is_left_out(problem_of, daily_load):
    values = daily_load(40)
    weather = np.random.default_rng(1).random(len(values) + 48)
    known, gone = regressor(weather, 24, "temperature"), regressor(weather * np.nan, 24, "radiation")
    answer = LinearOLS().forecast(problem_of(values, hours=(24,), regressors=[gone, known]))[0]
    assert ", temperature (error" in answer.notes[0]
    assert set(answer.helps) == {"temperature"}


def test_it_is_told_how_much_of_the_error_each_series_takes_away(problem_of, daily_load):
    random = np.random.default_rng(1)
    values = daily_load(60)
    cold, noise = (random.normal(0, 1, len(values) + 48) for _ in range(2))
    values = values + 0.5 * np.abs(values).mean() * cold[: len(values)]
    known = [regressor(cold, 24, "temperature"), regressor(noise, 24, "wind_speed")]
    answer = LinearOLS().forecast(problem_of(values, hours=(24,), regressors=known))[0]
    assert set(answer.helps) == {"temperature", "wind_speed"}
    assert answer.helps["temperature"] > 0.5
    assert -0.1 < answer.helps["wind_speed"] < 0.02
    assert f"temperature (error {100 * answer.helps['temperature']:.1f} % less with it)" in answer.notes[0]


def test_events_with_and_without_weather_share_a_problem(problem_of, daily_load):
    values = daily_load(40)
    weather = np.random.default_rng(1).random(len(values) + 48)
    weather[len(values) + 12 :] = np.nan
    asked = problem_of(values, hours=(24,), count=24, regressors=[regressor(weather, 24)])
    answer = LinearOLS().forecast(asked)[0]
    assert np.isfinite(answer.series.values).all()
    assert {note.rpartition(", ")[2].partition(" (")[0] for note in answer.notes} == {
        "temperature",
        "no weather",
    }
