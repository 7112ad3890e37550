"""Times and numbers as they stand in cells of files; what is not clearly one is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flexmeasures.errors import InputError
from flexmeasures.timing import EPOCH, MILLISECOND, from_ms, to_ms
from flexmeasures_ingestion.readers.base import Rows

# What stands for "no value" in a cell.
NO_VALUE = frozenset({"", "nan", "null", "none", "na", "n/a", "#n/a", "n/e", "-", "--"})
# What home automation writes where a state is not known.
NO_STATE = frozenset({"unavailable", "unknown"})
TIME_ACCEPTED = (
    "an ISO 8601 date and time, such as 2026-01-31T15:00:00+01:00 or 2026-01-31 15:00 with --timezone, or"
    " seconds (10 digits), milliseconds (13), micro- or nanoseconds since 1970"
)
NUMBER_ACCEPTED = "a number with a decimal point, or an empty cell where nothing is known"
FIRST_YEAR, LAST_YEAR = 1970, 2100
END_MS = to_ms(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC))


# -- numbers ------------------------------------------------------------------------------------------

DECIMAL_COMMA = re.compile(r"[-+]?[\d. ']*,\d+")
# A comma before three digits may as well stand between thousands.
CLEAR_COMMA = re.compile(
    r"[-+]?(?:\d+|\d{1,3}(?:[. ']\d{3})*),(?:\d{1,2}|\d{4,})|[-+]?\d{1,3}(?:[. ']\d{3})+,\d+"
)


def read_number(text: str, decimal: str = ".", thousands: str | None = None) -> float:
    """The number of a cell, NaN for an empty one; InputError for anything else, infinity too."""
    plain = text if decimal == "." and thousands is None else _with_point(text, decimal, thousands)
    try:
        # float() takes 1_000 for a number; a file that holds it is more likely damaged.
        value = float(plain) if "_" not in text else None
    except ValueError:
        if text.lower() in NO_VALUE:
            return float("nan")
        value = None
    if value is None or value in (float("inf"), float("-inf")):
        cause = ""
        if decimal == "." and DECIMAL_COMMA.fullmatch(text):
            cause = ": it has a decimal comma (--decimal ,)"
        elif text.lower() in NO_STATE:
            cause = ": it is a state of a history at irregular times (--states)"
        accepted = NUMBER_ACCEPTED if decimal == "." else NUMBER_ACCEPTED.replace("point", "comma")
        raise InputError(f"{text!r} is not a number{cause}.", None, accepted)
    return value


def _with_point(text: str, decimal: str, thousands: str | None) -> str:
    """The number with a decimal point and without marks between thousands; groups must have three digits."""
    marks = thousands or (". '\u00a0\u202f\u2019" if decimal == "," else "")
    whole, mark, part = text.partition(decimal)
    if any(each in whole for each in marks):
        if not re.fullmatch(rf"[-+]?\d{{1,3}}(?:[{re.escape(marks)}]\d{{3}})+", whole):
            return "?"
        whole = "".join(each for each in whole if each not in marks)
    return f"{whole}.{part}" if mark and "." not in part else whole if not mark else "?"


# -- times --------------------------------------------------------------------------------------------

STARTS_WITH_DAY_OR_MONTH = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b.*")
# With dots the day always comes first: no country writes the month before it.
DAY_DOT_MONTH = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
# Seconds since 1970 have 10 digits from 2001 to 2286, and their thousandths three more each. Fewer could be dates.
SINCE_1970 = re.compile(r"(\d{10}|\d{13}|\d{16}|\d{19})(\.\d*)?")
EPOCHS = {
    10: ("seconds", 1000),
    13: ("milliseconds", 1),
    16: ("microseconds", 1e-3),
    19: ("nanoseconds", 1e-6),
}
YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?!\d)(.*)")
# The end of a day, as files have it whose times are ends of slots.
MIDNIGHT_AS_24 = re.compile(r"(.+[ T])24:00(:00)?")
# Zones of clocks that stand behind times, with their offsets in hours.
ABBREVIATIONS = {"UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3}
ZONE_BEHIND = re.compile(rf"(.*\d)\s*\(?({'|'.join(ABBREVIATIONS)})\)?")
WORDS_OF_FORMATS = (
    ("YYYY", "%Y"),
    ("yyyy", "%Y"),
    ("DD", "%d"),
    ("dd", "%d"),
    ("MM", "%m"),
    ("HH", "%H"),
    ("mm", "%M"),
    ("SS", "%S"),
    ("ss", "%S"),
)


def strptime_format(text: str) -> str:
    """A format in letters, such as DD/MM/YYYY HH:mm, in the form that strptime takes; InputError for neither.

    Of two MM the one after an hour is taken as minutes.
    """
    found = text
    if "%" not in text:
        date, mark, time = text.partition("HH")
        found = date + (mark + time).replace("MM", "mm")
        for word, directive in WORDS_OF_FORMATS:
            found = found.replace(word, directive)
    moment = datetime(2026, 1, 31, 15, tzinfo=UTC)
    try:
        read = _clock(moment.strftime(found), found)
    except ValueError:
        read = None
    if read is None or read.date() != moment.date():
        accepted = "day, month and year, such as DD/MM/YYYY HH:mm or %d/%m/%Y %H:%M"
        raise InputError(
            f"--date-format {text!r} does not say how dates are written.", "--date-format", accepted
        )
    return found


def read_time(
    text: str, zone: ZoneInfo | None, rows: Rows, date_format: str | None = None
) -> tuple[int, int | None]:
    """Milliseconds since 1970; of a local time that clocks show twice the earlier moment, and the later one."""
    first, second = _moments(text, zone, rows, date_format)
    if not 0 <= first < END_MS:
        raise _other_year(text, from_ms(first).year)
    return first, second


def _moments(text: str, zone: ZoneInfo | None, rows: Rows, date_format: str | None) -> tuple[int, int | None]:
    if date_format is None and "-" not in text and (found := SINCE_1970.fullmatch(text)):
        unit, factor = EPOCHS[len(found[1])]
        rows.epochs[unit] = rows.epochs.get(unit, 0) + 1
        return round(int(found[1]) * factor + float(found[2] or 0) * factor), None
    try:
        moment = _parsed(text, date_format)
    except OverflowError:  # at the ends of the calendar
        raise InputError(f"{text!r} is not a time.", None, TIME_ACCEPTED) from None
    # Before arithmetic with offsets, which overflows at the ends of the calendar.
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise _other_year(text, moment.year)
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


def _parsed(text: str, date_format: str | None) -> datetime:
    if text[-1:] == ")" or text[-2:].isalpha():
        behind = ZONE_BEHIND.fullmatch(text)
        if behind:
            offset = timedelta(hours=ABBREVIATIONS[behind[2]])
            return (_parsed(behind[1], date_format) - offset).replace(tzinfo=EPOCH.tzinfo)
    if (last := MIDNIGHT_AS_24.fullmatch(text)) is not None:
        return _parsed(f"{last[1]}00:00{last[2] or ''}", date_format) + timedelta(days=1)
    if date_format is not None:
        return _by_format(text, date_format)
    try:
        # fromisoformat() takes 1712011200000 for a day of the year 1712.
        if text.isdecimal() and len(text) != len("20260131"):
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return _in_other_order(text)
    except ValueError:
        pass
    cause = ""
    if STARTS_WITH_DAY_OR_MONTH.fullmatch(text):
        cause = ": it begins with the day or the month, which is never guessed (--date-format DD/MM/YYYY or MM/DD/YYYY)"
    raise InputError(f"{text!r} is not a time{cause}.", None, TIME_ACCEPTED)


def _in_other_order(text: str) -> datetime:
    """A date with other marks than dashes, whose order is clear all the same; ValueError for another text."""
    if found := YEAR_FIRST.fullmatch(text):
        return datetime.fromisoformat(f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}{found[4]}")
    if found := DAY_DOT_MONTH.fullmatch(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 (what a clock shows)
    raise ValueError(text)


def _clock(text: str, date_format: str) -> datetime:
    """What a clock shows, without a zone, unless the format has one."""
    return datetime.strptime(text, date_format)  # noqa: DTZ007


def _by_format(text: str, date_format: str) -> datetime:
    """Seconds may be there or not, whatever the format says: files leave them out where they are 0."""
    shorter = date_format.removesuffix(":%S")
    for each in dict.fromkeys((date_format, shorter, f"{shorter}:%S", f"{shorter}:%S.%f")):
        try:
            return _clock(text, each)
        except ValueError:
            continue
    raise InputError(f"{text!r} is not a time of the format {date_format!r}.", None, "times of --date-format")


def _other_year(text: str, year: int) -> InputError:
    years = f"the years {FIRST_YEAR} to {LAST_YEAR}"
    return InputError(f"{text!r} lies in the year {year}.", None, years)
