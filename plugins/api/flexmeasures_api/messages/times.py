"""Periods, resolutions, and when things were recorded: the keys start, duration, resolution, horizon, prior."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Protocol

from flexmeasures.errors import InputError, NoTimezone
from flexmeasures.timing import iso_duration, iso_time, parse_duration, parse_time, server_now
from flexmeasures_api.messages.status_codes import Refused, shown

NOTHING = timedelta(0)
LONGEST = timedelta(days=366 * 300)


@dataclass(frozen=True)
class Period:
    """A window of time, start in the UTC offset that the client used."""

    start: datetime
    duration: timedelta

    @property
    def end(self) -> datetime:
        """Where the window ends."""
        return self.start + self.duration

    def echo(self) -> dict[str, str]:
        """The keys of answers."""
        return {"start": iso_time(self.start), "duration": iso_duration(self.duration)}


def moment(text: object, key: str, status: str) -> datetime:
    """A time of a message: Refused with `status`, or INVALID_TIMEZONE when it lacks a UTC offset."""
    if text is None or text == "":
        raise Refused(
            status, f"{key} is missing. Accepted: a date and time such as 2026-01-31T15:00:00+01:00."
        )
    try:
        return parse_time(text, key)
    except NoTimezone as error:
        raise Refused("INVALID_TIMEZONE", str(error)) from None
    except InputError as error:
        raise Refused(status, str(error)) from None


def _duration(text: object, key: str, status: str, start: datetime | None = None) -> timedelta:
    try:
        duration = parse_duration(text, start, key)
    except InputError as error:
        raise Refused(status, str(error)) from None
    if abs(duration) > LONGEST:
        raise Refused(status, f"{key} {shown(text)} is too long. Accepted: at most 300 years.")
    return duration


def read_period(message: dict[str, Any]) -> Period:
    """start and duration (months and years count from start): INVALID_PERIOD, INVALID_TIMEZONE."""
    start = moment(message.get("start"), "start", "INVALID_PERIOD")
    text = message.get("duration")
    if text is None:
        raise Refused(
            "INVALID_PERIOD", "duration is missing. Accepted: an ISO 8601 duration such as PT1H30M."
        )
    duration = _duration(text, "duration", "INVALID_PERIOD", start)
    if duration <= NOTHING:
        raise Refused(
            "INVALID_PERIOD", f"duration {shown(text)} is not positive. Accepted: one such as PT1H30M."
        )
    return Period(start, duration)


def read_resolution(message: dict[str, Any]) -> timedelta | None:
    """The resolution that is asked for, None for the sensors' own: INVALID_RESOLUTION (nominal ones, too)."""
    text = message.get("resolution")
    if text is None:
        return None
    resolution = _duration(text, "resolution", "INVALID_RESOLUTION")
    if resolution <= NOTHING:
        raise Refused(
            "INVALID_RESOLUTION", f"resolution {shown(text)} is not positive. Accepted: such as PT1H."
        )
    return resolution


def _is_repeating(text: object) -> bool:
    """Whether a horizon is a repeating interval, such as R/PT6H."""
    return isinstance(text, str) and text.startswith("R")


def read_horizon(message: dict[str, Any], repeating: bool) -> timedelta | None:
    """The belief horizon, None if not stated: INVALID_HORIZON.

    repeating: whether R/PT6H is accepted (as PT6H); otherwise it is refused with advice.
    """
    text = message.get("horizon")
    if text is None:
        return None
    if _is_repeating(text):
        if not repeating:
            advice = "a horizon is rolling already: a duration such as PT6H or P1D"
            raise Refused(
                "INVALID_HORIZON", f"horizon {shown(text)} is a repeating interval. Accepted: {advice}."
            )
        text = str(text).partition("/")[2]
    return _duration(text, "horizon", "INVALID_HORIZON")


def read_prior(message: dict[str, Any]) -> datetime | None:
    """The time of recording (POST) or of knowledge (GET), None if not stated: INVALID_HORIZON, INVALID_TIMEZONE."""
    text = message.get("prior")
    return None if text is None else moment(text, "prior", "INVALID_HORIZON")


