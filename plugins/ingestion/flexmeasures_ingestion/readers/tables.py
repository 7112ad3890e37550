"""Reads tables, one row at a time: CSV files, sheets of workbooks, Parquet.

A file is read once; of each row only eight bytes of time, of value and of line number are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from flexmeasures.errors import InputError
from flexmeasures_ingestion.readers.base import MAX_ERRORS, SLOTS, STATES, FileReader, Layout, Rows
from flexmeasures_ingestion.readers.cells import NO_STATE, read_number, read_time, strptime_format
from flexmeasures_ingestion.readers.files import (
    CSV_FILE,
    PARQUET,
    WORKBOOK,
    beginning_of,
    kind_of,
    table_rows,
)

HEAD = 40  # rows by which a layout is recognised
UNIT_BEHIND = re.compile(r"[\[(]\s*([^\[\]()]+?)\s*[\])]")
RANGE = re.compile(r"^(.*\d.*?)\s+[-–—]\s+(.*\d.*)$")


@dataclass(frozen=True)
class Column:
    """A column of a file: its place from 0 on, and how messages call it."""

    index: int
    label: str


@dataclass(frozen=True)
class Columns:
    """The columns that are read; None for those that are not there."""

    date: Column
    value: Column
    time: Column | None
    end: Column | None
    where: tuple[tuple[Column, str], ...]


class TableReader(FileReader):
    """Tables with a column of times and a column of values, as the options say. Other layouts derive from it."""

    name = "table"
    title = "CSV, Excel or Parquet: a column of times and one of values, as the options say"

    @classmethod
    def recognises(cls, path: Path, beginning: bytes) -> bool:
        """Any table whose head is of the layout."""
        kind = kind_of(path, beginning)
        return (
            kind in (CSV_FILE, WORKBOOK, PARQUET)
            and cls.layout_of(head_of(path, beginning, Layout())) is not None
        )

    @classmethod
    def layout_of(cls, head: list[list[str]]) -> Layout | None:
        """What the first rows (of stripped cells) tell of the layout; None if they are of another one."""
        return Layout(delimiter=",")

    def read(self, path: Path, layout: Layout) -> Rows:
        """All rows of the table."""
        beginning = beginning_of(path)
        kind = kind_of(path, beginning)
        found = self.layout_of(head_of(path, beginning, layout)) or Layout()
        plain = Layout(
            datecol="0",
            valuecol="1",
            skiprows=1,
            delimiter=_guessed_delimiter(beginning),
            decimal=".",
            labels="start",
            kind=SLOTS,
        )
        whole = layout.over(Layout(delimiter=_stated_delimiter(beginning))).over(found).over(plain)
        rows = Rows(
            kind=whole.kind or SLOTS, labels=whole.labels or "start", zone=whole.timezone, unit=whole.unit
        )
        if layout.timezone is None and whole.timezone is not None:
            rows.notes.append(
                f"Times were read in {whole.timezone.key}, as such files have them (--timezone)."
            )
        self._read(path, kind, whole, rows)
        return rows

    def _read(self, path: Path, kind: str, layout: Layout, rows: Rows) -> None:
        """Put all rows in; InputError with one line for each wrong row."""
        errors = list[str]()
        table = table_rows(path, kind, layout.delimiter or ",", layout.sheet)
        header = header_of(table, 1 if layout.skiprows is None else layout.skiprows)
        columns = _columns(layout, header)
        if rows.unit is None and columns.value.index < len(header):
            rows.unit = self.unit_of(header[columns.value.index])
        reading = _Cells(columns, layout, rows)
        for line, cells in table:
            if not any(cells):
                continue
            try:
                _refuse_more_cells(cells, line, header)
                reading.add(cells, line)
            except InputError as error:
                errors.append(str(error))
                if len(errors) == MAX_ERRORS:
                    errors.append("... (more lines may be wrong; reading ended here)")
                    break
        self.finish(path, rows, errors, filtered=bool(columns.where))

    @staticmethod
    def unit_of(name: str) -> str | None:
        """The unit that a column's name says."""
        return unit_in(name)

    @staticmethod
    def finish(path: Path, rows: Rows, errors: list[str], *, filtered: bool) -> None:
        """InputError if rows were wrong, or none has a value."""
        if errors:
            raise InputError("\n".join([f"{path} has wrong rows; nothing was stored.", *errors]), "FILE")
        if len(rows.values) == rows.empty:
            other = " in rows that --where names" if filtered else ""
            text = f"{path} holds no values{other}."
            raise InputError(text, "FILE", "at least one row with a time and a value")


def _stated_delimiter(beginning: bytes) -> str | None:
    """The delimiter of a first line such as `sep=;`, which spreadsheets write for themselves."""
    found = re.match(rb"(?:\xef\xbb\xbf)?sep=(.)\r?\n", beginning)
    return found[1].decode("latin-1") if found else None


def _guessed_delimiter(beginning: bytes) -> str:
    """The mark that divides most of the first lines."""
    text = beginning.decode("utf-8-sig", "replace")
    lines = [line for line in text.splitlines()[:HEAD] if line.strip()]
    return max(",;\t|", key=lambda mark: sum(1 + line.count(mark) for line in lines if mark in line))


def delimiter_of(beginning: bytes) -> str:
    """The mark between columns: the stated one, else the one that divides most."""
    return _stated_delimiter(beginning) or _guessed_delimiter(beginning)


