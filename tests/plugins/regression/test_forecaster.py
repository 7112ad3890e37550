"""linear-OLS: no look-ahead, answers or clear words for any history, and models that are kept for a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexmeasures.errors import AlgorithmError, NotEnoughData
from flexmeasures.timeseries import TimeSeries
from flexmeasures_forecaster_ols.linear_ols import LinearOLS
from flexmeasures_forecasting import Regressor
from flexmeasures_regression.event_data import EventData, Events
from flexmeasures_regression.feature_blocks import Year
from flexmeasures_regression.model_selection import TrainingSet

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)  # as in conftest
SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def with_history(problem, values):
    return replace(problem, history=replace(problem.history, values=np.asarray(values, dtype=float)))


def values_of(forecasts):
    return {forecast.horizon: forecast.series.values for forecast in forecasts}


def test_a_daily_shape_is_found(problem_of, daily_load):
    values = daily_load(60, noise=0.0)
    for forecast in LinearOLS().forecast(problem_of(values, count=24)):
        slots = (forecast.series.start - problem_of(values).history.start) // HOUR + np.arange(24)
        np.testing.assert_allclose(
            forecast.series.values, 1 + 0.5 * np.sin(2 * np.pi * slots / 24), atol=0.02
        )


# -- no look-ahead -----------------------------------------------------------------------------------------


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


# -- weather that is missing -------------------------------------------------------------------------------


def regressor(values, hours, kind="temperature"):
    series = TimeSeries(datetime(2026, 1, 5, tzinfo=UTC), HOUR, np.asarray(values, dtype=float))
    return Regressor(type=kind, history=series, forecasts={hours * HOUR: series})


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
    assert answer.notes[0].endswith(", temperature")


def test_events_with_and_without_weather_share_a_problem(problem_of, daily_load):
    values = daily_load(40)
    weather = np.random.default_rng(1).random(len(values) + 48)
    weather[len(values) + 12 :] = np.nan
    asked = problem_of(values, hours=(24,), count=24, regressors=[regressor(weather, 24)])
    answer = LinearOLS().forecast(asked)[0]
    assert np.isfinite(answer.series.values).all()
    assert {note.rpartition(", ")[2] for note in answer.notes} == {"temperature", "no weather"}


# -- bad data ----------------------------------------------------------------------------------------------


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


# -- what a sensor can do ----------------------------------------------------------------------------------


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


# -- one object, many problems -----------------------------------------------------------------------------


@pytest.fixture
def lessons(monkeypatch):
    """What is learnt, in order: "fit" or "trials" a lesson."""
    from flexmeasures_regression import forecaster
    from flexmeasures_regression.model_selection import NormalEquations, TrainingSet

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
