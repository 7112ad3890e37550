"""Reads time series from CSV files, one row at a time; refuses what is not clearly a time and a number.

A file is read once; of each row only eight bytes of time and eight of value are kept.
"""

from __future__ import annotations

import csv
import gzip
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from flexmeasures.errors import InputError
from flexmeasures.timing import EPOCH, MILLISECOND, from_ms, to_ms

# So many wrong rows are told before reading ends.
MAX_ERRORS = 10
# What stands for "no value" in a cell.
NO_VALUE = frozenset({"", "nan", "null", "none", "na", "n/a", "-"})
TIME_ACCEPTED = (
    "an ISO 8601 date and time, such as 2026-01-31T15:00:00+01:00 or 2026-01-31 15:00 with --timezone, or"
    " seconds (10 digits) or milliseconds (13 digits) since 1970"
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
    """What a file holds, row by row in its own order.

    starts: ms since 1970; values: NaN for an empty cell; lines: line numbers. later: of a row whose local time
    clocks show twice, the later start. epochs: how many times were seconds or milliseconds since 1970.
    dates: how many were dates alone; zoned: how many were read in the time zone given.
    """

    starts: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    later: dict[int, int] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    empty: int = 0
    dates: int = 0
    zoned: int = 0


def read_rows(path: Path, layout: Layout) -> Rows:
    """All rows of a CSV file (gzipped if its name ends so); InputError with one line for each wrong row."""
    rows, errors = Rows(), list[str]()
    try:
        with _open(path) as lines:
            reader = csv.reader(lines, delimiter=layout.delimiter, strict=True)
            header = _header(reader, layout.skiprows)
            when, what = _columns(layout, header)
            for cells in reader:
                if not any(cells):
                    continue
                try:
                    _refuse_more_cells(cells, reader.line_num, header)
                    _read_row(cells, reader.line_num, when, what, layout, rows)
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
    packed = path.suffix == ".gz"
    with gzip.open(path) if packed else path.open("rb") as raw:
        beginning = raw.read(4096)
    _refuse_other_kinds(path, beginning)
    if packed:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


# How files that are no CSV begin, and what they are.
OTHER_KINDS = (
    (b"PK\x03\x04", "an Excel file (xlsx) or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (xls)"),
    (b"\x1f\x8b", "a gzipped file whose name does not end in .gz"),
    (b"%PDF", "a PDF file"),
    (b"\xff\xfe", "a text file in UTF-16"),
    (b"\xfe\xff", "a text file in UTF-16"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
)


def _refuse_other_kinds(path: Path, beginning: bytes) -> None:
    kind = next((what for mark, what in OTHER_KINDS if beginning.startswith(mark)), None)
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if kind is None and text.startswith(b"<"):
        kind = "an HTML page" if b"<html" in text or text.startswith(b"<!doctype html") else "an XML file"
    if kind is None and text.startswith((b"{", b"[")):
        kind = "a JSON file"
    if kind is not None:
        accepted = "a text file in UTF-8 with columns (CSV); export or convert the file to that"
        raise InputError(f"{path} is {kind}, not CSV. Nothing was stored.", "FILE", accepted)


def _refuse_more_cells(cells: list[str], line: int, header: list[str]) -> None:
    """A row with more filled cells than the header has names is cut at the wrong places."""
    if header and any(cell.strip() for cell in cells[len(header) :]):
        raise InputError(
            f"line {line}: {len(cells)} columns, but the header has {len(header)} (a decimal comma, perhaps).",
            "FILE",
            "numbers with a decimal point, and cells that hold the delimiter in quotes",
        )


def _header(reader: Iterator[list[str]], skiprows: int) -> list[str]:
    """The last of the rows to skip, which may hold the names of the columns."""
    header: list[str] = []
    for _ in range(skiprows):
        header = next(reader, [])
    return [name.strip() for name in header]


def _columns(layout: Layout, header: list[str]) -> tuple[Column, Column]:
    return _column(layout.datecol, "--datecol", header), _column(layout.valuecol, "--valuecol", header)


def _column(wanted: str, option: str, header: list[str]) -> Column:
    if len(header) == 1 and (wanted not in header and wanted != "0"):
        other = max(";\t,|", key=header[0].count)
        if header[0].count(other):
            name = "tab" if other == "\t" else other
            known = f"0, or another --delimiter: {header[0]}"
            raise InputError(
                f"{option} {wanted} is no column of the file: its header is not divided by the delimiter"
                f" given, but seems to be by {name!r} (--delimiter {name!r}).",
                option,
                known,
            )
    if wanted.isdecimal():
        index = int(wanted)
        name = f" ({header[index]})" if index < len(header) else ""
        if header and not name:
            known = "0" if len(header) == 1 else f"0 to {len(header) - 1}: {', '.join(header)}"
            raise InputError(f"{option} {wanted} is no column of the file.", option, known)
        return Column(index, f"column {index}{name}")
    if wanted not in header:
        known = ", ".join(header) or "a column number, as --skiprows 0 leaves no header"
        raise InputError(f"{option} {wanted!r} is no column of the file.", option, known)
    return Column(header.index(wanted), f"column {header.index(wanted)} ({wanted})")


def _read_row(cells: list[str], line: int, when: Column, what: Column, layout: Layout, rows: Rows) -> None:
    for column in (when, what):
        if column.index >= len(cells):
            have = f"the line has {len(cells)} columns only"
            other = next((mark for mark in ";\t|," if mark != layout.delimiter and mark in cells[0]), None)
            if len(cells) == 1 and other is not None:
                name = "tab" if other == "\t" else other
                have += f" (--delimiter {name!r}, perhaps)"
            raise InputError(f"line {line}, {column.label}: {have}.", column.label)
    try:
        start, later = _read_time(cells[when.index].strip(), layout.timezone, rows)
    except InputError as error:
        raise InputError(f"line {line}, {when.label}: {error}", when.label) from None
    try:
        value = _read_number(cells[what.index].strip())
    except InputError as error:
        raise InputError(f"line {line}, {what.label}: {error}", what.label) from None
    if later is not None:
        rows.later[len(rows.starts)] = later
    rows.starts.append(start)
    rows.values.append(value)
    rows.lines.append(line)
    rows.empty += value != value


DECIMAL_COMMA = re.compile(r"[-+]?[\d. ']*,\d+")


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
        cause = ""
        if DECIMAL_COMMA.fullmatch(text):
            cause = ": it has a decimal comma, which is not read yet"
        elif text.lower() in ("unavailable", "unknown"):
            cause = ": such histories of states, at irregular times, are not read yet"
        raise InputError(f"{text!r} is not a number{cause}.", None, accepted)
    return value


DAY_OR_MONTH_FIRST = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b.*")
# Seconds and milliseconds since 1970 have 10 and 13 digits from 2001 to 2286. Fewer digits could be dates.
SINCE_1970 = re.compile(r"(\d{10}|\d{13})(\.\d*)?")
FIRST_YEAR, LAST_YEAR = 1970, 2100


def _read_time(text: str, zone: ZoneInfo | None, rows: Rows) -> tuple[int, int | None]:
    """Milliseconds since 1970; of an hour that clocks show twice, the earlier one and the later one."""
    first, second = _moments(text, zone, rows)
    if not FIRST_YEAR <= from_ms(first).year <= LAST_YEAR:
        years = f"the years {FIRST_YEAR} to {LAST_YEAR}"
        raise InputError(f"{text!r} lies in the year {from_ms(first).year}.", None, years)
    return first, second


def _moments(text: str, zone: ZoneInfo | None, rows: Rows) -> tuple[int, int | None]:
    if found := SINCE_1970.fullmatch(text):
        unit = "seconds" if len(found[1]) == 10 else "milliseconds"
        rows.epochs[unit] = rows.epochs.get(unit, 0) + 1
        return int(float(text) * 1000 if unit == "seconds" else float(text)), None
    try:
        # fromisoformat() takes 1712011200000 for a day of the year 1712.
        if text.isdecimal() and len(text) != len("20260131"):
            raise ValueError
        moment = datetime.fromisoformat(text)
    except ValueError:
        cause = ""
        if DAY_OR_MONTH_FIRST.fullmatch(text):
            cause = ": it begins with the day or the month, which is never guessed and not read yet"
        raise InputError(f"{text!r} is not a time{cause}.", None, TIME_ACCEPTED) from None
    # Before arithmetic with offsets, which overflows at the ends of the calendar.
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        years = f"the years {FIRST_YEAR} to {LAST_YEAR}"
        raise InputError(f"{text!r} lies in the year {moment.year}.", None, years)
    rows.dates += len(text) <= len("2026-01-31")
    if moment.tzinfo is not None:
        return (moment - EPOCH) // MILLISECOND, None
    if zone is None:
        raise InputError(
            f"{text!r} has no UTC offset.", None, "a time with offset, or --timezone for all of them"
        )
    rows.zoned += 1
    first, second = (to_ms(moment.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first > second:
        raise InputError(f"{text!r} does not exist in {zone.key} (clocks go forward).", None, TIME_ACCEPTED)
    return first, second if first < second else None
