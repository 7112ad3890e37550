"""Tables of layouts that nobody described: which columns hold times and values is guessed of header and cells.

Only what is clear is guessed, and all of it is told: of two columns that may be the values, none is taken; whether a
date begins with the day or the month is known of a date such as 31-10 only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from flexmeasures.errors import InputError
from flexmeasures_ingestion.readers.base import Layout, Rows
from flexmeasures_ingestion.readers.cells import CLEAR_COMMA
from flexmeasures_ingestion.readers.files import beginning_of, kind_of, table_rows
from flexmeasures_ingestion.readers.tables import TableReader, delimiter_of, head_of, unit_in

# Of so many rows one may tell whether dates begin with the day: a month of quarters and more.
DECIDED_BY = 5_000

DATE = r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|(?:19|20)\d{6})"
CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[AaPp][Mm])?"
BEHIND = r"(?:\s?(?:Z|UTC|GMT|[-+]\d{2}:?\d{2}))?"
A_DATE, A_CLOCK = re.compile(DATE), re.compile(CLOCK)
A_TIME = re.compile(rf"{DATE}[T ,]\s*{CLOCK}{BEHIND}|\d{{10}}(?:\.\d+)?|\d{{13}}|\d{{16}}|\d{{19}}")
A_NUMBER = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:[., ']\d{3})+)(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
DAY_AND_MONTH = re.compile(r"(\d{1,2})([-/])(\d{1,2})[-/]\d{4}(.*)")
NOTHING = ("", "-", "nan", "null", "n/a")

# Units as files write them, and as they are called here.
UNITS = {
    **{unit.lower(): unit for unit in ("kW", "MW", "GW", "Wh", "kWh", "MWh", "GWh", "EUR/MWh", "EUR/kWh")},
    "w": "W",
    "°c": "°C",
    "w/m²": "W/m²",
    "w/m2": "W/m2",
    "m/s": "m/s",
    "km/h": "km/h",
}
LAST_WORD = re.compile(r"(?:^|[_ .-])([A-Za-z°/²]+)$")
# What columns of values are called in the languages of exports; and what other numbers are.
VALUES = re.compile(
    r"value|wert|waarde|val(?:eu|o)r|volume|consum|verbrauch|verbruik|forbrug|m(?:æ|ae)ngde|energ|usage|power"
    r"|leistung|vermogen|puissance|potencia|load|last\b|price|preis|prijs|prix|precio|kwh|_value|electricity",
    re.IGNORECASE,
)
OTHER_NUMBERS = re.compile(
    r"cost|kosten|tax|\bid\b|serial|mprn|mpan|\bean|nummer|number|account|index|quality|table|cups|\bmin\b|\bmax\b",
    re.IGNORECASE,
)
ENDS = re.compile(
    r"\b(?:end|until|to|til|bis|tot|fin|hasta|stop)\b|(?:^|_)(?:til|tot|bis|end)_", re.IGNORECASE
)
IN_UTC = re.compile(r"\butc\b|\bgmt\b", re.IGNORECASE)


@dataclass(frozen=True)
class Guess:
    """A layout, the names of its columns of times and values, and whether the plain layout is the same.

    undecided: whether its dates begin with the day or the month, and these rows do not tell with which. candidates:
    columns of which more than one may be the values; then none is in the layout.
    """

    layout: Layout
    times: str
    values: str
    plain: bool
    undecided: bool
    candidates: tuple[str, ...] = ()


class GuessedTable(TableReader):
    """Tables whose columns are guessed."""

    name = "guessed"
    title = "other tables, whose columns are guessed of their header and cells"

    @classmethod
    def layout_of(cls, head: list[list[str]]) -> Layout | None:
        """What is guessed; None where nothing is clear."""
        guess = guess_of(head)
        return None if guess is None else guess.layout

    def read(self, path: Path, layout: Layout) -> Rows:
        """All rows, with a note of what was guessed; InputError names the columns that may hold the values."""
        beginning = beginning_of(path)
        guess = guess_of(head_of(path, beginning, layout))
        if guess is None:
            return super().read(path, layout)
        if guess.candidates and layout.valuecol is None:
            text = f"More than one column of {path} may hold the values."
            raise InputError(text, "--valuecol", f"one of {', '.join(guess.candidates)}")
        if layout.date_format is None and guess.undecided:
            layout = Layout(date_format=_date_format(self._dates(path, beginning, guess, layout))).over(
                layout
            )
        rows = super().read(path, layout)
        if not guess.plain:
            what = f"times from {guess.times}, values from {guess.values}"
            rows.notes.insert(0, f"Guessed: {what} (--datecol, --valuecol).")
        return rows

    @staticmethod
    def _dates(path: Path, beginning: bytes, guess: Guess, layout: Layout) -> Iterator[str]:
        """The times of the first rows, of which one may tell what its day is."""
        delimiter = layout.delimiter or delimiter_of(beginning)
        rows = table_rows(path, kind_of(path, beginning), delimiter, layout.sheet)
        columns = [int(each) for each in (guess.layout.datecol, guess.layout.timecol) if each is not None]
        for _, cells in islice(rows, DECIDED_BY):
            if len(cells) > max(columns):
                yield " ".join(cells[k].strip() for k in columns)


def guess_of(head: list[list[str]]) -> Guess | None:
    """The layout of a table by its first rows; None where it is not clear."""
    width = _usual_width(head)
    first = next((k for k, cells in enumerate(head) if len(cells) == width and _is_data(cells)), None)
    if width < 2 or first is None:
        return None
    data, above = [cells for cells in head[first:] if len(cells) == width], head[:first]
    names = _names(above, width)
    columns = [[cells[k] for cells in data] for k in range(width)]
    times = _times(columns, names)
    if times is None:
        return None
    date, clock, labels = times
    plain = (date, clock) == (0, None) and _all(columns[1], _is_number)
    values = [1] if plain else _values(columns, names, {date, clock})
    if not values:
        return None
    value = values[0] if len(values) == 1 else None
    used = [date] if clock is None else [date, clock]
    in_utc = IN_UTC.search(names[date]) or any(cell in ("UTC", "GMT") for cells in above for cell in cells)
    texts = [" ".join(cells[k] for k in used) for cells in data]
    layout = Layout(
        datecol=str(date),
        timecol=None if clock is None else str(clock),
        valuecol=None if value is None else str(value),
        skiprows=first,
        decimal="," if any(CLEAR_COMMA.fullmatch(cell) for k in values for cell in columns[k]) else None,
        date_format=_date_format(texts),
        labels=labels,
        timezone=ZoneInfo("UTC") if in_utc else None,
        unit=None if value is None else _unit(names[value], columns),
    )
    return Guess(
        layout,
        " and ".join(_named(names[k], k) for k in used),
        "" if value is None else _named(names[value], value),
        plain=plain and first == 1,
        undecided=layout.date_format is None and any(map(DAY_AND_MONTH.fullmatch, texts)),
        candidates=()
        if value is not None
        else tuple(f"{k} ({names[k]})" if names[k] else str(k) for k in values),
    )


def _usual_width(head: list[list[str]]) -> int:
    """How many cells most rows have, the more of as frequent ones."""
    widths = Counter(len(cells) for cells in head if len(cells) > 1)
    return max(widths, key=lambda width: (widths[width], width), default=0)


def _names(above: Sequence[list[str]], width: int) -> list[str]:
    """The names of the columns in the rows above the data, with units that stand in a row of their own."""
    rows = [cells for cells in above if len(cells) == width and any(cells)]
    if not rows:
        return [""] * width
    if len(rows) > 1 and all(not cell or cell.startswith("[") for cell in rows[-1]):
        return [f"{name} {unit}" for name, unit in zip(rows[-2], rows[-1], strict=True)]
    return rows[-1]


def _is_data(cells: Sequence[str]) -> bool:
    return any(A_TIME.fullmatch(cell) or A_DATE.fullmatch(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    return A_NUMBER.fullmatch(cell) is not None and not A_TIME.fullmatch(cell) and not A_DATE.fullmatch(cell)


def _all(column: Sequence[str], is_one: Callable[[str], object]) -> bool:
    """Whether each cell that holds something is one of those, and any is."""
    held = [cell for cell in column if cell.lower() not in NOTHING]
    return bool(held) and all(is_one(cell) for cell in held)


def _times(
    columns: Sequence[Sequence[str]], names: Sequence[str]
) -> tuple[int, int | None, str | None] | None:
    """The columns of dates and of times of day (None where one holds both), and what the times are of their slots."""
    whole = [k for k, column in enumerate(columns) if _all(column, A_TIME.fullmatch)]
    if whole:
        starts = [k for k in whole if not ENDS.search(names[k])]
        # Columns such as _start and _stop that never change are of the query, not of the rows.
        moving = [k for k in starts if len(set(columns[k])) > 1 or len(columns[k]) == 1]
        if moving or starts:
            return (moving or starts)[0], None, None
        return whole[0], None, "end"
    dates = [k for k, column in enumerate(columns) if _all(column, A_DATE.fullmatch)]
    clocks = [k for k, column in enumerate(columns) if _all(column, A_CLOCK.fullmatch)]
    if not dates:
        return None
    if not clocks:
        return dates[0], None, None  # rows are about days
    ends = "end" if any(cell.startswith("24:00") for cell in columns[clocks[0]]) else None
    return dates[0], clocks[0], ends


def _values(columns: Sequence[Sequence[str]], names: Sequence[str], others: set[int | None]) -> list[int]:
    """The columns that may hold the values: one where that is clear."""
    numbers = [k for k, column in enumerate(columns) if k not in others and _all(column, _is_number)]
    found = [k for k in numbers if not OTHER_NUMBERS.search(names[k])]
    called_so = [k for k in found if VALUES.search(names[k]) or _unit_of(names[k])]
    return called_so or found


def _date_format(texts: Iterable[str]) -> str | None:
    """The format of dates that begin with day or month, where one of them tells which; None for other dates."""
    parts = [found for text in texts if (found := DAY_AND_MONTH.fullmatch(text)) is not None]
    if not parts:
        return None
    mark = parts[0][2]
    day_first, month_first = (any(int(found[group]) > 12 for found in parts) for group in (1, 3))
    if day_first == month_first:
        return None
    behind = parts[0][4].strip()
    clock = ""
    if behind:
        colons = behind.count(":")
        clock = f" %I:%M{':%S' * (colons > 1)} %p" if behind[-1:] in "mM" else f" %H:%M{':%S' * (colons > 1)}"
    return (f"%d{mark}%m{mark}%Y" if day_first else f"%m{mark}%d{mark}%Y") + clock


def _unit(name: str, columns: Sequence[Sequence[str]]) -> str | None:
    """The unit of the values: of their column's name, else of a column that tells the same unit everywhere."""
    stated = _unit_of(name)
    if stated is not None:
        return stated
    same = {unit for column in columns if len(set(column)) == 1 and (unit := _unit_of(column[0])) is not None}
    return same.pop() if len(same) == 1 else None


def _unit_of(name: str) -> str | None:
    text = unit_in(name)
    if text is None and (found := LAST_WORD.search(name)) is not None:
        text = found[1]
    return None if text is None else UNITS.get(text.replace("€", "EUR").lower())


def _named(name: str, number: int) -> str:
    return f"column {name!r}" if name else f"column {number}"
