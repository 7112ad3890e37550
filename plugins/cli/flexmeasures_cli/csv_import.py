"""Reads time series from CSV files, one row at a time; refuses what is not clearly a time and a number.

A file is read once; of each row only eight bytes of time and eight of value are kept.
"""

from __future__ import annotations

import csv
import gzip
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING
from zoneinfo import ZoneInfo

from flexmeasures.errors import InputError
from flexmeasures.timing import EPOCH, MILLISECOND, duration_ms, from_ms, iso_duration, iso_time, to_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures.timeseries import Floats, TimeSeries

# So many wrong rows are told before reading ends.
MAX_ERRORS = 10
# A gap that is longer than so many slots starts a new series, so that no stray date fills the memory.
MAX_GAP = 1000
# What stands for "no value" in a cell.
NO_VALUE = frozenset({"", "nan", "null", "none", "na", "n/a", "-"})
TIME_ACCEPTED = (
    "an ISO 8601 date and time, such as 2026-01-31T15:00:00+01:00 or 2026-01-31 15:00 with --timezone"
)


@dataclass(frozen=True)
class Layout:
    """Where times and values stand in a file.

    datecol, valuecol: column numbers from 0 on, or names in the last skipped row. timezone: of times without
    UTC offset, None if there must be one.
    """

    datecol: str = "0"
    valuecol: str = "1"
    skiprows: int = 1
    delimiter: str = ","
    timezone: ZoneInfo | None = None


@dataclass(frozen=True)
class Column:
    """A column of a file: its place from 0 on, and how messages call it."""

    index: int
    label: str


@dataclass
class Rows:
    """What a file holds: event starts (ms since 1970), values (NaN for an empty cell), line numbers."""

    starts: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    empty: int = 0

    def arrays(self) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
        """Starts, values and line numbers, in order of time; InputError when a time comes twice."""
        import numpy as np

        starts = np.frombuffer(self.starts, dtype=np.int64)
        lines = np.frombuffer(self.lines, dtype=np.int64)
        order = np.argsort(starts, kind="stable")
        twice = np.flatnonzero(np.diff(starts[order]) == 0)
        if len(twice):
            first, second = lines[order[twice[0]]], lines[order[twice[0] + 1]]
            moment = iso_time(from_ms(int(starts[order[twice[0]]])))
            raise InputError(
                f"Lines {first} and {second} are both about {moment}.", "datecol", "each time once in a file"
            )
        return starts[order], np.frombuffer(self.values, dtype=np.float64)[order], lines[order]


def read_rows(path: Path, layout: Layout) -> Rows:
    """All rows of a CSV file (gzipped if its name ends so); InputError with one line for each wrong row."""
    rows, errors = Rows(), list[str]()
    try:
        with _open(path) as lines:
            reader = csv.reader(lines, delimiter=layout.delimiter, strict=True)
            when, what = _columns(layout, _header(reader, layout.skiprows))
            for cells in reader:
                if not any(cells):
                    continue
                try:
                    _read_row(cells, reader.line_num, when, what, layout.timezone, rows)
                except InputError as error:
                    errors.append(str(error))
                    if len(errors) == MAX_ERRORS:
                        errors.append("... (more lines may be wrong; reading ended here)")
                        break
    except (csv.Error, UnicodeDecodeError, EOFError, OSError) as error:
        accepted = "a text file in UTF-8 with columns, plain or gzipped with a name that ends in .gz"
        raise InputError(f"{path} cannot be read: {error}.", "FILE", accepted) from None
    if errors:
        raise InputError("\n".join([f"{path} has wrong rows; nothing was stored.", *errors]), "FILE")
    if len(rows.values) == rows.empty:
        raise InputError(f"{path} holds no values.", "FILE", "at least one row with a time and a value")
    return rows


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _header(reader: Iterator[list[str]], skiprows: int) -> list[str]:
    """The last of the rows to skip, which may hold the names of the columns."""
    header: list[str] = []
    for _ in range(skiprows):
        header = next(reader, [])
    return [name.strip() for name in header]


def _columns(layout: Layout, header: list[str]) -> tuple[Column, Column]:
    return _column(layout.datecol, "--datecol", header), _column(layout.valuecol, "--valuecol", header)


