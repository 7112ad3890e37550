"""Least squares: the normal equations as fast path, statsmodels as reference and for its diagnostics.

Numbers in, numbers out; knows neither sensors nor times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PARTS = 15  # the rows are cut into this many parts (contract 17.6),
TESTS = 4  # of which the newest ones test,
RECENT = 7  # and a recipe for the recent past learns from so many
STEPS = 2  # of reweighting towards least absolute deviations


@dataclass(frozen=True)
class Sums:
    """All that least squares needs to know of rows x (n, p) and targets y (n,): their sums and products.

    Sums of two sets of rows may be added.
    """

    count: int
    x: Floats
    y: float
    xx: Floats
    xy: Floats

    @classmethod
    def of(cls, x: Floats, y: Floats, weights: Floats | None = None) -> Sums:
        """Sum the rows up, weighted (n,) if weights of mean 1 are given."""
        if weights is None:
            return cls(len(y), x.sum(axis=0), float(y.sum()), x.T @ x, x.T @ y)
        root = np.sqrt(weights)
        half = x * root[:, None]  # half.T @ half is symmetric, which numpy computes at half the cost
        return cls(len(y), root @ half, float(weights @ y), half.T @ half, (root * y) @ half)

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.count + other.count,
            self.x + other.x,
            self.y + other.y,
            self.xx + other.xx,
            self.xy + other.xy,
        )


@dataclass(frozen=True)
class Line:
    """y = intercept + x @ coefficients; coefficients of columns that were left out are 0."""

    intercept: float
    coefficients: Floats

    def __call__(self, x: Floats) -> Floats:
        return x @ self.coefficients + self.intercept


def solve(sums: Sums, ridge: float = 0.0, columns: Bools | None = None) -> Line:
    """Least squares on some of the columns, with an intercept.

    Minimises mean (y - f)^2 + ridge * sum of (coefficient * standard deviation of its column)^2, which is
    ordinary least squares for ridge 0. Columns that hardly vary are left out; when columns depend on each
    other the shortest solution is taken.
    """
    mean, mean_y = sums.x / sums.count, sums.y / sums.count
    variance = sums.xx.diagonal() / sums.count - mean**2
    used = variance > 1e-12 * (mean**2 + variance)
    if columns is not None:
        used &= columns
    coefficients = np.zeros(len(mean))
    if used.any():
        scale = np.sqrt(variance[used])
        centre = mean[used]
        gram = (sums.xx[np.ix_(used, used)] / sums.count - np.outer(centre, centre)) / np.outer(scale, scale)
        cross = (sums.xy[used] / sums.count - centre * mean_y) / scale
        coefficients[used] = _solve(gram + ridge * np.eye(len(scale)), cross) / scale
    return Line(mean_y - float(mean @ coefficients), coefficients)


def _solve(matrix: Floats, right: Floats) -> Floats:
    """Solve; the shortest least-squares solution where the matrix is close to singular."""
    try:
        regular = np.linalg.cholesky(matrix).diagonal().min() > 1e-6
    except np.linalg.LinAlgError:
        regular = False
    answer = np.linalg.solve(matrix, right) if regular else np.linalg.lstsq(matrix, right, rcond=1e-10)[0]
    return answer.astype(np.float64, copy=False)


def fit(x: Floats, y: Floats, ridge: float = 0.0) -> Line:
    """Fit rows x (n, p) to y (n,) by the normal equations, around the columns' means for accuracy."""
    centre = x.mean(axis=0)
    line = solve(Sums.of(x - centre, y), ridge, varying(x))
    return Line(line.intercept - float(centre @ line.coefficients), line.coefficients)


def varying(x: Floats) -> Bools:
    """Which columns vary by more than rounding; shape (p,)."""
    found: Bools = np.ptp(x, axis=0) > 1e-9 * np.abs(x).max(axis=0)
    return found


@dataclass(frozen=True)
class Diagnostics:
    """What statsmodels knows of a fit; arrays have shape (1 + p,), the intercept first."""

    parameters: Floats
    standard_errors: Floats
    p_values: Floats
    r_squared: float
    condition_number: float


def diagnose(x: Floats, y: Floats) -> Diagnostics:
    """Fit by statsmodels, the reference, and tell how well the columns explain y."""
    import statsmodels.api as sm

    result = sm.OLS(y, sm.add_constant(x, has_constant="add")).fit()
    return Diagnostics(
        parameters=result.params,
        standard_errors=result.bse,
        p_values=result.pvalues,
        r_squared=float(result.rsquared),
        condition_number=float(result.condition_number),
    )


@dataclass(frozen=True)
class Root:
    """The Box-Cox transformation with power 1/2 and a shift (contract 17.8), for values of one sign.

    sign: -1 mirrors values that are never positive. shift: in the values' unit, above 0. Values of the
    other sign, which the sensor should not have, count as 0.
    """

    sign: float
    shift: float

    def forward(self, values: Floats) -> Floats:
        """sqrt(sign * value + shift)."""
        return np.sqrt(np.maximum(self.sign * values, 0.0) + self.shift)

    def back(self, roots: Floats) -> Floats:
        """The values of these roots, never of the other sign."""
        return self.sign * np.maximum(np.maximum(roots, 0.0) ** 2 - self.shift, 0.0)


