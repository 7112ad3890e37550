"""How pages show numbers, times and signs. The sign of power is flipped here and nowhere else."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import floor, isfinite, log10
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from flexmeasures_translation import day_and_time, decimal_mark, gettext

Power = TypeVar("Power", float, NDArray[np.float64])

THIN_SPACE = "\u2009"
NO_BREAK = "\u00a0"
MINUS = "\u2212"


def shown(power: Power, consumption_as_positive: bool) -> Power:
    """Power as a page shows it, of power as it is stored (consumption positive)."""
    return power if consumption_as_positive else 0.0 - power


def power_unit(largest_mw: float) -> tuple[str, float]:
    """Unit in which powers up to that size read well, and how many of it make a MW."""
    return ("kW", 1000.0) if largest_mw < 0.1 else ("MW", 1.0)


def energy_unit(largest_mwh: float) -> tuple[str, float]:
    """Unit in which energies up to that size read well, and how many of it make a MWh."""
    return ("kWh", 1000.0) if abs(largest_mwh) < 0.1 else ("MWh", 1.0)


def number(value: float, digits: int = 3) -> str:
    """Three significant digits, thousands set apart by thin spaces; an en dash for what is not known."""
    if not isfinite(value):
        return "\u2013"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - floor(log10(abs(value))))
    text = f"{abs(value):,.{decimals}f}".replace(",", THIN_SPACE).replace(".", decimal_mark())
    return (MINUS if value < 0 else "") + text


def whole(value: int) -> str:
    """A count, thousands set apart by thin spaces."""
    return f"{value:,}".replace(",", THIN_SPACE)


def percent(share: float | None, digits: int = 1) -> str:
    """A part of 1 as a percentage; an en dash for None."""
    if share is None:
        return "\u2013"
    return f"{100 * share:.{digits}f}{NO_BREAK}%".replace(".", decimal_mark())


def short(value: float) -> str:
    """A number that somebody stated, such as a capacity: as `number`, without zeros that say nothing."""
    text, mark = number(value, digits=4), decimal_mark()
    return text.rstrip("0").rstrip(mark) if mark in text else text


def duration(length: timedelta) -> str:
    """In words, by the largest fitting unit: "15 min", "3 h", "2 days"."""
    seconds = abs(length.total_seconds())
    if seconds >= 2 * 86400:
        return gettext("%(count)s days", count=floor(seconds / 86400))
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{floor(seconds / size)} {unit}"
    return f"{floor(seconds)} s"


def age(moment: datetime, now: datetime, resolution: timedelta = timedelta(0)) -> str:
    """How long ago that was, or how far ahead it lies; "now" within the slot that ends then."""
    if now < moment <= now + resolution:
        return gettext("now")
    if moment <= now:
        return gettext("%(duration)s old", duration=duration(now - moment))
    return gettext("in %(duration)s", duration=duration(moment - now))


def local(moment: datetime, zone: ZoneInfo) -> str:
    """Date and time on the clocks of a zone."""
    return day_and_time(moment.astimezone(zone))


def zone_note(zone: ZoneInfo, start: datetime, end: datetime) -> str:
    """Which times these are: "times in Europe/Amsterdam (UTC+1)", with both offsets when clocks change."""
    offsets = dict.fromkeys(_offset(moment.astimezone(zone)) for moment in (start, end))
    return gettext("times in %(zone)s", zone=f"{zone.key} ({' / '.join(offsets)})")


def _offset(moment: datetime) -> str:
    seconds = (moment.utcoffset() or timedelta(0)).total_seconds()
    hours, rest = divmod(abs(int(seconds)), 3600)
    sign = MINUS if seconds < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest // 60:02}" if rest else "")