def head_of(path: Path, beginning: bytes, layout: Layout) -> list[list[str]]:
    """The first rows, of stripped cells; [] of a file that is broken or divided by another mark."""
    kind = kind_of(path, beginning)
    delimiter = layout.delimiter or delimiter_of(beginning)
    rows = table_rows(path, kind, delimiter, layout.sheet)
    try:
        head = [[cell.strip() for cell in cells] for _, cells in islice(rows, HEAD)]
    except InputError:
        return []  # reading tells
    return head[1:] if head and head[0][:1] and head[0][0].startswith("sep=") else head


def unit_in(name: str) -> str | None:
    """The unit behind a column's name, in brackets: kWh of `Energy (kWh)`."""
    found = UNIT_BEHIND.findall(name)
    return found[-1].replace("€", "EUR") if found else None


class _Cells:
    """Reads rows of cells into Rows."""

    def __init__(self, columns: Columns, layout: Layout, rows: Rows) -> None:
        self.columns, self.rows, self.zone = columns, rows, layout.timezone
        self.decimal, self.thousands = layout.decimal or ".", layout.thousands
        self.format = strptime_format(layout.date_format) if layout.date_format else None
        if self.format and columns.time is not None and not re.search("%[HI]", self.format):
            self.format += " %H:%M"  # the format of the dates alone
        used = [columns.date, columns.value, columns.time, columns.end, *(each for each, _ in columns.where)]
        self.used = [each for each in used if each is not None]
        self.last = max(each.index for each in self.used)

    def add(self, cells: list[str], line: int) -> None:
        """One row; InputError names line and column."""
        if self.last >= len(cells):
            raise _too_short(cells, line, next(each for each in self.used if each.index >= len(cells)))
        columns = self.columns
        if columns.where and any(cells[column.index].strip() != wanted for column, wanted in columns.where):
            return
        text = cells[columns.date.index].strip()
        if columns.time is not None:
            text = f"{text} {cells[columns.time.index].strip()}"
        over = None if columns.end is None else cells[columns.end.index].strip()
        if over is None and " " in text and (parts := RANGE.search(text)) is not None:
            text, over = parts.groups()
        start, later = self._time(text, line, columns.date)
        value_text = cells[columns.value.index].strip()
        if self.rows.kind == STATES and value_text.lower() in NO_STATE:
            value_text = ""
        try:
            value = read_number(value_text, self.decimal, self.thousands)
        except InputError as error:
            raise InputError(f"line {line}, {columns.value.label}: {error}", columns.value.label) from None
        end = None
        if over is not None:
            end = self._end(over, start, later, line, columns.end or columns.date)
        if later is not None:
            self.rows.later[len(self.rows.starts)] = later
        self.rows.add(start, value, line, end)

    def _time(self, text: str, line: int, column: Column) -> tuple[int, int | None]:
        try:
            return read_time(text, self.zone, self.rows, self.format)
        except InputError as error:
            raise InputError(f"line {line}, {column.label}: {error}", column.label) from None

    def _end(self, text: str, start: int, later: int | None, line: int, column: Column) -> int:
        """The first moment after the start that the end may mean; that after a later start is kept beside."""
        moments = [each for each in self._time(text, line, column) if each is not None]
        after = [each for each in moments if each > start]
        if later is not None:
            self.rows.later_ends[len(self.rows.starts)] = min(
                (each for each in moments if each > later), default=later
            )
        if after:
            return min(after)
        raise InputError(
            f"line {line}, {column.label}: the row ends at {text!r}, before it begins.", column.label
        )


def _too_short(cells: list[str], line: int, column: Column) -> InputError:
    have = f"the line has {len(cells)} columns only"
    other = next((mark for mark in ";\t|," if mark in cells[0]), None)
    if len(cells) == 1 and other is not None:
        name = "tab" if other == "\t" else other
        have += f" (--delimiter {name!r}, perhaps)"
    return InputError(f"line {line}, {column.label}: {have}.", column.label)


def _refuse_more_cells(cells: list[str], line: int, header: list[str]) -> None:
    """A row with more filled cells than the header has names is cut at the wrong places."""
    if len(cells) > len(header) > 0 and any(cell.strip() for cell in cells[len(header) :]):
        raise InputError(
            f"line {line}: {len(cells)} columns, but the header has {len(header)} (a decimal comma, perhaps).",
            "FILE",
            "numbers with a decimal point, and cells that hold the delimiter in quotes",
        )


def header_of(table: Iterator[tuple[int, list[str]]], skiprows: int) -> list[str]:
    """The last of the rows to skip, which may hold the names of the columns."""
    header: list[str] = []
    for _ in range(skiprows):
        header = next(table, (0, []))[1]
        if header and header[0].startswith("sep="):
            header = next(table, (0, []))[1]
    return [name.strip() for name in header]


def _columns(layout: Layout, header: list[str]) -> Columns:
    return Columns(
        date=_column(layout.datecol or "0", "--datecol", header),
        value=_column(layout.valuecol or "1", "--valuecol", header),
        time=None if layout.timecol is None else _column(layout.timecol, "--timecol", header),
        end=None if layout.endcol is None else _column(layout.endcol, "--endcol", header),
        where=tuple((_column(name, "--where", header), text) for name, text in layout.where),
    )


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
