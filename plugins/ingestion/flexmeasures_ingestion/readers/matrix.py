"""Matrices: a row a day with a column a slot, and a row a series with a column a time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flexmeasures.errors import InputError
from flexmeasures.timing import from_ms, to_ms
from flexmeasures_ingestion.readers.base import MAX_ERRORS, Layout, Rows
from flexmeasures_ingestion.readers.cells import CLEAR_COMMA, read_number, read_time, strptime_format
from flexmeasures_ingestion.readers.files import table_rows
from flexmeasures_ingestion.readers.tables import TableReader, header_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME_OF_DAY = re.compile(
    r"(?:.*\s)?(\d{1,2}):(\d{2})(?::00)?(?:\s*[-–]\s*\d{1,2}:\d{2}(?::00)?)?[ab]?", re.IGNORECASE
)
HOURS = re.compile(r"^(\d{2})\s*[-–]\s*\d{2}(?=[ab]?$)", re.IGNORECASE)
NUMBERED = re.compile(r"(?:[A-Za-z]{1,8}[ _]?)?(\d{1,3})")
# Numbered columns of a day: hours, half hours or quarters, with those of the day of 25 hours.
SLOTS_OF_DAY = {24: 60, 25: 60, 48: 30, 50: 30, 96: 15, 100: 15}
LEAST_COLUMNS = 24


class DayMatrix(TableReader):
    """A row a day, a column an hour, half hour or quarter, by the time of day or by number."""

    name = "day-matrix"
    title = "a row a day, a column an hour, half hour or quarter"

    @classmethod
    def layout_of(cls, head: list[list[str]]) -> Layout | None:
        """By a header of a day's times, or numbers from 1 on, after a column of dates."""
        columns = _columns_of_day(head[0]) if head else None
        if columns is None:
            return None
        commas = any(CLEAR_COMMA.fullmatch(cell) for cells in head[1:] for cell in cells)
        return Layout(decimal="," if commas else None)

    def _read(self, path: Path, kind: str, layout: Layout, rows: Rows) -> None:
        table = table_rows(path, kind, layout.delimiter or ",", layout.sheet)
        header = header_of(table, 1)
        columns = _columns_of_day(header)
        if columns is None:
            text = f"{path} has no header of a day's times or numbers."
            raise InputError(text, "--reader", "another reader, or a column a slot of the day")
        if layout.timezone is None:
            text = "Days have no UTC offset."
            raise InputError(text, "--timezone", "--timezone: the IANA name of the zone of the file's days")
        form = strptime_format(layout.date_format) if layout.date_format else None
        errors = list[str]()
        for line, cells in table:
            if not any(cells):
                continue
            try:
                _add_day(cells, line, columns, form, layout, rows)
            except InputError as error:
                errors.append(f"line {line}: {error}")
                if len(errors) == MAX_ERRORS:
                    break
        self.finish(path, rows, errors, filtered=False)


Slot = tuple[int, timedelta, bool]  # column, time since midnight, whether by the clock (else elapsed)


def _columns_of_day(header: list[str]) -> list[Slot] | None:
    """The columns of a day's slots; None where the header has none."""
    names = header[1:]
    while names and not names[-1]:
        names.pop()
    if len(names) < LEAST_COLUMNS:
        return None
    hours = [HOURS.sub(r"\1:00", name) for name in names]  # 00-01, as exchanges have it
    times = [TIME_OF_DAY.fullmatch(name) for name in hours]
    if all(times):
        return [
            (k, timedelta(hours=int(found[1]), minutes=int(found[2])), True)
            for k, found in enumerate(times, 1)
            if found is not None
        ]
    numbers = [NUMBERED.fullmatch(name) for name in names]
    counted = [int(found[1]) for found in numbers if found is not None]
    first = counted[0] if counted else None
    if len(names) in SLOTS_OF_DAY and first in (0, 1) and counted == list(range(first, first + len(names))):
        step = timedelta(minutes=SLOTS_OF_DAY[len(names)])
        return [(k, (k - 1) * step, False) for k in range(1, len(names) + 1)]
    return None


