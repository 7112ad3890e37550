"""The formula of a tariff: parts that apply at some times, limits, and value-added tax.

price = limited(sum of the parts) * (1 + VAT). A part is a fixed price, or the price of another market times a factor;
parts without VAT are added after it. All prices are in the tariff's unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flexmeasures.timing import from_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures.timeseries import Floats, Integers

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a price, at the times that months, days and hours name (all of them where one names none).

    price: fixed; else market: the id of one whose price, times factor, is taken. months: 1 to 12; days: 0 for Monday
    to 6; hours: (from, to) of the wall clock, to midnight where the second is 00:00; from 22:00 to 06:00 goes over it.
    """

    name: str
    price: float | None = None
    market: int | None = None
    factor: float = 1.0
    months: tuple[int, ...] = ()
    days: tuple[int, ...] = ()
    hours: tuple[tuple[time, time], ...] = ()
    vat: bool = True

    def applies(self, clock: Clock) -> NDArray[np.bool_]:
        """Whether it is part of the price in each slot, shape (n,)."""
        import numpy as np

        found = np.ones(len(clock.months), dtype=bool)
        if self.months:
            found &= np.isin(clock.months, self.months)
        if self.days:
            found &= np.isin(clock.days, self.days)
        if self.hours:
            within = np.zeros(len(found), dtype=bool)
            for first, last in self.hours:
                low, high = _minutes(first), _minutes(last) or 24 * 60
                after, before = clock.minutes >= low, clock.minutes < high
                within |= (after & before) if low < high else (after | before)
            found &= within
        return found


@dataclass(frozen=True, kw_only=True)
class Version:
    """A formula that applies from a day on (of the tariff's own time zone).

    vat: 0.21 for 21 %. floor, cap: limits of the price before VAT. stated: when it was stated in place of another
    formula for the same time, ms since 1970; 0 for one that was there from the beginning.
    """

    since: date
    parts: tuple[Part, ...]
    vat: float = 0.0
    floor: float | None = None
    cap: float | None = None
    stated: int = 0

    @property
    def markets(self) -> frozenset[int]:
        """Ids of the markets that it is computed from."""
        return frozenset(part.market for part in self.parts if part.market is not None)

    def prices(self, clock: Clock, inputs: Mapping[int, Floats]) -> Floats:
        """The price of each slot, shape (n,), NaN where a market that counts then has none.

        inputs: prices by market, shape (n,), in the tariff's unit.
        """
        import numpy as np

        taxed, untaxed = np.zeros(len(clock.months)), np.zeros(len(clock.months))
        for part in self.parts:
            amount = (part.price or 0.0) if part.market is None else inputs[part.market] * part.factor
            found = np.where(part.applies(clock), amount, 0.0)
            if part.vat:
                taxed += found
            else:
                untaxed += found
        if self.floor is not None or self.cap is not None:
            taxed = np.clip(taxed, self.floor, self.cap)
        return taxed * (1 + self.vat) + untaxed


@dataclass(frozen=True)
class Clock:
    """What clocks show at the starts of slots, shape (n,): months 1 to 12, days 0 to 6 from Monday, minutes."""

    months: Integers
    days: Integers
    minutes: Integers

    @classmethod
    def of(cls, starts: Integers, zone: ZoneInfo) -> Clock:
        """The clock of that zone at these moments (ms since 1970)."""
        import numpy as np

        local = [from_ms(int(start)).astimezone(zone) for start in starts]
        rows = np.array(
            [(each.month, each.weekday(), 60 * each.hour + each.minute) for each in local], dtype=np.int64
        )
        months, days, minutes = rows.reshape(-1, 3).T
        return cls(months, days, minutes)


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """Versions in order of time, and the zone of their days and hours."""

    timezone: str
    versions: tuple[Version, ...]

    @property
    def markets(self) -> frozenset[int]:
        """Ids of all markets that it is computed from."""
        return frozenset[int]().union(*(version.markets for version in self.versions))

    def begins(self, version: Version) -> datetime:
        """The midnight from which a version applies."""
        return datetime.combine(version.since, time(), ZoneInfo(self.timezone))

    def ends(self, version: Version) -> datetime | None:
        """The midnight at which the next version follows; None for the last one."""
        later = [each for each in self.versions if each.since > version.since]
        return self.begins(later[0]) if later else None


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def cuts_slots(part: Part, resolution: timedelta) -> bool:
    """Whether an hour of the part begins or ends within a slot."""
    step = resolution // timedelta(minutes=1)
    return any(_minutes(each) % step for pair in part.hours for each in pair) if step else False