def _column(wanted: str, option: str, header: list[str]) -> Column:
    if wanted.isdecimal():
        index = int(wanted)
        name = f" ({header[index]})" if index < len(header) else ""
        if header and not name:
            only = len(header) == 1
            known = (
                f"0, or another --delimiter: {header[0]}"
                if only
                else f"0 to {len(header) - 1}: {', '.join(header)}"
            )
            raise InputError(f"{option} {wanted} is no column of the file.", option, known)
        return Column(index, f"column {index}{name}")
    if wanted not in header:
        known = ", ".join(header) or "a column number, as --skiprows 0 leaves no header"
        raise InputError(f"{option} {wanted!r} is no column of the file.", option, known)
    return Column(header.index(wanted), f"column {header.index(wanted)} ({wanted})")


def _read_row(
    cells: list[str], line: int, when: Column, what: Column, zone: ZoneInfo | None, rows: Rows
) -> None:
    for column in (when, what):
        if column.index >= len(cells):
            have = f"the line has {len(cells)} columns only"
            raise InputError(f"line {line}, {column.label}: {have}.", column.label)
    previous = rows.starts[-1] if rows.starts else None
    try:
        start = _read_time(cells[when.index].strip(), zone, previous)
    except InputError as error:
        raise InputError(f"line {line}, {when.label}: {error}", when.label) from None
    try:
        value = _read_number(cells[what.index].strip())
    except InputError as error:
        raise InputError(f"line {line}, {what.label}: {error}", what.label) from None
    rows.starts.append(start)
    rows.values.append(value)
    rows.lines.append(line)
    rows.empty += value != value


def _read_number(text: str) -> float:
    accepted = "a number with a decimal point, or an empty cell where nothing is known"
    try:
        # float() takes 1_000 for a number; a file that holds it is more likely damaged.
        value = float(text) if "_" not in text else None
    except ValueError:
        if text.lower() in NO_VALUE:
            return float("nan")
        value = None
    if value is None or value in (float("inf"), float("-inf")):
        raise InputError(f"{text!r} is not a number.", None, accepted)
    return value


def _read_time(text: str, zone: ZoneInfo | None, previous: int | None) -> int:
    """Milliseconds since 1970. Of an hour that clocks show twice, the later one follows the earlier."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not a time.", None, TIME_ACCEPTED) from None
    if moment.tzinfo is not None:
        return (moment - EPOCH) // MILLISECOND
    if zone is None:
        raise InputError(
            f"{text!r} has no UTC offset.", None, "a time with offset, or --timezone for all of them"
        )
    first, second = (to_ms(moment.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first > second:
        raise InputError(f"{text!r} does not exist in {zone.key} (clocks go forward).", None, TIME_ACCEPTED)
    return second if first < second and previous is not None and previous >= first else first


def file_resolution(starts: NDArray[np.int64], given: timedelta | None, own: timedelta) -> timedelta:
    """Length of the file's slots: as given, else the shortest step between times, else the sensor's."""
    if given is not None:
        return given
    if len(starts) < 2:
        return own
    return int((starts[1:] - starts[:-1]).min()) * MILLISECOND


def check_grid(starts: NDArray[np.int64], lines: NDArray[np.int64], step: timedelta, own: timedelta) -> None:
    """InputError when a time is no whole number of steps after the first, or off the sensor's own slots."""
    import numpy as np

    _refuse_first(
        (starts - starts[0]) % duration_ms(step) != 0,
        starts,
        lines,
        f"is no whole number of {iso_duration(step)} after the first time",
        "regular times; --resolution states their distance",
    )
    if own <= timedelta(hours=1):
        _refuse_first(
            starts % np.int64(duration_ms(own)) != 0,
            starts,
            lines,
            f"is no start of a slot of {iso_duration(own)}",
            "times on the slots of the sensor, counted from the full hour",
        )


def _refuse_first(
    wrong: NDArray[np.bool_], starts: NDArray[np.int64], lines: NDArray[np.int64], text: str, accepted: str
) -> None:
    if wrong.any():
        k = int(wrong.argmax())
        raise InputError(f"line {lines[k]}: {iso_time(from_ms(int(starts[k])))} {text}.", "datecol", accepted)


def regular(starts: NDArray[np.int64], values: Floats, step: timedelta) -> Iterable[TimeSeries]:
    """The values as regular series (NaN in gaps); a long gap ends one series and starts the next."""
    import numpy as np

    from flexmeasures.timeseries import TimeSeries

    slots = (starts - starts[0]) // duration_ms(step)
    edges = np.flatnonzero(np.diff(slots) > MAX_GAP) + 1
    for low, high in zip([0, *edges], [*edges, len(slots)], strict=True):
        grid = np.full(slots[high - 1] - slots[low] + 1, np.nan)
        grid[slots[low:high] - slots[low]] = values[low:high]
        yield TimeSeries(from_ms(int(starts[low])), step, grid)
