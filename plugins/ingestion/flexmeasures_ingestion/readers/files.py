"""Files opened: of which kind they are, and the rows of cells of those that hold a table.

What is read is limited, whatever a small packed file unfolds to.
"""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from flexmeasures.errors import InputError

MAX_BYTES = 400_000_000  # of a file that is parsed, unpacked
BEGINNING = 65_536  # bytes by which files are recognised
MAX_LINE = 1_000_000  # characters of one line

# What a broken file raises in the libraries that read it: CSV, text, gzip, zip, dates out of range.
BROKEN = (
    *(csv.Error, UnicodeDecodeError, EOFError, OSError),
    *(zipfile.BadZipFile, NotImplementedError, OverflowError),
)

TableRow = tuple[int, list[str]]  # line number, cells

CSV_FILE, WORKBOOK, PARQUET, XML = "a text file", "an Excel file", "a Parquet file", "an XML file"
# How files begin that are of no kind that is read, and what they are.
OTHER_KINDS = (
    (b"\x1f\x8b", "a gzipped file whose name does not end in .gz"),
    (b"%PDF", "a PDF file"),
    (b"\xff\xfe", "a text file in UTF-16"),
    (b"\xfe\xff", "a text file in UTF-16"),
    (b"SQLite format 3", "an SQLite database"),
)
ACCEPTED = (
    "text in UTF-8 with columns (CSV), an Excel workbook, Parquet, or what `flexmeasures show readers` names"
)


def beginning_of(path: Path) -> bytes:
    """The first bytes of a file, unpacked if its name ends in .gz; InputError where it cannot be read."""
    try:
        with binary(path) as raw:
            return raw.read(BEGINNING)
    except (OSError, EOFError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: object) -> InputError:
    """The error for a file that cannot be read to its end."""
    return InputError(f"{path} cannot be read: {error}.", "FILE", ACCEPTED)


def kind_of(path: Path, beginning: bytes) -> str:
    """Which of the kinds a file is; InputError for one that nobody reads."""
    other = next((what for mark, what in OTHER_KINDS if beginning.startswith(mark)), None)
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if beginning.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return WORKBOOK
    if beginning.startswith(b"PAR1"):
        return PARQUET
    if text.startswith(b"<"):
        if b"<html" not in text and not text.startswith(b"<!doctype html"):
            return XML
        other = "an HTML page"
    if text.startswith((b"{", b"[")):
        other = "a JSON file"
    if other is not None:
        raise InputError(f"{path} is {other}, not CSV. Nothing was stored.", "FILE", ACCEPTED)
    return CSV_FILE


def binary(path: Path) -> IO[bytes]:
    """A file opened to read bytes, unpacked if its name ends in .gz."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


class Limited:
    """A file that reads MAX_BYTES at most, for parsers; InputError beyond."""

    def __init__(self, raw: IO[bytes], path: Path) -> None:
        self.raw, self.path, self.count = raw, path, 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        found = self.raw.read(size)
        self.count += len(found)
        if self.count > MAX_BYTES:
            text = f"{self.path} has more than {MAX_BYTES:,} bytes."
            raise InputError(text, "FILE", "a smaller file; divide it")
        return found


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a text file (gzipped if its name ends so), with their ends; of one in Latin letters, too."""
    with binary(path) as raw:
        encoding = _encoding(raw.read(BEGINNING))
    with TextIOWrapper(binary(path), encoding=encoding, newline="") as lines:
        while line := lines.readline(MAX_LINE):
            if len(line) == MAX_LINE and not line.endswith("\n"):
                raise InputError(f"{path} has a line of {MAX_LINE:,} characters or more.", "FILE", ACCEPTED)
            yield line


def _encoding(beginning: bytes) -> str:
    """UTF-8, or Windows' Latin letters for text that is none (in which older meters' software writes °, ² or €)."""
    try:
        beginning.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = error.end == len(beginning) and len(beginning) == BEGINNING
        if not cut and not any(byte < 9 or 13 < byte < 32 for byte in beginning):
            return "cp1252"
    return "utf-8-sig"


def table_rows(path: Path, kind: str, delimiter: str, sheet: str | None = None) -> Iterator[TableRow]:
    """The rows of a table: lines of a CSV file, of a sheet, or of Parquet with its header; InputError if broken."""
    try:
        if kind == WORKBOOK:
            yield from _sheet_rows(path, sheet)
        elif kind == PARQUET:
            yield from _parquet_rows(path)
        else:
            reader = csv.reader(text_lines(path), delimiter=delimiter, strict=True)
            for cells in reader:
                yield reader.line_num, cells
    except BROKEN as error:
        raise unreadable(path, error) from None


def _sheet_rows(path: Path, wanted: str | None) -> Iterator[TableRow]:
    """Rows of the sheet of that name, by default of the first one."""
    _refuse_large_archive(path)
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise _missing(path, "an Excel workbook", "python-calamine", "excel") from None
    try:
        book = CalamineWorkbook.from_path(path)
        if wanted is not None and wanted not in book.sheet_names:
            text = f"{path} has no sheet {wanted!r}."
            raise InputError(text, "--sheet", ", ".join(book.sheet_names))
        sheet = book.get_sheet_by_name(wanted) if wanted else book.get_sheet_by_index(0)
        first = 0 if sheet.start is None else sheet.start[0]
        for line, cells in enumerate(sheet.iter_rows(), first + 1):
            yield line, [_text(cell) for cell in cells]
    except CalamineError as error:
        raise InputError(f"{path} is an Excel file that cannot be read: {error}.", "FILE", ACCEPTED) from None


def _refuse_large_archive(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return  # an old workbook, which is not packed
    with zipfile.ZipFile(path) as archive:
        total = sum(member.file_size for member in archive.infolist())
    if total > MAX_BYTES:
        text = f"{path} unfolds to {total:,} bytes."
        raise InputError(
            text, "FILE", f"a workbook of {MAX_BYTES:,} bytes at most, unpacked; divide the file"
        )


def _parquet_rows(path: Path) -> Iterator[TableRow]:
    """The header, then the rows."""
    from flexmeasures_ingestion.readers.base import MAX_ROWS

    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise _missing(path, "a Parquet file", "pyarrow", "parquet") from None
    try:
        with ParquetFile(path) as file:
            if file.metadata.num_rows > MAX_ROWS:
                text = f"The file has more than {MAX_ROWS:,} rows."
                raise InputError(text, "FILE", "files of fewer rows; divide the file")
            yield 1, list(file.schema_arrow.names)
            line = 1
            for batch in file.iter_batches():
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    line += 1
                    yield line, [_text(cell) for cell in cells]
    except ArrowException as error:
        raise unreadable(path, error) from None


def _missing(path: Path, what: str, library: str, extra: str) -> InputError:
    text = f"{path} is {what}, and the library {library} is not installed."
    return InputError(text, "FILE", f"pip install 'flexmeasures-ingestion[{extra}]', or the file as CSV")


def _text(cell: Any) -> str:
    """A cell of a typed table as CSV has it."""
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, datetime):
        # Workbooks keep times as parts of a day, which makes 14:59:59.999995 of 15:00.
        rounded = cell + timedelta(milliseconds=5)
        near = rounded.replace(microsecond=0)
        moment = near if abs(near - cell) <= timedelta(milliseconds=5) else cell
        return moment.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
