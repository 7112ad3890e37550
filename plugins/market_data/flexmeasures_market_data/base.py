"""What a provider of prices is asked and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

# What is told of zones, day ahead: names for people, and the hour of the day before by which it is out (Regulation (EU)
# 543/2013, articles 6 and 14: load two hours before the auction closes, wind and solar by 18:00; Brussels time).
QUANTITIES = {
    "zone_load": ("load of a bidding zone", time(10)),
    "zone_wind": ("wind power of a bidding zone", time(18)),
    "zone_solar": ("solar power of a bidding zone", time(18)),
}

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices of one resolution. start: UTC; values: in `unit` per slot, shape (n,), NaN where nothing is known."""

    start: datetime
    resolution: timedelta
    values: Floats
    unit: str = "EUR/MWh"

    @property
    def end(self) -> datetime:
        """End of the last slot."""
        return self.start + len(self.values) * self.resolution


@dataclass(frozen=True, kw_only=True)
class ZoneForecast:
    """What is expected of a zone, day ahead. quantity: a key of QUANTITIES; values: MW a slot from `start` (UTC) on."""

    quantity: str
    start: datetime
    resolution: timedelta
    values: Floats


class PriceProvider(ABC):
    """A service that knows the day-ahead prices of bidding zones. name: also that of the source of its prices."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The provider as it is configured; SettingsError that says which setting is missing."""

    @abstractmethod
    def day_ahead_prices(self, zone: str, start: datetime, end: datetime) -> Sequence[Prices]:
        """What is known of the window [start, end), by resolution where that changes within it; empty for nothing.

        Raises InputError for a zone that the provider does not know, ServiceUnavailable, ServiceRefuses.
        """

    def zone_forecasts(self, zone: str, start: datetime, end: datetime) -> Sequence[ZoneForecast]:
        """Load, wind and solar power that are expected of the zone; nothing where the service tells none.

        Raises the same errors.
        """
        return ()
