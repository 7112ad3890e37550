"""Files of interval data of Australian meters (NEM12).

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13: records 100 to 900, intervals of a day in one record,
times in the market's own (UTC+10, no daylight saving).
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flexmeasures.errors import InputError
from flexmeasures.timing import to_ms
from flexmeasures_ingestion.readers.base import MAX_ERRORS, FileReader, Layout, Rows
from flexmeasures_ingestion.readers.cells import read_number
from flexmeasures_ingestion.readers.files import BROKEN, text_lines, unreadable

MARKET_TIME = timedelta(hours=10)
DAY_MINUTES = 24 * 60
UNITS = {unit.upper(): unit for unit in ("Wh", "kWh", "MWh", "W", "kW", "MW")}
# Places in a record 200, from 0 on.
METER, CHANNEL, UNIT, MINUTES = 1, 4, 7, 8


class Nem12(FileReader):
    """Intervals of one channel of a NEM12 file."""

    name = "nem12"
    title = "interval data of Australian meters (NEM12); --where channel=B1 chooses one of several channels"

    @classmethod
    def recognises(cls, path: Path, beginning: bytes) -> bool:
        """By its first record."""
        return beginning.removeprefix(b"\xef\xbb\xbf").startswith(b"100,NEM12")

    def read(self, path: Path, layout: Layout) -> Rows:
        """The values of the channel that --where names, or of the only one."""
        rows, errors, found = Rows(), list[str](), dict[str, str]()
        wanted = dict(layout.where).get("channel")
        channel, minutes = "", 0
        try:
            for line, cells in enumerate(csv.reader(text_lines(path)), 1):
                try:
                    if cells[:1] == ["200"]:
                        channel, minutes = _channel(cells, line)
                        found[channel] = cells[METER]
                        rows.unit = UNITS.get(cells[UNIT].strip().upper(), rows.unit)
                    elif cells[:1] == ["300"] and wanted in (None, channel):
                        _add_day(rows, cells, minutes, line)
                except InputError as error:
                    errors.append(str(error))
                    if len(errors) == MAX_ERRORS:
                        break
        except BROKEN as error:
            raise unreadable(path, error) from None
        if errors:
            raise InputError("\n".join([f"{path} has wrong rows; nothing was stored.", *errors]), "FILE")
        if len(found) > 1 and wanted is None:
            text = f"{path} holds the channels {', '.join(found)}."
            raise InputError(text, "--where", " or ".join(f"channel={each}" for each in found))
        if not rows.values:
            known = " or ".join(f"channel={each}" for each in found) or "a file with records 200 and 300"
            raise InputError(f"{path} holds no values of that channel.", "--where", known)
        rows.notes.append("Times were read in the market's own, UTC+10.")
        return rows


def _channel(cells: list[str], line: int) -> tuple[str, int]:
    """Name of the channel and minutes of its intervals."""
    minutes = int(cells[MINUTES]) if len(cells) > MINUTES and cells[MINUTES].strip().isdecimal() else 0
    if minutes == 0 or DAY_MINUTES % minutes:
        raise InputError(f"line {line}: the length of intervals is missing.", "FILE", "5, 15 or 30 minutes")
    return cells[CHANNEL].strip(), minutes


def _add_day(rows: Rows, cells: list[str], minutes: int, line: int) -> None:
    try:
        midnight = datetime.strptime(cells[1].strip(), "%Y%m%d").replace(tzinfo=UTC) - MARKET_TIME
    except (ValueError, IndexError):
        raise InputError(f"line {line}: the day is missing.", "FILE", "days as YYYYMMDD") from None
    count = DAY_MINUTES // minutes if minutes else 0
    values = cells[2 : 2 + count]
    if not count or len(values) < count:
        raise InputError(f"line {line}: the day has {len(values)} values.", "FILE", f"{count} values")
    length = minutes * 60_000
    for k, text in enumerate(values):
        try:
            value = read_number(text.strip())
        except InputError as error:
            raise InputError(f"line {line}, interval {k + 1}: {error}", "FILE") from None
        start = to_ms(midnight) + k * length
        rows.add(start, value, line, start + length)
