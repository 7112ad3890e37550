"""What a reader of files is asked, and what it gives: rows with times, values and lines, and what was found beside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from flexmeasures.errors import InputError

# A file of more rows is refused: ten years of minutes have half as many.
MAX_ROWS = 9_999_999
# So many wrong rows are told before reading ends.
MAX_ERRORS = 10

# How the times between rows are to be understood.
SLOTS = "slots"  # each row is about the slot that begins (or ends) at its time
REGISTER = "register"  # each row is a reading of a counter
STATES = "states"  # each value holds from its time until that of the next row


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where times and values stand in a file, and how they are written; None: not stated.

    datecol, endcol, valuecol: column numbers from 0 on, or names in the header. timecol: of the time of day, where
    it stands apart from the date. date_format: as of strptime. decimal, thousands: the marks in numbers. where: the
    rows that are meant, as (column, text). labels: "start" or "end", what times are of their slots. timezone: of times
    without UTC offset. sheet: of a workbook. unit, kind: of the values, where the file tells.
    """

    datecol: str | None = None
    timecol: str | None = None
    endcol: str | None = None
    valuecol: str | None = None
    date_format: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    skiprows: int | None = None
    delimiter: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    labels: str | None = None
    timezone: ZoneInfo | None = None
    sheet: str | None = None
    unit: str | None = None
    kind: str | None = None

    def over(self, other: Layout) -> Layout:
        """This layout, and that of `other` where this one states nothing."""
        stated = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(other, **{name: value for name, value in stated.items() if value not in (None, ())})


@dataclass
class Rows:
    """What a file holds, row by row in its own order.

    starts: ms since 1970; values: NaN for an empty cell; lines: line numbers. ends: of each row, where the file tells
    them, else empty. later: of a row whose local time clocks show twice, the later start; later_ends: its end then.
    epochs: how many times were seconds or milliseconds since 1970. dates: how many were dates alone; zoned: how
    many were read in the time zone given. unit: of the values, where the file says it. notes: what was decided.
    """

    kind: str = SLOTS
    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("I"))
    later: dict[int, int] = field(default_factory=dict)
    later_ends: dict[int, int] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    empty: int = 0
    dates: int = 0
    zoned: int = 0
    labels: str = "start"
    zone: ZoneInfo | None = None
    unit: str | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, start: int, value: float, line: int, end: int | None = None) -> None:
        """Put in one more row; InputError where there are too many."""
        if len(self.starts) == MAX_ROWS:
            text = f"The file has more than {MAX_ROWS:,} rows."
            raise InputError(text, "FILE", "files of fewer rows; divide the file")
        self.starts.append(start)
        self.values.append(value)
        self.lines.append(line)
        self.empty += value != value
        if end is not None:
            self.ends.append(end)


class FileReader(ABC):
    """Reads files of one kind. name: of the option --reader; title: what it reads, in a few words."""

    name: ClassVar[str]
    title: ClassVar[str]

    @classmethod
    @abstractmethod
    def recognises(cls, path: Path, beginning: bytes) -> bool:
        """Whether this file is of the kind that it reads.

        Args:
            path: The file; its name may tell.
            beginning: Its first 64 KiB, unpacked if the file is gzipped.
        """

    @abstractmethod
    def read(self, path: Path, layout: Layout) -> Rows:
        """All rows of the file.

        Args:
            path: The file.
            layout: What the user said of it, which goes before what the file tells.

        Raises:
            InputError: With a line for each wrong row.
        """