@dataclass(frozen=True)
class Rows:
    """Rows of one model: levels (n, l) in the unit of y, transformed along with it; others (n, m) as is."""

    levels: Floats
    others: Floats

    def matrix(self, root: Root | None) -> Floats:
        """All columns, shape (n, l + m)."""
        levels = self.levels if root is None else root.forward(self.levels)
        return np.concatenate((levels, self.others), axis=1)

    def __getitem__(self, rows: slice | Bools) -> Rows:
        return Rows(self.levels[rows], self.others[rows])


@dataclass(frozen=True)
class Recipe:
    """What cross-validation decides of a model.

    root: transformation of the values. ridge: its strength. columns: name of a set of them. recent: learn
    from the newest RECENT parts of the rows only. robust: least absolute deviations, not least squares.
    """

    root: Root | None
    ridge: float
    columns: str
    recent: bool = False
    robust: bool = False


@dataclass(frozen=True)
class Model:
    """A fitted recipe. `means`: of the matrix's columns, which stand for what a row does not know."""

    recipe: Recipe
    line: Line
    means: Floats
    count: int

    def __call__(self, rows: Rows) -> Floats:
        """Forecast in the unit of y, shape (n,)."""
        x = rows.matrix(self.recipe.root) - self.means
        values = self.line(np.where(np.isnan(x), 0.0, x))
        return values if self.recipe.root is None else self.recipe.root.back(values)


def fit_model(rows: Rows, y: Floats, recipe: Recipe, columns: Bools) -> Model:
    """Fit one recipe to rows (n, p), oldest first, and targets (n,)."""
    if recipe.recent:
        newest = slice(len(y) * (PARTS - RECENT) // PARTS, None)
        rows, y = rows[newest], y[newest]
    matrix = rows.matrix(recipe.root)
    means = matrix.mean(axis=0)
    used = columns & varying(matrix)
    matrix = matrix[:, used] - means[used]
    target = y if recipe.root is None else recipe.root.forward(y)
    line = solve(Sums.of(matrix, target), recipe.ridge)
    for _ in range(STEPS if recipe.robust else 0):
        errors = np.abs(target - line(matrix))
        weights = 1.0 / np.maximum(errors, 0.1 * np.median(errors) + 1e-9 * np.abs(target).max() + 1e-300)
        line = solve(Sums.of(matrix, target, weights / weights.mean()), recipe.ridge)
    coefficients = np.zeros(len(means))
    coefficients[used] = line.coefficients
    return Model(recipe, Line(line.intercept, coefficients), means, len(y))


def choose(rows: Rows, y: Floats, recipes: Sequence[Recipe], columns: dict[str, Bools]) -> Recipe:
    """Cross-validate in order of time: the recipe with the least absolute error on the newest TESTS parts.

    Rows, oldest first, are cut into PARTS; each tested part is forecast from the parts before it. The best
    recipe by least squares is then tried with least absolute deviations.
    """
    best = recipes[int(np.argmin(_errors(rows, y, recipes, columns)))]
    robust = replace(best, robust=True)
    gain = 0.0
    for part in _parts(len(y))[PARTS - TESTS :]:
        before = slice(0, part.start)
        for recipe, sign in ((best, 1.0), (robust, -1.0)):
            model = fit_model(rows[before], y[before], recipe, columns[recipe.columns])
            gain += sign * float(np.abs(model(rows[part]) - y[part]).sum())
    return robust if gain > 0 else best


def _parts(count: int) -> list[slice]:
    """PARTS slices of `count` rows."""
    return [slice(count * k // PARTS, count * (k + 1) // PARTS) for k in range(PARTS)]


def _errors(rows: Rows, y: Floats, recipes: Sequence[Recipe], columns: dict[str, Bools]) -> Floats:
    """Sum of absolute errors of each recipe by least squares on the tested parts; sums are shared."""
    parts = _parts(len(y))
    errors = np.zeros(len(recipes))
    for root in {recipe.root for recipe in recipes}:
        matrix = rows.matrix(root)
        matrix -= matrix.mean(axis=0)
        target = y if root is None else root.forward(y)
        sums = [Sums.of(matrix[part], target[part]) for part in parts]
        for test in range(PARTS - TESTS, PARTS):
            newer = reduce(add, sums[max(0, test - RECENT) : test])
            every = reduce(add, sums[: max(0, test - RECENT)], newer)
            for k, recipe in enumerate(recipes):
                if recipe.root == root:
                    line = solve(newer if recipe.recent else every, recipe.ridge, columns[recipe.columns])
                    values = line(matrix[parts[test]])
                    values = values if root is None else root.back(values)
                    errors[k] += np.abs(values - y[parts[test]]).sum()
    return errors
