"""The fast path agrees with statsmodels; choices are made by what was forecast best."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from flexmeasures_regression import ols
from flexmeasures_regression.estimators import Recipe, Root, Table, Training
from flexmeasures_regression.ols import Family, Sums


@pytest.fixture
def data():
    random = np.random.default_rng(3)
    x = random.standard_normal((400, 12)) * np.logspace(-3, 3, 12) + np.logspace(3, -3, 12)
    y = x @ random.standard_normal(12) + 5 + random.standard_normal(400)
    return x, y


def test_the_normal_equations_agree_with_statsmodels(data):
    x, y = data
    model, reference = trained(x, y, Recipe(ridge=0.0)), ols.diagnose(x, y)
    fitted = reference.parameters[0] + x @ reference.parameters[1:]
    np.testing.assert_allclose(model(plain(x)), fitted, rtol=1e-6, atol=1e-6)
    spread = x.std(axis=0)
    np.testing.assert_allclose(
        model.line.coefficients * spread, reference.parameters[1:] * spread, rtol=1e-6, atol=1e-6
    )


def plain(x):
    """Columns that are taken as they are."""
    return Table(x, np.full(x.shape[1], np.nan))


def trained(x, y, recipe, columns=None):
    columns = np.arange(x.shape[1]) if columns is None else columns
    return Training(plain(x), y, np.arange(len(y)), len(y)).model(recipe, columns)


def test_a_forecast_model_without_ridge_agrees_with_statsmodels():
    random = np.random.default_rng(4)
    x = random.standard_normal((300, 8)) + 100
    y = x[:, :5].sum(axis=1) - x[:, 5] + random.standard_normal(300)
    model, reference = trained(x, y, Recipe(ridge=0.0)), ols.diagnose(x, y)
    np.testing.assert_allclose(
        model(plain(x)), reference.parameters[0] + x @ reference.parameters[1:], rtol=0, atol=1e-6
    )
    assert 0.5 < reference.r_squared < 1
    assert reference.p_values[1] < 0.01 < reference.p_values[8]
    assert (reference.standard_errors > 0).all()


def test_one_gram_matrix_gives_each_horizon_the_fit_of_its_own_columns():
    """The fast path: what many horizons share is summed up once (accuracy.md)."""
    random = np.random.default_rng(9)
    x = random.standard_normal((400, 9))
    y = x @ random.standard_normal(9) + random.standard_normal(400)
    together = Training(plain(x), y, np.arange(400), 400)
    for columns in (np.array([0, 3, 4]), np.array([8, 1]), np.arange(9)):
        reference = ols.diagnose(x[:, columns], y)
        model = together.model(Recipe(ridge=0.0), columns)
        fitted = reference.parameters[0] + x[:, columns] @ reference.parameters[1:]
        np.testing.assert_allclose(model(plain(x)), fitted, rtol=0, atol=1e-6)


def rows_of(x, y):
    return np.vstack((x.T, y, np.ones(len(y))))


def test_columns_that_all_horizons_share_are_eliminated_once_and_nothing_changes():
    """Frisch and Waugh: the fit of each choice of columns is what it is alone, and what statsmodels finds."""
    random = np.random.default_rng(12)
    x = random.standard_normal((400, 12)) * np.logspace(-2, 2, 12)
    x[:, 5] = 0.25  # constant
    y = x @ random.standard_normal(12) + random.standard_normal(400)
    common, ridge = np.array([1, 5, 7]), 1e-6
    family = Family(Sums.of(rows_of(x, y)), ridge, common)
    for columns in (np.array([7, 0, 1, 5, 11]), np.arange(12), common, np.array([2, 3])):
        line, alone = family.solve(columns), ols.solve(Sums.of(rows_of(x[:, columns], y)), ridge)
        np.testing.assert_allclose(line.coefficients, alone.coefficients, rtol=1e-8, atol=1e-10)
        varying = columns[columns != 5]
        reference = ols.diagnose(x[:, varying], y)
        fitted = reference.parameters[0] + x[:, varying] @ reference.parameters[1:]
        np.testing.assert_allclose(line(x[:, columns]), fitted, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "recipe", [Recipe(), Recipe(half_life=50.0), Recipe(robust=True), Recipe(Root(1.0, 0.1), 50.0, True)]
)
def test_a_fit_that_is_continued_is_the_fit_of_all_rows(recipe):
    """The daily refit: older rows are not summed up again, but forgotten as they age."""
    random = np.random.default_rng(13)
    x = random.random((300, 4)) + 3
    x[:, 3] = np.arange(300) > 250  # new things happen
    y = np.abs(x @ np.array([1.0, -0.5, 2.0, 3.0])) + 0.1 * random.standard_normal(300)
    slots, columns = np.arange(300), np.array([0, 2, 3])
    table = Table(x, np.array([np.nan, 1.0, 1.0, np.nan]))
    whole = Training(table, y, slots, 300).model(recipe, columns)
    parts = None
    for begin, end in ((0, 200), (200, 224), (224, 224), (224, 300)):
        rows = slice(begin, end)
        part = (table.rows(rows), y[rows], slots[rows], end)
        parts = Training(*part) if parts is None else parts.followed_by(*part, anew=False)
    assert parts.count == 300
    found, expected = parts.model(recipe, columns)(table), whole(table)
    if recipe.robust:  # rows are weighed by an older line
        assert np.abs(y - found).sum() < 1.02 * np.abs(y - expected).sum()
    else:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_weights_count_a_row_as_often_as_they_say(data):
    rows = rows_of(data[0][:2], data[1][:2])
    twice, weighted = Sums.of(rows[:, [0, 0, 1]]), Sums.of(rows, np.array([2.0, 1.0]))
    np.testing.assert_allclose(weighted.gram, twice.gram)


def test_constant_and_repeated_columns_do_no_harm():
    random = np.random.default_rng(5)
    column = random.standard_normal(100)
    x = np.column_stack((column, column, np.full(100, 0.1), 2 * column))
    model = trained(x, 3 * column + 1, Recipe(ridge=0.0))
    np.testing.assert_allclose(model(plain(x)), 3 * column + 1, atol=1e-6)
    assert model.line.coefficients[2] == 0
    assert np.abs(model.line.coefficients).max() <= 3


def test_ridge_shrinks(data):
    x, y = data
    strong, weak = (
        trained(x, y, Recipe(ridge=ridge)).line.coefficients * x.std(axis=0) for ridge in (10.0, 1e-6)
    )
    assert np.abs(strong).sum() < np.abs(weak).sum()


def test_the_robust_loss_ignores_gross_errors():
    random = np.random.default_rng(6)
    x = random.standard_normal((300, 1))
    y = 2 * x[:, 0] + 0.1 * random.standard_normal(300)
    y[::10] += 50
    squares, robust = (trained(x, y, Recipe(robust=robust)) for robust in (False, True))
    plain_error, robust_error = (abs(model(plain(np.ones((1, 1))))[0] - 2) for model in (squares, robust))
    assert robust_error < 0.5 * plain_error


def test_the_robust_loss_comes_near_the_least_absolute_deviations_of_statsmodels():
    from statsmodels.regression.quantile_regression import QuantReg

    random = np.random.default_rng(11)
    x = random.standard_normal((500, 3))
    y = x @ np.array([1.0, -2.0, 0.5]) + random.standard_t(2, 500)
    with_one = np.column_stack((np.ones(500), x))
    least = np.abs(y - QuantReg(y, with_one).fit(q=0.5).predict(with_one)).sum()
    errors = [np.abs(y - trained(x, y, Recipe(robust=robust))(plain(x))).sum() for robust in (True, False)]
    assert least <= errors[0] < least * 1.01
    assert errors[0] < errors[1]


def test_forgetting_follows_a_world_that_has_changed():
    random = np.random.default_rng(8)
    x = random.standard_normal((600, 1))
    y = np.where(np.arange(600) < 400, -3, 3) * x[:, 0]
    slopes = [trained(x, y, Recipe(half_life=half)).line.coefficients[0] for half in (None, 50)]
    assert slopes[0] < 0 < 2.5 < slopes[1]


def test_a_column_in_the_unit_of_the_values_is_transformed_with_them():
    """The square root of a sum of squares of roots is found exactly only so."""
    random = np.random.default_rng(10)
    x = random.random((200, 1)) * 9
    root = Root(-1.0, 0.5)
    y = root.back(2 * root.forward(-x[:, 0]) + 1)
    table = Table(-x, np.ones(1))
    model = Training(table, y, np.arange(200), 200).model(Recipe(root, ridge=0.0), np.arange(1))
    np.testing.assert_allclose(model(table), y, atol=1e-9)


def test_the_square_root_is_undone_and_keeps_the_sign():
    for sign in (1.0, -1.0):
        root = Root(sign, 0.3)
        values = sign * np.array([0.0, 0.1, 7.0])
        np.testing.assert_allclose(root.back(root.forward(values)), values, atol=1e-12)
        assert (sign * root.back(np.array([-3.0, 0.0, 1.0])) >= 0).all()


def test_the_mathematics_know_nothing_of_the_platform():
    code = (
        "import sys, importlib.util as u; s = u.spec_from_file_location('ols', sys.argv[1]);"
        "m = u.module_from_spec(s); sys.modules['ols'] = m; s.loader.exec_module(m);"
        "print([n for n in ('flask', 'sqlalchemy', 'flexmeasures', 'statsmodels', 'pandas') if n in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, ols.__file__], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


def test_the_plugin_brings_both_forecasters_and_is_light_to_import():
    code = (
        "import sys, flexmeasures_forecaster_ols as p; print([n for n in ('numpy', 'statsmodels', 'pandas', 'scipy')"
        " if n in sys.modules], [f.name for f in p.register_forecasters()])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[] ['linear-OLS', 'naive', 'seasonal-naive']"


@pytest.mark.contract("17.8")
def test_values_of_one_sign_may_be_transformed_with_a_shift_and_others_may_not(problem_of):
    """Consumers, producers (mirrored), wind speeds and radiation; not markets, temperatures, or both signs."""
    from flexmeasures_regression.event_data import EventData, Events
    from flexmeasures_regression.model_selection import TrainingSet

    values = 1 + np.random.default_rng(1).random(40 * 24)

    def root_of(values, **changes):
        asked = problem_of(values, hours=(1,), **changes)
        scene = EventData.of(asked, 0, len(values))
        (horizon,) = asked.targets
        lesson = TrainingSet([Events(scene, horizon, np.zeros(0, dtype=np.int64))], len(values))
        roots = {recipe.root for recipe in lesson.recipes(0)}
        assert None in roots  # that it does not have to be is tried as well
        return max(roots - {None}, key=str, default=None)

    shift = pytest.approx(0.1 * values.mean(), rel=0.05)
    consumer, producer = root_of(values), root_of(-values)
    assert (consumer.sign, consumer.shift) == (1.0, shift)
    assert (producer.sign, producer.shift) == (-1.0, shift)
    for kind in ("wind_speed", "radiation"):
        assert root_of(values, kind="weather_sensor", type=kind).sign == 1.0
    assert root_of(values, kind="weather_sensor", type="temperature") is None
    assert root_of(values, kind="market", type="day_ahead") is None
    assert root_of(values - 1.5) is None
