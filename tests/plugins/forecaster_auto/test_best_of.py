"""Which of several forecasts is taken: the clearly best one, the mean of two, or what it was."""

from __future__ import annotations

import numpy as np
import pytest

from flexmeasures_forecaster_auto.choice import choose

PARTS, FEWEST, PART = 8, 3, 24
NAMES = ["usual", "other", "third"]


@pytest.fixture
def outcomes():
    return 10 + np.random.default_rng(1).standard_normal(PARTS * PART)


def beside(outcomes, error, seed):
    """Forecasts with errors of that size, whose signs have nothing to do with those of other seeds."""
    return outcomes + error * np.random.default_rng(seed).choice([-1.0, 1.0], len(outcomes))


def chosen(outcomes, *said):
    return choose(outcomes, np.array(said), NAMES[: len(said)], PART, FEWEST)


def test_a_clearly_better_one_is_chosen_and_the_reason_tells_by_how_much(outcomes):
    found = chosen(outcomes, outcomes + 1.0, outcomes + 0.5)
    assert found.members == (1,)
    assert "other by the newest weeks" in found.because
    assert "usual +100.0%" in found.because


def test_what_is_hardly_better_does_not_replace_the_usual_one(outcomes):
    assert chosen(outcomes, outcomes + 1.0, outcomes + 0.99).members == (0,)


def test_what_was_chosen_stays_until_something_is_clearly_better(outcomes):
    """The other one was better in the first half of the weeks, and is a little worse in all of them."""
    half = np.arange(len(outcomes)) < len(outcomes) // 2
    other = outcomes + np.where(half, 0.8, 1.215)
    assert chosen(outcomes, outcomes + 1.0, other).members == (1,)


def test_the_mean_of_two_that_err_differently_is_better_than_each(outcomes):
    found = chosen(outcomes, beside(outcomes, 1.0, 2), beside(outcomes, 1.0, 3), outcomes + 5.0)
    assert found.members == (0, 1)
    assert "the mean of usual and other" in found.because


def test_one_that_has_not_forecast_most_events_is_not_taken(outcomes):
    silent = outcomes.copy()
    silent[::4] = np.nan
    assert chosen(outcomes, outcomes + 1.0, silent).members == (0,)


def test_with_too_few_outcomes_nothing_is_chosen(outcomes):
    outcomes[: 7 * PART] = np.nan
    assert chosen(outcomes, outcomes + 1.0, outcomes) is None


def test_perfect_forecasts_are_no_trouble(outcomes):
    assert chosen(outcomes, outcomes.copy(), outcomes.copy()).members == (0,)


def test_one_lucky_week_decides_nothing():
    """Better by a fifth in total, and worse in seven weeks of eight."""
    outcomes = np.zeros(8 * 168)
    usual, lucky = np.full(8 * 168, 1.0), np.full(8 * 168, 1.02)
    usual[168 : 2 * 168], lucky[168 : 2 * 168] = 6.0, 3.0
    found = choose(outcomes, np.array([usual, lucky]), ["usual", "lucky"], 168, 3)
    assert found is not None
    assert found.members == (0,)
