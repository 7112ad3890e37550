"""Trees: numbers in, numbers out."""

from __future__ import annotations

import numpy as np
import pytest

from flexmeasures_forecaster_gbm.trees import grow


@pytest.fixture
def rows():
    random = np.random.default_rng(1)
    return random.uniform(-1, 1, (2000, 4)), random


@pytest.mark.usefixtures("all_trees")
def test_what_is_neither_straight_nor_a_sum_is_found(rows):
    """No sum of curves over single columns is nearer to this than 0."""
    x, random = rows

    def truth(x):
        return np.where(x[:, 0] > 0, x[:, 1], -x[:, 1])

    fresh = random.uniform(-1, 1, (500, 4))
    assert np.abs(grow(x, truth(x))(fresh) - truth(fresh)).mean() < 0.5 * np.abs(truth(fresh)).mean()


def test_equal_numbers_give_equal_trees(rows):
    x, random = rows
    y = x[:, 0] ** 2 + random.standard_normal(len(x))
    np.testing.assert_array_equal(grow(x, y)(x), grow(x.copy(), y.copy())(x))


@pytest.mark.usefixtures("all_trees")
def test_a_few_wild_values_do_not_bend_the_trees(rows):
    x, random = rows
    y = np.sign(x[:, 0])
    y[random.integers(0, len(y), 40)] = 1e6
    assert np.median(np.abs(grow(x, y)(x) - np.sign(x[:, 0]))) < 0.2


def test_unknown_values_and_no_rows_at_all_are_answered(rows):
    x, _ = rows
    y = x[:, 0].copy()
    x[::5, 0] = np.nan
    trees = grow(x, y)
    assert np.isfinite(trees(np.full((3, 4), np.nan))).all()
    assert trees(x[:0]).shape == (0,)


@pytest.mark.parametrize("columns", [1, 4])
def test_nothing_to_learn_gives_nothing(columns):
    x = np.ones((1500, columns))
    assert (grow(x, np.zeros(1500))(x) == 0).all()
