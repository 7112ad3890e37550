"""The fast path agrees with statsmodels; choices are made by what was forecast best."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from flexmeasures_forecaster_ols import ols
from flexmeasures_forecaster_ols.ols import Recipe, Root, Rows, Sums


@pytest.fixture
def data():
    random = np.random.default_rng(3)
    x = random.standard_normal((400, 12)) * np.logspace(-3, 3, 12) + np.logspace(3, -3, 12)
    y = x @ random.standard_normal(12) + 5 + random.standard_normal(400)
    return x, y


def test_the_normal_equations_agree_with_statsmodels(data):
    x, y = data
    line, reference = ols.fit(x, y), ols.diagnose(x, y)
    fitted = reference.parameters[0] + x @ reference.parameters[1:]
    np.testing.assert_allclose(line(x), fitted, rtol=1e-6, atol=1e-6)
    spread = x.std(axis=0)
    np.testing.assert_allclose(
        line.coefficients * spread, reference.parameters[1:] * spread, rtol=1e-6, atol=1e-6
    )


def test_a_forecast_model_without_ridge_agrees_with_statsmodels():
    random = np.random.default_rng(4)
    levels, others = random.standard_normal((300, 5)), random.standard_normal((300, 3))
    y = levels.sum(axis=1) - others[:, 0] + random.standard_normal(300)
    rows = Rows(levels, others)
    model = ols.fit_model(rows, y, Recipe(None, 0.0, "all"), np.ones(8, dtype=bool))
    reference = ols.diagnose(rows.matrix(None), y)
    np.testing.assert_allclose(
        model(rows), reference.parameters[0] + rows.matrix(None) @ reference.parameters[1:], rtol=0, atol=1e-6
    )
    assert 0.5 < reference.r_squared < 1
    assert reference.p_values[1] < 0.01 < reference.p_values[8]
    assert (reference.standard_errors > 0).all()


def test_sums_of_parts_are_the_sums_of_the_whole(data):
    x, y = data
    parts, whole = Sums.of(x[:100], y[:100]) + Sums.of(x[100:], y[100:]), Sums.of(x, y)
    np.testing.assert_allclose(parts.xx, whole.xx)
    np.testing.assert_allclose(parts.xy, whole.xy)
    assert parts.count == whole.count == 400


def test_weights_count_a_row_as_often_as_they_say(data):
    x, y = data[0][:2], data[1][:2]
    twice = Sums.of(x[[0, 0, 1]], y[[0, 0, 1]])
    weighted = Sums.of(x, y, np.array([2.0, 1.0]))
    np.testing.assert_allclose(weighted.xx, twice.xx)
    np.testing.assert_allclose(weighted.xy, twice.xy)
    np.testing.assert_allclose(weighted.x, twice.x)


def test_constant_and_repeated_columns_do_no_harm():
    random = np.random.default_rng(5)
    column = random.standard_normal(100)
    x = np.column_stack((column, column, np.full(100, 0.1), 2 * column))
    line = ols.fit(x, 3 * column + 1)
    np.testing.assert_allclose(line(x), 3 * column + 1, atol=1e-6)
    assert line.coefficients[2] == 0
    assert np.abs(line.coefficients).max() <= 3


def test_ridge_shrinks(data):
    x, y = data
    strong, weak = (ols.fit(x, y, ridge).coefficients * x.std(axis=0) for ridge in (10.0, 1e-6))
    assert np.abs(strong).sum() < np.abs(weak).sum()


def test_the_robust_loss_ignores_gross_errors():
    random = np.random.default_rng(6)
    x = random.standard_normal((300, 1))
    y = 2 * x[:, 0] + 0.1 * random.standard_normal(300)
    y[::10] += 50
    slopes = [
        ols.fit_model(Rows(x, x[:, :0]), y, Recipe(None, 0.0, "all", robust=robust), np.ones(1, dtype=bool))
        for robust in (False, True)
    ]
    plain, robust = (abs(model(Rows(np.array([[1.0]]), np.empty((1, 0))))[0] - 2) for model in slopes)
    assert robust < 0.5 * plain


def test_the_square_root_is_undone_and_keeps_the_sign():
    for sign in (1.0, -1.0):
        root = Root(sign, 0.3)
        values = sign * np.array([0.0, 0.1, 7.0])
        np.testing.assert_allclose(root.back(root.forward(values)), values, atol=1e-12)
        assert (sign * root.back(np.array([-3.0, 0.0, 1.0])) >= 0).all()


def test_cross_validation_picks_what_forecasts_best():
    random = np.random.default_rng(7)
    good, bad = random.standard_normal((600, 1)), random.standard_normal((600, 40))
    y = 3 * good[:, 0] + random.standard_normal(600)
    rows = Rows(np.concatenate((good, bad), axis=1), np.empty((600, 0)))
    columns = {"good": np.arange(41) < 1, "bad": np.arange(41) >= 1}
    recipes = [Recipe(None, ridge, name) for name in ("bad", "good") for ridge in (1e-3, 10.0)]
    chosen = ols.choose(rows, y, recipes, columns)
    assert (chosen.columns, chosen.ridge) == ("good", 1e-3)


def test_cross_validation_sees_that_the_world_has_changed():
    random = np.random.default_rng(8)
    x = random.standard_normal((600, 1))
    y = np.where(np.arange(600) < 200, -3, 3) * x[:, 0]
    recipes = [Recipe(None, 1e-3, "all", recent) for recent in (False, True)]
    assert ols.choose(Rows(x, x[:, :0]), y, recipes, {"all": np.ones(1, dtype=bool)}).recent


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
    assert told.stdout.strip() == "[] ['linear-OLS', 'naive']"
