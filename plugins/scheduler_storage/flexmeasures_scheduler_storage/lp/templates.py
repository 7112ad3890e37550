"""Pyomo's model compiled to matrices once for each form: a few slots by Pyomo, and their pattern for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from flexmeasures_scheduler_storage.lp.device_problem import Form, SchedulerError, StorageProblem
from flexmeasures_scheduler_storage.lp.equations import columns, pyomo_model, rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures_scheduler_storage.lp.device_problem import Floats

# Slots that Pyomo compiles. An equation knows its own slot and the one before, so that three (a first, one like
# all others, a last) show all that repeats; Pyomo takes 60 times as long for the 192 slots of two days.
SAMPLE = 3

_compiling = Lock()


class Repeated(NamedTuple):
    """One coefficient that stands in every slot's row, in the column of the slot that is `lag` slots earlier."""

    row: str
    column: str
    lag: int
    coefficient: float


@dataclass(frozen=True, eq=False)
class Structure:
    """The program of a form as arrays, the matrix by columns (as in scipy's csc_array), all coefficients 1.

    columns, rows: where the parts of the program are, by the names of `equations`. entries: which entries of
    `values` stand in a part's columns and another's rows. earlier: those of a slot's stock in the balance of the next.
    """

    starts: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: Floats
    columns: Mapping[str, slice]
    rows: Mapping[str, slice]
    entries: Mapping[tuple[str, str], NDArray[np.intp]]
    earlier: NDArray[np.intp]
    width: int
    height: int


def preload() -> None:
    """Import all that solving needs (a second), so that a worker can do it before its first job arrives."""
    import_module("highspy")
    structure(Form(slots=1))  # Pyomo imports what it needs (much of scipy) only when it compiles


def structure(form: Form) -> Structure:
    """The compiled program of that form, from memory if it was compiled before."""
    with _compiling:  # Pyomo pauses the garbage collector while it compiles, which is global state
        return _compile(form)


def placeholders(slots: int) -> StorageProblem:
    """A problem all of whose coefficients are 1 (or -1), whatever the form."""
    import numpy as np

    ones = np.ones(slots)
    return StorageProblem(
        prices=ones,
        hours=1.0,
        start=0.0,
        power_lower=-ones,
        power_upper=ones,
        stock_lower=-ones,
        stock_upper=ones,
        wished_lower=0 * ones,
        wished_upper=ones,
        exclusive=ones.astype(bool),
    )


@lru_cache(maxsize=32)
def _compile(form: Form) -> Structure:
    """Every coefficient that Pyomo found in the sample, in all slots of the form."""
    import numpy as np

    column_parts, width = _parts(columns(form), form.slots)
    row_parts, height = _parts(rows(form), form.slots)
    found = _repeated(form._replace(slots=SAMPLE))
    row = column = which = np.zeros(0, dtype=np.intp)
    for number, each in enumerate(found):
        slots = np.arange(each.lag, form.slots)
        across, down = column_parts[each.column], row_parts[each.row]
        row = np.append(row, down.start + slots)
        column = np.append(
            column, across.start + np.minimum(slots - each.lag, across.stop - across.start - 1)
        )
        which = np.append(which, np.full(len(slots), number))
    order = np.lexsort((row, column))
    coefficients = np.array([each.coefficient for each in found])
    indices, values = row[order].astype(np.int32), coefficients[which[order]]
    starts = np.zeros(width + 1, dtype=np.int32)
    starts[1:] = np.cumsum(np.bincount(column, minlength=width))
    places = {each: np.flatnonzero(which[order] == number) for number, each in enumerate(found)}
    entries: dict[tuple[str, str], NDArray[np.intp]] = {}
    for each, at in places.items():
        key = each.column, each.row
        entries[key] = np.append(entries.get(key, which[:0]), at)
    earlier = np.concatenate([which[:0], *(at for each, at in places.items() if each.lag == 1)])
    for array in (starts, indices, values):
        array.flags.writeable = False
    return Structure(starts, indices, values, column_parts, row_parts, entries, earlier, width, height)


@lru_cache(maxsize=32)
def _repeated(form: Form) -> list[Repeated]:
    """What stands in every slot of a form, read from what Pyomo compiles of it."""
    matrix = compiled_by_pyomo(placeholders(form.slots), form).A.tocoo()
    across, down = (_parts(names(form), form.slots)[0] for names in (columns, rows))
    seen: dict[Repeated, int] = {}
    for row, column, value in zip(
        matrix.row.tolist(), matrix.col.tolist(), matrix.data.tolist(), strict=True
    ):
        (row_name, row_slot), (column_name, column_slot) = _part_of(down, row), _part_of(across, column)
        lag = 0 if column_name == "peak" else row_slot - column_slot
        each = Repeated(row_name, column_name, lag, float(value))
        seen[each] = seen.get(each, 0) + 1
    for each, times in seen.items():
        if each.lag not in (0, 1) or times != form.slots - each.lag:
            raise SchedulerError(f"The equation {each.row} does not repeat from slot to slot: {each}.")
    return list(seen)


def _part_of(parts: Mapping[str, slice], index: int) -> tuple[str, int]:
    """The part that a row or column stands in, and its slot."""
    return next((name, index - part.start) for name, part in parts.items() if part.start <= index < part.stop)


def compiled_by_pyomo(problem: StorageProblem, form: Form) -> Any:
    """Pyomo's standard form of the program: A (by columns), c, rhs, in the order of `columns` and `rows`."""
    from pyomo.common.gc_manager import PauseGC
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    with PauseGC():  # many small objects that all live until the end
        model = pyomo_model(problem, form)
        order = [variable for name in columns(form) for variable in getattr(model, name).values()]
        return LinearStandardFormCompiler().write(model, mixed_form=True, column_order=order)


def _parts(names: list[str], slots: int) -> tuple[dict[str, slice], int]:
    """Where each part stands among all columns or rows, and how many there are in all."""
    parts, begin = {}, 0
    for name in names:
        end = begin + (1 if name == "peak" else slots)
        parts[name] = slice(begin, end)
        begin = end
    return parts, begin
