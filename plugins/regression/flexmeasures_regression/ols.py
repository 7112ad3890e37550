"""Least squares: the normal equations as fast path, statsmodels as reference and for its diagnostics.

Numbers in, numbers out; knows neither sensors nor times. Rows stand as (p + 2, n): the columns, the target
and 1, each contiguous, so that one product of a matrix with itself sums all of it up.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32 | np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

REGULAR = 1e-6  # ridge from which on no eigenvalue is so small that rounding would show


@dataclass(frozen=True)
class Sums:
    """All that least squares needs to know of rows: gram (p + 2, p + 2), their weighted products with each other."""

    gram: Floats

    @classmethod
    def of(cls, rows: Singles, weights: Singles | None = None) -> Self:
        """Sum rows (p + 2, n) up, weighted (n,) if weights are given."""
        half = rows if weights is None else rows * np.sqrt(weights).astype(rows.dtype, copy=False)
        gram = half @ half.T  # symmetric, which numpy computes at half the cost
        return cls(gram.astype(np.float64, copy=False))

    def after(self, before: Self, decay: float) -> Self:
        """With the rows that came before these, which count `decay` times as much as they did."""
        return type(self)(self.gram + decay * before.gram)


@dataclass(frozen=True)
class Line:
    """y = intercept + x @ coefficients."""

    intercept: float
    coefficients: Floats

    def __call__(self, x: Floats) -> Floats:
        return x @ self.coefficients + self.intercept


@dataclass(frozen=True)
class Normal:
    """Normal equations matrix @ b = right, for columns around their means in units of their standard deviations.

    matrix (p, p), with the ridge; right, mean, scale: (p,). Columns that hardly vary get b = 0.
    """

    matrix: Floats
    right: Floats
    mean: Floats
    scale: Floats
    mean_y: float

    @classmethod
    def of(cls, sums: Sums, ridge: float) -> Self:
        """Of mean (y - f)^2 + ridge * sum of (coefficient * standard deviation of its column)^2."""
        count = sums.gram[-1, -1]
        moments, mean = sums.gram[:-1, :-1] / count, sums.gram[-1, :-1] / count
        square = moments.diagonal()[:-1].copy()
        moments -= np.outer(mean, mean)
        variance = moments.diagonal()[:-1]
        still = variance <= 1e-12 * square
        scale = np.sqrt(np.where(still, 1.0, variance))
        matrix, right = moments[:-1, :-1] / np.outer(scale, scale), moments[:-1, -1] / scale
        matrix[still] = matrix[:, still] = right[still] = 0.0
        diagonal = np.diag_indices_from(matrix)
        matrix[diagonal] += np.where(still, 1.0, ridge)
        return cls(matrix, right, mean[:-1], scale, float(mean[-1]))

    def line(self, columns: Ints, solution: Floats) -> Line:
        """The line of a solution for the columns of these numbers."""
        coefficients = solution / self.scale[columns]
        return Line(self.mean_y - float(self.mean[columns] @ coefficients), coefficients)


def solve(sums: Sums, ridge: float = 0.0) -> Line:
    """Least squares on all columns with an intercept; the shortest solution when columns depend on each other."""
    normal = Normal.of(sums, ridge)
    solution = _solve(normal.matrix, normal.right, regular=ridge >= REGULAR)
    return normal.line(np.arange(len(solution)), solution)


def _solve(matrix: Floats, right: Floats, regular: bool) -> Floats:
    """Solve; the shortest least-squares solution where the matrix, not known as regular, is close to singular."""
    if not regular:
        with suppress(np.linalg.LinAlgError):
            regular = bool(np.linalg.cholesky(matrix).diagonal().min() > 1e-6)
    answer = np.linalg.solve(matrix, right) if regular else np.linalg.lstsq(matrix, right, rcond=1e-10)[0]
    return answer.astype(np.float64, copy=False)


class Family:
    """Least squares on many choices of columns that have some in common, eliminated once for all of them.

    After Frisch and Waugh (1933): what is left is a small system for each choice.
    """

    def __init__(self, sums: Sums, ridge: float, common: Ints) -> None:
        self._sums, self._ridge, self._common = sums, ridge, common
        self._normal = Normal.of(sums, ridge)
        self._is_common = np.zeros(len(self._normal.right), dtype=bool)
        if ridge < REGULAR or len(common) == 0:
            return
        self._is_common[common] = True
        matrix, right = self._normal.matrix, self._normal.right
        both = np.column_stack((matrix, right))
        self._solved = np.linalg.solve(matrix[np.ix_(common, common)], both[common])
        self._rest = both - matrix[:, common] @ self._solved

    def solve(self, columns: Ints) -> Line:
        """Least squares on the columns of these numbers, with an intercept."""
        shared = self._is_common[columns]
        if shared.sum() < max(1, len(self._common)):
            return solve(Sums(self._sums.gram[np.ix_(*2 * [np.append(columns, (-2, -1))])]), self._ridge)
        own = columns[~shared]
        solution = np.empty(len(self._is_common))
        solution[own] = np.linalg.solve(self._rest[own[:, None], own], self._rest[own, -1])
        solution[self._common] = self._solved[:, -1] - self._solved[:, own] @ solution[own]
        return self._normal.line(columns, solution[columns])


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
