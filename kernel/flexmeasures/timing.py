"""The domain's clock, ISO 8601 times and durations, and the grid of event slots.

All times are timezone-aware; stored and computed times are UTC. Inside numpy and SQLite a time is the
number of milliseconds since 1970-01-01T00:00Z, a duration is a number of milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flexmeasures.errors import InputError, NoTimezone, shown

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
EARLIEST_YEAR, LATEST_YEAR = 1900, 2200  # far from where arithmetic with times overflows

_clock: Callable[[], datetime] | None = None


def server_now() -> datetime:
    """The domain's present (UTC): belief times, windows, plans and events take it from here.

    Tests, play mode and simulations set it with `clock`; tokens, leases and logs use real time instead.
    """
    return datetime.now(UTC) if _clock is None else _clock()


@contextmanager
def clock(now: datetime | Callable[[], datetime]) -> Iterator[None]:
    """Let `server_now()` answer `now` (a fixed time or a function) inside the with block."""
    before = _clock
    set_clock(now if callable(now) else lambda: now)
    try:
        yield
    finally:
        set_clock(before)


def set_clock(now: Callable[[], datetime] | None) -> None:
    """Let `server_now()` answer what that function says, in this process from here on; None: the real time."""
    global _clock
    _clock = now


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded up (a belief is never dated before it was recorded)."""
    return -((EPOCH - moment) // MILLISECOND)


def from_ms(milliseconds: int) -> datetime:
    """The UTC time that is `milliseconds` after the epoch."""
    return EPOCH + int(milliseconds) * MILLISECOND


def duration_ms(duration: timedelta) -> int:
    """A duration in whole milliseconds (rounded down)."""
    return duration // MILLISECOND


def floor_time(moment: datetime, resolution: timedelta) -> datetime:
    """The start of the slot of that resolution, on the UTC clock, in which `moment` lies."""
    return moment - (moment - EPOCH) % resolution


def ceil_time(moment: datetime, resolution: timedelta) -> datetime:
    """The first slot start that is not before `moment`."""
    floor = floor_time(moment, resolution)
    return floor if floor == moment else floor + resolution


def parse_time(text: object, field: str = "datetime") -> datetime:
    """Read an ISO 8601 date and time with UTC offset (a space before the offset counts as its plus sign).

    Raises NoTimezone when the offset is missing, InputError when it is no time at all or too far away.
    """
    accepted = "an ISO 8601 date and time with UTC offset, such as 2026-01-31T15:00:00+01:00"
    if isinstance(text, datetime):
        moment = text
    else:
        if not isinstance(text, str) or "T" not in text:
            raise InputError(f"{field} {shown(text)} is not a date and time.", field, accepted)
        head, space, tail = text.strip().rpartition(" ")
        try:
            moment = datetime.fromisoformat(f"{head}+{tail}" if space else text.strip())
        except ValueError:
            raise InputError(f"{field} {shown(text)} is not a date and time.", field, accepted) from None
    if moment.tzinfo is None:
        raise NoTimezone(f"{field} {shown(text)} has no UTC offset.", field, accepted)
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        years = f"the years {EARLIEST_YEAR} to {LATEST_YEAR}"
        raise InputError(f"{field} {shown(text)} is too far away.", field, years)
    return moment


def parse_duration(text: object, start: datetime | None = None, field: str = "duration") -> timedelta:
    """Read an ISO 8601 duration, possibly negative.

    Nominal parts (P1M, P1Y) are grounded at `start`; without a start they raise InputError.
    """
    import isodate

    accepted = "an ISO 8601 duration, such as PT15M or P1D"
    if isinstance(text, timedelta):
        return text
    try:
        empty = not isinstance(text, str) or text.endswith(("P", "T"))  # isodate reads PT as zero
        duration = None if empty else isodate.parse_duration(text)
    except (isodate.ISO8601Error, ValueError, OverflowError, ArithmeticError):
        duration = None
    if isinstance(duration, isodate.Duration):
        try:
            duration = None if start is None else duration.totimedelta(start=start)
        except (ValueError, OverflowError):
            duration = None
    if not isinstance(duration, timedelta):
        raise InputError(f"{field} {shown(text)} is not a duration.", field, accepted)
    return duration


def iso_duration(duration: timedelta) -> str:
    """The normalised ISO 8601 duration (24 h is P1D, 90 min is PT1H30M), with a leading minus if negative."""
    if duration < timedelta(0):
        return "-" + iso_duration(-duration)
    minutes, whole = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{whole}.{duration.microseconds:06d}".rstrip("0").rstrip(".")
    days = f"{duration.days}D" if duration.days else ""
    clock_part = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    clock_part += f"{seconds}S" if seconds != "0" else ""
    return f"P{days}T{clock_part}" if clock_part else f"P{days or 'T0S'}"


def iso_time(moment: datetime, like: datetime | None = None) -> str:
    """ISO 8601 in the UTC offset of `like` (default: its own); offset zero is printed as Z."""
    local = moment if like is None or like.tzinfo is None else moment.astimezone(like.tzinfo)
    text = local.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


# Files beside the time zones that are none: the machine's own zone, one for who has not set any, and copies.
_NO_ZONES = ("localtime", "Factory", "posix", "right/")


def timezone(name: str, field: str = "timezone") -> ZoneInfo:
    """The IANA time zone of that name; InputError when there is none."""
    try:
        if name.startswith(_NO_ZONES):
            raise KeyError(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        accepted = "an IANA name, such as Europe/Amsterdam"
        raise InputError(f"{field} {name!r} is not a time zone.", field, accepted) from None
