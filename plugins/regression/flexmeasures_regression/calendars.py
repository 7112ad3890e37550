"""Days and hours on the clock of the people around a sensor: work days, weekends, holidays, special days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files

import numpy as np

from flexmeasures.errors import InputError
from flexmeasures_algorithms import SensorFacts
from flexmeasures_regression.features import DAY, DAY_MS, HOUR_MS, Floats, Ints, local_ms

SUN_AND_WIND = ("solar", "wind", "radiation", "wind_speed")
SEASONS = ("daily", "weekly", "yearly")
WORK_DAY, SATURDAY, SUNDAY, SPECIAL = range(4)
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Calendar:
    """How a sensor's day looks: in which time zone, whether days differ, whose holidays, which days are special.

    country: ISO 3166 code, "" for no holidays; holidays count as Sundays. special: days since the epoch.
    """

    timezone: str
    weekly: bool
    country: str = ""
    special: tuple[int, ...] = ()

    @classmethod
    def of(cls, sensor: SensorFacts) -> Calendar:
        """By the clock for what people do; by UTC, without weeks, for what sun and wind do."""
        if sensor.type in SUN_AND_WIND:
            return cls("UTC", False)
        return cls(sensor.timezone, "weekly" in seasonality(sensor), country(sensor), special_days(sensor))

    @property
    def width(self) -> int:
        """Number of columns."""
        return 24 * ((4 if self.special else 3) if self.weekly else 1)

    def columns(self, starts_ms: Ints) -> Floats:
        """One column for each local hour of each type of day, shape (n, width); 1 where it is that hour."""
        local = local_ms(starts_ms, self.timezone)
        group = local % DAY_MS // HOUR_MS
        if self.weekly:
            group = group + 24 * self.types(local // DAY_MS)
        columns = np.zeros((self.width, len(group)))
        columns[group, np.arange(len(group))] = 1.0
        return columns.T

    def types(self, days: Ints) -> Ints:
        """Type of each local day (days since the epoch): WORK_DAY, SATURDAY, SUNDAY, SPECIAL."""
        types = np.maximum((days + 3) % 7 - 4, WORK_DAY)  # the epoch was a Thursday
        if self.country and len(days):
            years = [(EPOCH + int(day) * DAY).year for day in (days.min(), days.max())]
            types[np.isin(days, holidays(self.country, years[0], years[1]))] = SUNDAY
        if self.special:
            types[np.isin(days, self.special)] = SPECIAL
        return types


def seasonality(sensor: SensorFacts) -> frozenset[str]:
    """The sensor's own attribute "seasonality" (a list), else what its type says."""
    stated = sensor.attributes.get("seasonality")
    if stated is None:
        return sensor.seasonality
    if not isinstance(stated, list) or not set(map(str, stated)) <= set(SEASONS):
        raise InputError(
            f"The attribute seasonality of {sensor.name!r} is {stated!r}.",
            "seasonality",
            f"a list of any of {', '.join(SEASONS)}",
        )
    return frozenset(map(str, stated))


def special_days(sensor: SensorFacts) -> tuple[int, ...]:
    """Days since the epoch of the attribute "special-days": dates, or pairs of a first and a last date."""
    days: set[int] = set()
    stated = sensor.attributes.get("special-days") or []
    try:
        for item in [stated] if isinstance(stated, str) else stated:
            first, last = (item, item) if isinstance(item, str) else item
            begin, end = (date.fromisoformat(each) - EPOCH for each in (first, last))
            days |= set(range(begin.days, end.days + 1))
    except (TypeError, ValueError):
        raise InputError(
            f"The attribute special-days of {sensor.name!r} is {stated!r}.",
            "special-days",
            'a list of dates and of pairs of dates, such as ["2026-12-24", ["2026-12-27", "2026-12-30"]]',
        ) from None
    return tuple(sorted(days))


def country(sensor: SensorFacts) -> str:
    """Whose holidays count: the attribute "country", else the country of the time zone; "" for none known."""
    stated = sensor.attributes.get("country")
    if stated is not None and stated not in _countries_with_holidays():
        raise InputError(
            f"The attribute country of {sensor.name!r} is {stated!r}.",
            "country",
            "the ISO 3166 code of a country whose holidays are known, such as NL",
        )
    found = _countries().get(sensor.timezone, "") if stated is None else stated
    return found if found in _countries_with_holidays() else ""


@lru_cache(maxsize=1)
def _countries_with_holidays() -> frozenset[str]:
    import holidays as library

    return frozenset(library.list_supported_countries())


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Time zone to country, of the time zone database's own table."""
    rows = (files("tzdata.zoneinfo") / "zone.tab").read_text().splitlines()
    parts = (row.split("\t") for row in rows if row and not row.startswith("#"))
    return {zone: code for code, _, zone, *_ in parts}


@lru_cache(maxsize=256)
def holidays(country: str, first_year: int, last_year: int) -> Ints:
    """Public holidays of a country as days since the epoch."""
    import holidays as library

    found = library.country_holidays(country, years=range(first_year, last_year + 1))
    return np.array(sorted((day - EPOCH) // timedelta(days=1) for day in found), dtype=np.int64)
