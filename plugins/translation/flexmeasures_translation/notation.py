"""Days and numbers as the reader's language writes them; clocks have 24 hours in all of them."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from babel import Locale

from flexmeasures_translation.language import language
from flexmeasures_translation.texts import gettext


def day_and_time(moment: datetime, *, year: bool = True) -> str:
    """Such as "Sat 28 Nov 2026 10:15", on the clocks of the moment's own zone."""
    return f"{short_day(moment, year=year)} {moment:%H:%M}"


def weekday_and_time(moment: datetime) -> str:
    """Such as "Sat 10:15"."""
    return f"{_weekday(moment)} {moment:%H:%M}"


def short_day(moment: datetime, *, year: bool = False) -> str:
    """Such as "Sat 28 Nov"."""
    values = {"weekday": _weekday(moment), "day": moment.day, "month": _month(moment), "year": moment.year}
    if year:
        return gettext("%(weekday)s %(day)s %(month)s %(year)s", **values)
    return gettext("%(weekday)s %(day)s %(month)s", **values)


def month_and_year(moment: datetime) -> str:
    """Such as "28 Nov 2026"."""
    return gettext("%(day)s %(month)s %(year)s", day=moment.day, month=_month(moment), year=moment.year)


def decimal_mark() -> str:
    """What stands before the decimals of a number."""
    return _decimal_mark(language())


def with_point(text: str) -> str:
    """A number as typed, its decimals after a point: a comma counts as one where the reader's language has it so."""
    return (
        text.replace(",", ".") if decimal_mark() == "," and text.count(",") == 1 and "." not in text else text
    )


def _weekday(moment: datetime) -> str:
    return _names(language())[0][moment.weekday()]


def _month(moment: datetime) -> str:
    return _names(language())[1][moment.month - 1]


@cache
def _names(code: str) -> tuple[list[str], list[str]]:
    """Short names of the days from Monday on, and of the months from January on."""
    locale = Locale.parse(code)
    days, months = (names["stand-alone"]["abbreviated"] for names in (locale.days, locale.months))
    return [days[k] for k in range(7)], [months[k] for k in range(1, 13)]


@cache
def _decimal_mark(code: str) -> str:
    return str(Locale.parse(code).number_symbols["latn"]["decimal"])
