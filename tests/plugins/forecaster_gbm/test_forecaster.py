"""gbm: better than a regression where weather acts non-linearly, no look-ahead, answers or clear words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from flexmeasures.errors import NotEnoughData
from flexmeasures_forecaster_gbm import forecaster
from flexmeasures_forecaster_gbm.forecaster import GradientBoosting
from flexmeasures_forecaster_ols.linear_ols import LinearOLS

HOUR = timedelta(hours=1)


def values_of(forecasts):
    return {forecast.horizon: forecast.series.values for forecast in forecasts}


@pytest.fixture
def lessons(monkeypatch):
    """How many rows each lesson had for which trees were grown, in order."""
    grown = []
    grow_on = forecaster.grow_on

    def counted(lesson, *further):
        grown.append(len(lesson.y))
        return grow_on(lesson, *further)

    monkeypatch.setattr(forecaster, "grow_on", counted)
    return grown


def test_every_horizon_is_answered_and_the_note_says_by_what(problem_of, turbine):
    values, weather = turbine
    asked = problem_of(values, weather, hours=(1, 24), count=5)
    answers = GradientBoosting().forecast(asked)
    assert {answer.horizon: (answer.series.start, len(answer.series)) for answer in answers} == asked.targets
    for answer in answers:
        assert np.isfinite(answer.series.values).all()
        assert (answer.series.values <= 0).all()  # it only produces
        assert all(
            re.search(r"wind_speed \(.*\), temperature \(.*\), and trees", note) for note in answer.notes
        )


@pytest.mark.usefixtures("all_trees")
def test_it_is_better_than_the_regression_where_weather_acts_together(problem_of, turbine):
    """A turbine that gives a third when it is cold, asked a day ahead for a fortnight."""
    values, weather = turbine
    count = 14 * 24
    asked = problem_of(values[:-24], weather, count=count)
    start, _ = asked.targets[24 * HOUR]
    first = (start - asked.history.start) // HOUR
    assert first + count == len(values)  # each event may know what ended a day before its end
    truth = values[first:]
    errors = [
        np.abs(values_of(made.forecast(asked))[24 * HOUR] - truth).mean()
        for made in (GradientBoosting(), LinearOLS())
    ]
    print(f"mean error of gbm {errors[0]:.4f}, of linear-OLS {errors[1]:.4f} MW")
    assert errors[0] < 0.6 * errors[1]


@pytest.mark.usefixtures("all_trees")
def test_its_bands_are_of_its_own_errors(problem_of, turbine):
    """Narrower than those of the regression that it improves on, and as wide as they should be."""
    values, weather = turbine
    asked = problem_of(values[:-24], weather, count=14 * 24)
    truth = values[-14 * 24 :]
    [of_trees], [of_regression] = GradientBoosting().forecast(asked), LinearOLS().forecast(asked)
    low, high = of_trees.quantiles[0.1], of_trees.quantiles[0.9]
    wide = of_regression.quantiles[0.9] - of_regression.quantiles[0.1]
    inside = ((truth >= low) & (truth <= high)).mean()
    print(f"coverage {inside:.3f}, width {(high - low).mean():.3f} MW, of linear-OLS {wide.mean():.3f} MW")
    assert (high - low).mean() < 0.8 * wide.mean()
    assert 0.65 < inside < 0.95


# -- the same again, and again ------------------------------------------------------------------------------


def test_equal_problems_get_equal_forecasts(problem_of, turbine, lessons):
    asked = problem_of(*turbine, count=24)
    first = values_of(GradientBoosting().forecast(asked))
    forecaster._forests.clear()
    again = values_of(GradientBoosting().forecast(asked))
    assert len(lessons) == 4  # each time those that serve, and the older ones by which they are judged
    np.testing.assert_array_equal(first[24 * HOUR], again[24 * HOUR])


def test_trees_are_grown_once_in_four_weeks_for_all_jobs_of_a_process(problem_of, turbine, lessons):
    values, weather = turbine
    for hours in range(0, 14 * 24, 24):
        GradientBoosting().forecast(problem_of(values[: len(values) - hours], weather))
    assert len(lessons) == 2


# -- no look-ahead -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [1, 24])
@pytest.mark.parametrize("poison", [np.nan, -1e6])
def test_values_that_an_event_may_not_know_do_not_change_its_forecast(problem_of, turbine, hours, poison):
    """Both through what trees learn and through what they are asked; across the end of a week."""
    values, weather = turbine
    count, first = 8 * 24, 30
    asked = problem_of(values, weather, hours=(hours,), count=count)
    poisoned = values.copy()
    poisoned[len(values) - count + first + 1 :] = poison  # the slots that event `first` may not know
    [before] = GradientBoosting().forecast(asked)
    [after] = GradientBoosting().forecast(problem_of(poisoned, weather, hours=(hours,), count=count))
    for one, other in [(before.series.values, after.series.values)] + [
        (before.quantiles[p], after.quantiles[p]) for p in (0.1, 0.9)
    ]:
        np.testing.assert_array_equal(one[: first + 1], other[: first + 1])
        assert np.isfinite(one).all()


def test_the_newest_value_that_may_be_known_does_change_the_forecast(problem_of, turbine):
    """Else the test above would prove nothing."""
    values, _ = turbine
    other = values.copy()
    other[-1] -= 0.5
    before, after = (
        values_of(GradientBoosting().forecast(problem_of(v, hours=(1,)))) for v in (values, other)
    )
    assert before[HOUR] != after[HOUR]


def test_what_was_learnt_from_later_corrections_is_not_used_for_an_earlier_moment(problem_of, turbine):
    values, _ = turbine
    corrected = values.copy()
    corrected[900:1000] *= 3
    used = GradientBoosting()
    used.forecast(problem_of(corrected))
    earlier = problem_of(values[:-2])
    again, fresh = (values_of(made.forecast(earlier)) for made in (used, GradientBoosting()))
    np.testing.assert_array_equal(again[24 * HOUR], fresh[24 * HOUR])


# -- bad data ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 10, 40])
def test_too_little_history_is_told_with_what_is_missing_and_what_to_do(problem_of, turbine, days):
    values, _ = turbine
    found = r"trees need 1000, and there are \d+" if days == 40 else r"there are \d+"
    with pytest.raises(
        NotEnoughData, match=rf"'turbine' P1D ahead, .* are needed.*{found}.*Send older values"
    ):
        GradientBoosting().forecast(problem_of(values[: days * 24]))


@pytest.mark.parametrize("level", [0.0, -5.0, -12345.678])
def test_a_constant_is_forecast_as_that_constant(problem_of, level):
    [answer] = GradientBoosting().forecast(problem_of(np.full(80 * 24, level), count=24))
    assert (answer.series.values == level).all()


def test_gaps_and_a_meter_that_is_silent_neither_stop_nor_spoil_a_forecast(problem_of, turbine):
    values, weather = turbine
    [whole] = GradientBoosting().forecast(problem_of(values, weather, count=24))
    values = values.copy()
    values[::7] = np.nan
    values[500:560] = np.nan
    values[-3 * 24 :] = np.nan
    [found] = GradientBoosting().forecast(problem_of(values, weather, count=24))
    assert np.abs(found.series.values - whole.series.values).mean() < 0.1


def test_without_weather_at_the_event_it_does_without(problem_of, turbine):
    values, weather = turbine
    gone = {kind: np.append(each[: len(values)], np.full(48, np.nan)) for kind, each in weather.items()}
    [answer] = GradientBoosting().forecast(problem_of(values, gone))
    assert "no weather, and trees" in answer.notes[0]
    assert np.isfinite(answer.series.values).all()


def test_two_sensors_served_by_one_object_do_not_mix(problem_of, turbine):
    values, weather = turbine
    used = GradientBoosting()
    used.forecast(problem_of(values, weather))
    other = replace(problem_of(0.1 * values, weather, id=2, name="other"))
    mixed, fresh = (values_of(made.forecast(other)) for made in (used, GradientBoosting()))
    np.testing.assert_array_equal(mixed[24 * HOUR], fresh[24 * HOUR])
