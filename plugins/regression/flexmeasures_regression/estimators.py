"""How models are fitted by their recipes: transformation, forgetting, loss. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from flexmeasures_regression.ols import Bools, Family, Floats, Ints, Line, Singles, Sums, solve

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


Part = Literal["all", "few", "no season"]
PARTS: tuple[Part, ...] = ("all", "few", "no season")


@dataclass(frozen=True)
class Recipe:
    """What is decided of a model by how well it forecasts.

    root: transformation of the values. half_life: rows this many slots older count half; None: all count
    alike. robust: least absolute deviations, not least squares. ridge: its strength. part: which columns, of PARTS:
    all, those that a short history can feed, or all but the wave of the year, which a year of changing levels fools.
    """

    root: Root | None = None
    half_life: float | None = None
    robust: bool = False
    ridge: float = 1e-4
    part: Part = "all"


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
    been summed up already and are not again. anew: whether least absolute deviations begin anew, or only weigh
    these rows as the older ones were.
    """

    def __init__(
        self,
        table: Table,
        y: Floats,
        slots: Ints,
        end: int,
        common: Ints | None = None,
        before: Training | None = None,
        anew: bool = True,
    ) -> None:
        self._table, self._y, self._slots, self.end = table, y, slots, end
        self._before, self._anew = before, anew
        self._common: Ints = (
            before._common if before else np.empty(0, dtype=np.int64) if common is None else common
        )
        self._centres: dict[Root | None, Floats] = before._centres if before else {}
        self._singles: dict[Root | None, Singles] = {}
        self._sums: dict[tuple[Root | None, float | None], Sums] = {}
        self._families: dict[tuple[Root | None, float | None, float], Family] = {}
        self._robust: dict[tuple[Recipe, bytes], Robust] = {}

    def forget(self) -> None:
        """Free what only serves to fit further models quickly."""
        self._families.clear()
        self._robust.clear()

    def followed_by(self, table: Table, y: Floats, slots: Ints, end: int, anew: bool = True) -> Training:
        """With newer rows; of the older ones only the sums are needed, but for least absolute deviations anew."""
        self._families.clear()  # of what follows, only the sums are needed
        return Training(table, y, slots, end, before=self, anew=anew)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(len(part._y) for part in self._parts())

    def model(self, recipe: Recipe, columns: Ints) -> Model:
        """Fit a recipe on the columns of these numbers."""
        line = self._deviations(recipe, columns).line if recipe.robust else self._squares(recipe, columns)
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
        first = root not in self._centres
        if first:
            self._centres[root] = columns @ np.full(length, 1 / max(1, length))
        centre = self._centres[root]
        np.subtract(columns, centre[:, None], out=rows[:-2])
        if first:  # what is constant but for rounding shall not be learnt from
            spread = np.einsum("ij,ij->i", rows[:-2], rows[:-2])
            rows[:-2][spread <= length * (1e-9 * centre) ** 2] = 0.0
        rows[-2] = self._y if root is None else root.forward(self._y)
        rows[-1] = 1.0
        return rows

    # -- least squares -------------------------------------------------------------------------------------

    def _squares(self, recipe: Recipe, columns: Ints) -> Line:
        key = (recipe.root, recipe.half_life, recipe.ridge)
        if key not in self._families:
            sums = self._summed(recipe.root, recipe.half_life)
            self._families[key] = Family(sums, recipe.ridge, self._common)
        return self._families[key].solve(columns)

    def _summed(self, root: Root | None, half_life: float | None) -> Sums:
        key = (root, half_life)
        if key not in self._sums:
            # The older rows first: around their means all columns are taken.
            earlier = None if self._before is None else self._before._summed(root, half_life)
            weights = None if half_life is None else _forgotten(self.end - self._slots, half_life)
            sums = Sums.of(self._rows(root), weights)
            self._sums[key] = sums if earlier is None else sums.after(earlier, self._decay(half_life))
        return self._sums[key]

    def _decay(self, half_life: float | None) -> float:
        """What the weights of the rows before are multiplied by, as they have become older."""
        passed = 0 if self._before is None else self.end - self._before.end
        return float(_forgotten(passed, half_life))

    # -- least absolute deviations -------------------------------------------------------------------------

    def _deviations(self, recipe: Recipe, columns: Ints) -> Robust:
        """By STEPS of least squares, each row weighted by 1 / its error before."""
        key = (recipe, columns.tobytes())
        if key not in self._robust:
            if self._before is None or self._anew:
                self._robust[key] = self._found(recipe, columns)
            else:
                self._robust[key] = self._continued(
                    recipe, columns, self._before._deviations(recipe, columns)
                )
        return self._robust[key]

    def _found(self, recipe: Recipe, columns: Ints) -> Robust:
        """From least squares on."""
        parts = list(self._parts())
        rows = np.concatenate([part._single(recipe.root, columns) for part in parts], axis=1)
        ages = self.end - np.concatenate([part._slots for part in parts])
        tiny = 1e-9 * float(np.abs(rows[-2]).max()) + 1e-30
        line = anchor = self._squares(recipe, columns)
        for _ in range(STEPS):
            anchor, errors = line, _errors(rows, line)
            smallest = SMALLEST * float(np.median(errors)) + tiny
            sums = Sums.of(rows, _forgotten(ages, recipe.half_life) * _weights(errors, smallest))
            line = solve(sums, recipe.ridge)
        return Robust(anchor, smallest, sums, line)

    def _continued(self, recipe: Recipe, columns: Ints, before: Robust) -> Robust:
        """The last step with newer rows, so that each is weighed and summed up once."""
        rows = self._single(recipe.root, columns)
        weights = _weights(_errors(rows, before.anchor), before.smallest)
        own = Sums.of(rows, _forgotten(self.end - self._slots, recipe.half_life) * weights)
        sums = own.after(before.sums, self._decay(recipe.half_life))
        return Robust(before.anchor, before.smallest, sums, solve(sums, recipe.ridge))

    def _single(self, root: Root | None, columns: Ints) -> Singles:
        """Rows as `_rows` gives them: twice as quick to sum up, and exact enough for weighted sums."""
        if root not in self._singles:
            self._singles[root] = self._rows(root).astype(np.float32)
        rows: Singles = self._singles[root][np.append(columns, (-2, -1))]
        return rows


@dataclass(frozen=True)
class Robust:
    """A line of least absolute deviations.

    anchor, smallest: the line by whose errors rows are weighed, and below which all errors count alike. sums: of
    the rows so weighed.
    """

    anchor: Line
    smallest: float
    sums: Sums
    line: Line


def _errors(rows: Singles, line: Line) -> Singles:
    found = line.coefficients.astype(np.float32) @ rows[:-2] + np.float32(line.intercept)
    errors: Singles = np.abs(rows[-2] - found)
    return errors


def _weights(errors: Singles, smallest: float) -> Singles:
    """1 for the smallest errors, less the larger they are."""
    weights: Singles = smallest / np.maximum(errors, smallest)
    return weights


def _forgotten(ages: Any, half_life: float | None) -> Any:
    """What rows of these ages in slots count."""
    return np.ones_like(ages, dtype=np.float64) if half_life is None else np.exp2(-ages / half_life)
