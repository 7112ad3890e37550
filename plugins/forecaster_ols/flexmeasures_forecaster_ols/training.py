"""How models are fitted by their recipes: transformation, forgetting, loss. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flexmeasures_forecaster_ols.ols import Bools, Family, Floats, Ints, Line, Singles, Sums, solve

STEPS = 3  # of reweighting towards least absolute deviations
SMALLEST = 0.05  # of the median error: below it, an error counts as a square, else weights would explode


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
    """Columns x (n, p), best with contiguous columns, that may be transformed along with y.

    scale: (p,) what a column is multiplied by to be of y's size and sign before it is transformed; NaN for
    columns that are taken as they are.
    """

    x: Floats
    scale: Floats

    def transformed(self, root: Root | None) -> Floats:
        """All columns, shape (n, p); their own array where nothing is transformed."""
        if root is None:
            return self.x
        columns, levels = self.x.T.copy(), np.isfinite(self.scale)
        columns[levels] = root.forward(columns[levels] * self.scale[levels, None])
        return columns.T

    def rows(self, rows: slice | Bools | Ints) -> Table:
        """Some of the rows."""
        return Table(self.x.T[:, rows].T, self.scale)

    def columns(self, columns: Ints) -> Table:
        """Some of the columns."""
        return Table(self.x.T[columns].T, self.scale[columns])


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
    """A fitted recipe. columns: numbers of those it uses; means: of these, for what a row does not know."""

    recipe: Recipe
    line: Line
    columns: Ints
    means: Floats

    def __call__(self, table: Table) -> Floats:
        """Forecast in the unit of y, shape (n,), from a table of all columns."""
        x = table.columns(self.columns).transformed(self.recipe.root) - self.means
        values = self.line(np.where(np.isnan(x), 0.0, x))
        return values if self.recipe.root is None else self.recipe.root.back(values)


class Training:
    """Rows to learn from, shared by all recipes and horizons: one Gram matrix serves every choice of columns.

    table (n, p): the columns of all horizons. y: (n,). slots: (n,), ascending, when each row was; end: slot
    before which all were. common: numbers of columns that most models use. before: older rows, which have
    been summed up already and are not again.
    """

    def __init__(
        self,
        table: Table,
        y: Floats,
        slots: Ints,
        end: int,
        common: Ints | None = None,
        before: Training | None = None,
    ) -> None:
        self._table, self._y, self._slots, self.end = table, y, slots, end
        self._before = before
        self._common: Ints = (
            before._common if before else np.empty(0, dtype=np.int64) if common is None else common
        )
        self._centres: dict[Root | None, Floats] = before._centres if before else {}
        self._singles: dict[Root | None, Singles] = {}
        self._sums: dict[tuple[Root | None, float | None], Sums] = {}
        self._families: dict[tuple[Root | None, float | None, float], Family] = {}

    def followed_by(self, table: Table, y: Floats, slots: Ints, end: int) -> Training:
        """With newer rows; of the older ones only the sums are needed, but for least absolute deviations."""
        self._families.clear()
        return Training(table, y, slots, end, before=self)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(len(part._y) for part in self._parts())

    def model(self, recipe: Recipe, columns: Ints) -> Model:
        """Fit a recipe on the columns of these numbers."""
        key = (recipe.root, recipe.half_life, recipe.ridge)
        if key not in self._families:
            sums = self._summed(recipe.root, recipe.half_life)
            self._families[key] = Family(sums, recipe.ridge, self._common)
        line = self._families[key].solve(columns)
        if recipe.robust:
            line = self._robust(recipe, columns, line)
        return Model(recipe, line, columns, self._centres[recipe.root][columns])

    def _parts(self) -> Iterator[Training]:
        """The oldest first."""
        if self._before is not None:
            yield from self._before._parts()
        yield self

    def _rows(self, root: Root | None) -> Floats:
        """The columns around the means of the oldest rows, the target and 1; shape (p + 2, n)."""
        columns = self._table.transformed(root).T
        count, length = columns.shape
        rows = np.empty((count + 2, length))
        if root not in self._centres:
            self._centres[root] = columns @ np.full(length, 1 / max(1, length))
            np.subtract(columns, self._centres[root][:, None], out=rows[:-2])
            spread = np.einsum("ij,ij->i", rows[:-2], rows[:-2])
            rows[:-2][spread <= length * (1e-9 * self._centres[root]) ** 2] = (
                0.0  # but for rounding, constant
            )
        else:
            np.subtract(columns, self._centres[root][:, None], out=rows[:-2])
        rows[-2] = self._y if root is None else root.forward(self._y)
        rows[-1] = 1.0
        return rows

    def _summed(self, root: Root | None, half_life: float | None) -> Sums:
        key = (root, half_life)
        if key not in self._sums:
            earlier = (
                None if self._before is None else self._before._summed(root, half_life)
            )  # its means count
            weights = None if half_life is None else np.exp2((self._slots - self.end) / half_life)
            sums = Sums.of(self._rows(root), weights)
            if earlier is not None and self._before is not None:
                passed = self.end - self._before.end
                sums = sums.after(earlier, 1.0 if half_life is None else float(np.exp2(-passed / half_life)))
            self._sums[key] = sums
        return self._sums[key]

    def _single(self, root: Root | None) -> Singles:
        """Rows as `_rows` gives them: twice as quick to sum up, and exact enough for a step on the way."""
        if root not in self._singles:
            self._singles[root] = self._rows(root).astype(np.float32)
        return self._singles[root]

    def _robust(self, recipe: Recipe, columns: Ints, line: Line) -> Line:
        """Least absolute deviations by STEPS of least squares, each weighted by 1 / the error before it."""
        used = np.append(columns, (-2, -1))
        rows = np.concatenate([part._single(recipe.root)[used] for part in self._parts()], axis=1)
        ages = self.end - np.concatenate([part._slots for part in self._parts()])
        weights = 1.0 if recipe.half_life is None else np.exp2(-ages / recipe.half_life)
        tiny = np.float32(1e-9) * np.abs(rows[-2]).max() + np.float32(1e-30)
        for _ in range(STEPS):
            found = line.coefficients.astype(np.float32) @ rows[:-2] + np.float32(line.intercept)
            errors = np.abs(rows[-2] - found)
            weighted = weights / np.maximum(errors, SMALLEST * np.median(errors) + tiny)
            line = solve(Sums.of(rows, weighted / weighted.mean()), recipe.ridge)
        return line
