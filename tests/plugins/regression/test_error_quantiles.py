"""Bands around forecasts cover what they say, by hour of the day and after a change of the weather."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from flexmeasures_forecaster_ols.linear_ols import LinearOLS
from flexmeasures_regression.error_quantiles import FEWEST, Spread
from flexmeasures_regression.fitted_model import independent_errors

HOURS = np.tile(np.arange(24), 56)
MANY = 1e6  # independent errors: nothing is widened for their number


def covered(spread, errors, hours, low=0.1, high=0.9):
    return ((errors >= spread.at(low, hours)) & (errors <= spread.at(high, hours))).mean()


@pytest.mark.parametrize("seed", range(3))
def test_a_band_covers_what_it_says_and_follows_the_hour(seed):
    random = np.random.default_rng(seed)
    width = 1 + np.sin(2 * np.pi * HOURS / 24)
    past, to_come = (width * random.standard_t(4, len(HOURS)) for _ in range(2))
    spread = Spread.of(past, HOURS, MANY)
    assert covered(spread, to_come, HOURS) == pytest.approx(0.8, abs=0.07)
    assert covered(spread, to_come, HOURS, 0.25, 0.75) == pytest.approx(0.5, abs=0.08)
    assert spread.at(0.9, np.array([6]))[0] > 3 * spread.at(0.9, np.array([18]))[0]


def test_a_band_widens_when_the_newest_errors_did():
    random = np.random.default_rng(1)
    errors = random.standard_normal(len(HOURS))
    errors[-len(errors) // 4 :] *= 1.6
    to_come = 1.6 * random.standard_normal(len(HOURS))
    assert covered(Spread.of(errors, HOURS, MANY), to_come, HOURS) > 0.75


def test_quantiles_do_not_cross_and_the_middle_one_follows_a_bias():
    errors = 5 + np.random.default_rng(2).standard_normal(len(HOURS))
    spread = Spread.of(errors, HOURS, MANY)
    several = np.array([spread.at(p, np.arange(24)) for p in (0.05, 0.1, 0.5, 0.9, 0.95)])
    assert (np.diff(several, axis=0) > 0).all()
    np.testing.assert_allclose(several[2], 5, atol=0.5)


def test_two_weeks_of_errors_that_last_cover_those_to_come():
    """Errors of wind last for a day: fourteen days of them hold a few, and the next may be larger than any."""
    random = np.random.default_rng(3)
    hours = np.arange(14 * 24) % 24
    starts = np.arange(14 * 24) * 3_600_000
    count = independent_errors(starts, timedelta(days=1))
    covers = []
    for _ in range(60):
        errors = lasting(random.standard_normal(2 * len(hours)))
        past, to_come = errors[: len(hours)], errors[len(hours) :]
        covers.append([covered(Spread.of(past, hours, n), to_come, hours) for n in (count, MANY)])
    widened, known_for_sure = np.mean(covers, axis=0)
    assert known_for_sure < 0.79 < widened < 0.85


def lasting(noise):
    """Each error is nine tenths of the one before, and something new."""
    errors = noise.copy()
    for k in range(1, len(errors)):
        errors[k] = 0.9 * errors[k - 1] + noise[k]
    return errors


def test_too_few_errors_tell_nothing():
    assert Spread.of(np.ones(FEWEST - 1), np.zeros(FEWEST - 1, dtype=int), MANY) is None


def test_the_forecaster_answers_with_the_quantiles_that_were_wished_for(problem_of, daily_load):
    for answer in LinearOLS().forecast(problem_of(daily_load(120), count=24)):
        assert set(answer.quantiles) == {0.1, 0.5, 0.9}
        low, middle, high = (answer.quantiles[p] for p in (0.1, 0.5, 0.9))
        assert (low < middle).all()
        assert (middle < high).all()
        assert (high - low).mean() == pytest.approx(2.56 * 0.1, rel=0.5)  # the noise of the load


def test_a_band_keeps_within_what_the_sensor_can_do(problem_of):
    charging = np.where(np.random.default_rng(1).random(60 * 24) < 0.8, 0.0, 3.6)
    asked = problem_of(charging, count=24, type="one-way_evse", is_consumer=True, is_producer=False)
    for answer in LinearOLS().forecast(asked):
        assert all((values >= 0).all() for values in answer.quantiles.values())
