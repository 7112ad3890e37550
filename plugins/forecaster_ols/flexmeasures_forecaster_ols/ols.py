"""Least squares: the normal equations as fast path, statsmodels as reference and for its diagnostics.

Numbers in, numbers out; knows neither sensors nor times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32 | np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STEPS = 3  # of reweighting towards least absolute deviations
SMALLEST = 0.05  # of the median error: below it, an error counts as a square, else weights would explode


@dataclass(frozen=True)
class Sums:
    """All that least squares needs to know of rows x (n, p) and targets y (n,): their sums and products."""

    count: int
    x: Floats
    y: float
    xx: Floats
    xy: Floats

    @classmethod
    def of(cls, x: Singles, y: Floats, weights: Floats | None = None) -> Sums:
        """Sum the rows up, weighted (n,) if weights of mean 1 are given."""
        root = np.ones(len(y)) if weights is None else np.sqrt(weights)
        root_x = root.astype(x.dtype)
        half = x if weights is None else x * root_x[:, None]
        gram = half.T @ half  # symmetric, which numpy computes at half the cost
        return cls(
            len(y),
            (root_x @ half).astype(np.float64),
            float(y.sum() if weights is None else weights @ y),
            gram.astype(np.float64, copy=False),
            ((root * y).astype(x.dtype) @ half).astype(np.float64),
        )


@dataclass(frozen=True)
class Line:
    """y = intercept + x @ coefficients."""

    intercept: float
    coefficients: Floats

    def __call__(self, x: Floats) -> Floats:
        return x @ self.coefficients + self.intercept


def solve(sums: Sums, ridge: float = 0.0, columns: Ints | None = None) -> Line:
    """Least squares on the columns of these numbers (default: all), with an intercept.

    Minimises mean (y - f)^2 + ridge * sum of (coefficient * standard deviation of its column)^2, which is
    ordinary least squares for ridge 0. Columns that hardly vary get 0; when columns depend on each other the
    shortest solution is taken.
    """
    columns = np.arange(len(sums.x)) if columns is None else columns
    mean, mean_y = sums.x[columns] / sums.count, sums.y / sums.count
    square = sums.xx.diagonal()[columns] / sums.count
    variance = square - mean**2
    used = np.flatnonzero(variance > 1e-12 * square)
    coefficients = np.zeros(len(columns))
    if len(used):
        scale, centre, where = np.sqrt(variance[used]), mean[used], columns[used]
        gram = sums.xx[where[:, None], where] / sums.count - np.outer(centre, centre)
        gram /= np.outer(scale, scale)
        gram[np.diag_indices_from(gram)] += ridge
        cross = (sums.xy[where] / sums.count - centre * mean_y) / scale
        regular = ridge >= 1e-6  # then no eigenvalue is smaller than it
        coefficients[used] = (np.linalg.solve if regular else _solve)(gram, cross) / scale
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
    line = solve(Sums.of(x - centre, y), ridge, np.flatnonzero(varying(x)))
    coefficients = np.zeros(x.shape[1])
    coefficients[varying(x)] = line.coefficients
    return Line(line.intercept - float(centre @ coefficients), coefficients)


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
class Table:
    """Columns x (n, p) that may be transformed along with y.

    scale: (p,) what a column is multiplied by to be of y's size and sign before it is transformed; NaN for
    columns that are taken as they are.
    """

    x: Floats
    scale: Floats

    def matrix(self, root: Root | None) -> Floats:
        """All columns, shape (n, p); a new array."""
        matrix = self.x.copy()
        if root is not None:
            levels = np.isfinite(self.scale)
            matrix[:, levels] = root.forward(matrix[:, levels] * self.scale[levels])
        return matrix

    def rows(self, rows: slice | Bools | Ints) -> Table:
        """Some of the rows."""
        return Table(self.x[rows], self.scale)

    def columns(self, columns: Ints) -> Table:
        """Some of the columns."""
        return Table(self.x[:, columns], self.scale[columns])


@dataclass(frozen=True)
class Recipe:
    """What is decided of a model by how well it forecasts.

    root: transformation of the values. half_life: rows this many slots older count half; None: all count
    alike. robust: least absolute deviations, not least squares. ridge: its strength. few: only columns that
    a short history can feed.
    """

    root: Root | None = None
    half_life: float | None = None
    robust: bool = False
    ridge: float = 1e-4
    few: bool = False


@dataclass(frozen=True)
class Model:
    """A fitted recipe. means: of the columns, which stand for what a row does not know."""

    recipe: Recipe
    line: Line
    means: Floats

    def __call__(self, table: Table) -> Floats:
        """Forecast in the unit of y, shape (n,); the table holds this model's columns only."""
        x = table.matrix(self.recipe.root)
        x -= self.means
        values = self.line(np.where(np.isnan(x), 0.0, x))
        return values if self.recipe.root is None else self.recipe.root.back(values)


class Training:
    """Rows to learn from, shared by all recipes and horizons: one Gram matrix serves every choice of columns.

    table (n, p): the columns of all horizons. y: (n,). ages: (n,) in slots, of each row.
    """

    def __init__(self, table: Table, y: Floats, ages: Ints) -> None:
        self._table, self._y, self._ages = table, y, ages
        self._matrices: dict[Root | None, tuple[Floats, Floats]] = {}
        self._sums: dict[tuple[Root | None, float | None], Sums] = {}

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self._y)

    def model(self, recipe: Recipe, columns: Ints) -> Model:
        """Fit a recipe on the columns of these numbers."""
        matrix, means = self._matrix(recipe.root)
        line = solve(self._summed(recipe.root, recipe.half_life), recipe.ridge, columns)
        if recipe.robust:
            line = self._robust(recipe, matrix[:, columns], line)
        return Model(recipe, line, means[columns])

    def _matrix(self, root: Root | None) -> tuple[Floats, Floats]:
        """All columns around their means, and the means."""
        if root not in self._matrices:
            matrix = self._table.matrix(root)
            means = matrix.mean(axis=0)
            constant = ~varying(matrix)
            matrix -= means
            matrix[:, constant] = 0.0
            self._matrices[root] = (matrix, means)
        return self._matrices[root]

    def _summed(self, root: Root | None, half_life: float | None) -> Sums:
        key = (root, half_life)
        if key not in self._sums:
            weights = None if half_life is None else self._weights(half_life)
            self._sums[key] = Sums.of(self._matrix(root)[0], self._target(root), weights)
        return self._sums[key]

    def _target(self, root: Root | None) -> Floats:
        return self._y if root is None else root.forward(self._y)

    def _weights(self, half_life: float | None) -> Floats:
        """By age, with mean 1."""
        if half_life is None:
            return np.ones(len(self._y))
        weights = np.exp2(-self._ages / half_life)
        mean_one: Floats = weights / weights.mean()
        return mean_one

    def _robust(self, recipe: Recipe, matrix: Floats, line: Line) -> Line:
        """Least absolute deviations by STEPS of least squares, each weighted by 1 / the error before it."""
        target, weights = self._target(recipe.root), self._weights(recipe.half_life)
        tiny = 1e-9 * np.abs(target).max() + 1e-300
        single = matrix.astype(np.float32)  # twice as quick to sum up, and exact enough for a step on the way
        for _ in range(STEPS):
            errors = np.abs(target - line(matrix))
            weighted = weights / np.maximum(errors, SMALLEST * np.median(errors) + tiny)
            line = solve(Sums.of(single, target, weighted / weighted.mean()), recipe.ridge)
        return line