def _add_day(
    cells: list[str], line: int, columns: list[Slot], form: str | None, layout: Layout, rows: Rows
) -> None:
    """The values of one day; of times that clocks show twice or not at all, only those with a value."""
    zone = layout.timezone
    dated = Rows()
    midnight, _ = read_time(cells[0].strip(), zone, dated, form)
    local = from_ms(midnight).astimezone(zone).replace(tzinfo=None)
    next_midnight = to_ms((local + timedelta(days=1)).replace(tzinfo=zone))
    for column, since, by_clock in columns:
        text = cells[column].strip() if column < len(cells) else ""
        value = read_number(text, layout.decimal or ".", layout.thousands)
        start, later = midnight + int(since.total_seconds() * 1000), None
        if by_clock:
            moments = _moments(local + since, layout)
            if moments is None or (moments[1] is not None and value != value):
                if value == value and value != 0:
                    text = f"{local + since:%Y-%m-%d %H:%M} does not exist in {zone}, and has a value."
                    raise InputError(text, "FILE", "an empty cell there")
                continue
            start, later = moments
        elif start >= next_midnight:
            if value == value and value != 0:
                raise InputError(
                    f"the day has no slot {column}, and a value in it.", "FILE", "an empty cell there"
                )
            continue
        if later is not None:
            rows.later[len(rows.starts)] = later
        rows.add(start, value, line)


def _moments(moment: datetime, layout: Layout) -> tuple[int, int | None] | None:
    first, second = (to_ms(moment.replace(tzinfo=layout.timezone, fold=fold)) for fold in (0, 1))
    if first > second:
        return None
    return first, second if first < second else None


class HomeAssistantEnergy(TableReader):
    """Exports of Home Assistant's energy page: a row a series (entity_id, type, unit), a column a time."""

    name = "home-assistant-energy"
    title = "exports of Home Assistant's energy page (a row a series)"

    @classmethod
    def layout_of(cls, head: list[list[str]]) -> Layout | None:
        """By the first three columns."""
        return Layout() if head and head[0][:3] == ["entity_id", "type", "unit"] else None

    def _read(self, path: Path, kind: str, layout: Layout, rows: Rows) -> None:
        table = table_rows(path, kind, layout.delimiter or ",", layout.sheet)
        header = header_of(table, 1)
        if header[:3] != ["entity_id", "type", "unit"]:
            text = f"{path} does not begin with the columns entity_id, type and unit."
            raise InputError(text, "--reader", "another reader")
        line, cells = _one_series(path, table, header, layout)
        form = strptime_format(layout.date_format) if layout.date_format else None
        rows.unit = layout.unit or cells[2].strip()
        errors = list[str]()
        for name, text in zip(header[3:], cells[3:], strict=False):
            try:
                start, later = read_time(name, layout.timezone, rows, form)
                value = read_number(text.strip(), layout.decimal or ".", layout.thousands)
            except InputError as error:
                errors.append(f"line {line}, column {name}: {error}")
                if len(errors) == MAX_ERRORS:
                    break
                continue
            if later is not None:
                rows.later[len(rows.starts)] = later
            rows.add(start, value, line)
        self.finish(path, rows, errors, filtered=bool(layout.where))


def _one_series(
    path: Path, table: Iterator[tuple[int, list[str]]], header: list[str], layout: Layout
) -> tuple[int, list[str]]:
    """The row that --where names; the only one, without."""
    found = list(table)
    for name, wanted in layout.where:
        if name not in header[:3]:
            raise InputError(f"--where {name!r} is no column of the file.", "--where", ", ".join(header[:3]))
        found = [(line, cells) for line, cells in found if cells[header.index(name) :][:1] == [wanted]]
    if len(found) != 1:
        names = [cells[0] for _, cells in found[:10] if cells]
        known = " or ".join(f"--where entity_id={name}" for name in names) or "a text that is in the file"
        raise InputError(f"{path} holds {len(found)} such series.", "--where", known)
    return found[0]


MATRICES = (DayMatrix, HomeAssistantEnergy)