def check_ex_post(message: dict[str, Any], horizon: timedelta | None, prior: datetime | None) -> None:
    """Meter data are recorded after the fact: refuse a positive horizon and a prior before the period's end."""
    if horizon is not None and horizon > NOTHING:
        text = f"horizon {iso_duration(horizon)} is positive, but meter data are recorded after the fact."
        raise Refused("INVALID_HORIZON", f"{text} Accepted: PT0M or a negative one such as -PT5M.")
    if prior is None:
        return
    end = read_period(message).end
    if prior < end:
        text = f"prior {iso_time(prior)} is before the end of the meter data."
        raise Refused("INVALID_HORIZON", f"{text} Accepted: {iso_time(end, like=prior)} or later.")


# -- when posted data were recorded --------------------------------------------------------------------


@dataclass(frozen=True)
class Recording:
    """When posted values were recorded: by horizon, at a time, or (both) at the earlier of the two.

    inferred: the client did not say, so it is the time of arrival.
    """

    horizon: timedelta | None = None
    belief_time: datetime | None = None
    inferred: bool = False

    def is_ex_post(self, end: datetime) -> bool:
        """Whether all values of a period with that end were recorded after their event."""
        by_horizon = self.horizon is None or self.horizon <= NOTHING
        return by_horizon and (self.belief_time is None or self.belief_time >= end)


def clock_doubts(end: datetime, recording: Recording, tolerance: timedelta) -> Iterator[str]:
    """That measurements without a time of recording end after the server's present, by more than clocks may differ.

    end: of the last slot.
    """
    now = server_now().replace(microsecond=0)
    if not recording.inferred or end - tolerance <= now:
        return
    ahead = iso_duration(end - now)
    text = f"The last slot ends at {iso_time(end)}, {ahead} after the server's clock ({iso_time(now, like=end)})."
    kept = " What is ahead of it counts as a forecast, not as measured." if recording.belief_time else ""
    yield f"{text}{kept} Is the clock of the device right?"


Resolve = Callable[[Period], Recording]
DataKind = Literal["meter data", "prognosis", "prices", "weather"]


class TimingRules(Protocol):
    """How a version of the API reads the recording time of posted data.

    keys: those that it reads, the one that examples show last.
    """

    keys: ClassVar[tuple[str, ...]]

    def read(self, message: dict[str, Any], kind: DataKind, *, play: bool) -> Resolve:
        """Check horizon and prior; what is returned gives the recording once the period is known.

        kind: meter data cannot be recorded before the fact. play: the mode of simulations.
        """
        ...


class RollingTiming:
    """The rules of v2.0: horizon counts for each event, prior for all; neither means now (in play mode: horizon 0)."""

    keys: ClassVar[tuple[str, ...]] = ("horizon", "prior")

    def read(self, message: dict[str, Any], kind: DataKind, *, play: bool) -> Resolve:
        """See TimingRules; an inferred recording time is not checked for being ex post."""
        ex_post = kind == "meter data"
        horizon = read_horizon(message, repeating=False)
        if ex_post:
            check_ex_post(message, horizon, None)
        prior = read_prior(message)
        if ex_post:
            check_ex_post(message, horizon, prior)
        if horizon is not None or prior is not None:
            recording = Recording(horizon, prior)
        elif play:
            recording = Recording(NOTHING)
        else:
            recording = Recording(belief_time=server_now(), inferred=True)
        return lambda period: recording


class AnchoredTiming:
    """The rules of v1.0 to v1.3, which know no prior.

    A plain horizon counts from the end of the period, so that all values were recorded at one time; a
    repeating one (R/PT6H) counts for each event. Neither means a horizon of 0, but prognoses have to state one.
    """

    keys: ClassVar[tuple[str, ...]] = ("horizon",)

    def read(self, message: dict[str, Any], kind: DataKind, *, play: bool) -> Resolve:
        """See TimingRules."""
        text = message.get("horizon")
        if text is None and kind == "prognosis":
            advice = (
                "a duration before the period's end, such as PT6H, or R/PT6H before the end of each event"
            )
            raise Refused("INVALID_HORIZON", f"horizon is missing. Accepted: {advice}.")
        horizon = read_horizon(message, repeating=True)
        if horizon is None:
            return lambda period: Recording(NOTHING, inferred=True)
        if kind == "meter data":
            check_ex_post(message, horizon, None)
        if _is_repeating(text):
            return lambda period: Recording(horizon)
        return lambda period: Recording(belief_time=period.end - horizon)
