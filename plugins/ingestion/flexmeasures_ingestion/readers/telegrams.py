"""Logs of telegrams of smart meters in the Netherlands, Belgium and Luxembourg (P1 port, DSMR 4 and 5).

Source: Dutch Smart Meter Requirements, P1 companion standard 5.0.2: OBIS codes and the form of the time stamp.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flexmeasures.errors import InputError
from flexmeasures.timing import to_ms
from flexmeasures_ingestion.readers.base import REGISTER, FileReader, Layout, Rows
from flexmeasures_ingestion.readers.files import text_lines, unreadable

TIME = re.compile(r"0-0:1\.0\.0\((\d{12})([SW])\)")
READING = re.compile(r"1-\d:([12]\.8)\.(\d)\((\d+(?:\.\d+)?)\*kWh\)")
OFFSETS = {"W": timedelta(hours=1), "S": timedelta(hours=2)}  # winter and summer of the meter's clock
DELIVERED, RETURNED = "1.8", "2.8"  # to the client, by the client


class Telegrams(FileReader):
    """Readings of the counters of energy in a log of P1 telegrams; both tariffs are added."""

    name = "dsmr"
    title = "logs of P1 telegrams (DSMR); --valuecol 2.8 reads what was returned to the grid"

    @classmethod
    def recognises(cls, path: Path, beginning: bytes) -> bool:
        """By the time stamp of a telegram."""
        return TIME.search(beginning.decode("latin-1")) is not None

    def read(self, path: Path, layout: Layout) -> Rows:
        """The sum of the tariffs' counters at each telegram."""
        wanted = layout.valuecol or DELIVERED
        if wanted not in (DELIVERED, RETURNED):
            text = f"--valuecol {wanted!r} is no register of telegrams."
            raise InputError(
                text, "--valuecol", f"{DELIVERED} (delivered, the default) or {RETURNED} (returned)"
            )
        rows = Rows(kind=REGISTER, unit="kWh")
        moment: int | None = None
        counters: dict[str, float] = {}
        at = 0
        try:
            for line, text in enumerate(text_lines(path), 1):
                if text.startswith("/"):
                    _put(rows, moment, counters, at)
                    moment, counters = None, {}
                elif stamp := TIME.match(text):
                    moment, at = _moment(stamp[1], stamp[2], line), line
                elif (found := READING.match(text)) and found[1] == wanted:
                    counters[found[2]] = float(found[3])
        except (UnicodeDecodeError, EOFError, OSError) as error:
            raise unreadable(path, error) from None
        _put(rows, moment, counters, at)
        if not rows.values:
            raise InputError(f"{path} holds no readings of {wanted}.", "FILE", "telegrams with such counters")
        return rows


def _moment(digits: str, season: str, line: int) -> int:
    try:
        clock = datetime.strptime(digits, "%y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        text = f"line {line}: {digits!r} is not a time."
        raise InputError(text, "FILE", "times as YYMMDDhhmmss and S or W") from None
    return to_ms(clock - OFFSETS[season])


def _put(rows: Rows, moment: int | None, counters: dict[str, float], line: int) -> None:
    """A telegram's total; the counter of the total (0) goes before those of tariffs. Cut telegrams are left out."""
    if moment is None or not counters or (rows.starts and rows.starts[-1] == moment):
        return
    rows.add(moment, counters.get("0", sum(counters.values())), line)
