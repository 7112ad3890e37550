"""Store day-ahead prices as beliefs of a market: known since their publication, corrections since they were seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select

from flexmeasures import beliefs, timing
from flexmeasures.errors import InputError
from flexmeasures.models import Market
from flexmeasures.models.sources import SCRIPT
from flexmeasures.sources import get_source
from flexmeasures.timing import iso_duration
from flexmeasures_market_data.base import PriceProvider, Prices
from flexmeasures_master_data import create_market

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from flexmeasures.models import Source
    from flexmeasures.timeseries import Floats

# The coupled day-ahead auction delivers days of this zone; results are out by 13:00 of the day before.
AUCTION_ZONE = ZoneInfo("Europe/Brussels")
PUBLISHED = time(13, 0)
DAY = timedelta(days=1)


def market_name(zone: str) -> str:
    """Name of the market of a zone, such as day_ahead_de-lu."""
    return "day_ahead_" + re.sub(r"[^a-z0-9_-]", "-", zone.lower())


def market_of(session: Session, zone: str, found: Iterable[Prices]) -> Market:
    """The market of a zone, made in the finest resolution of these prices where it is missing."""
    name = market_name(zone)
    market = session.scalar(select(Market).where(Market.name == name))
    if market is None:
        finest = min(found, key=lambda prices: prices.resolution)
        fields = {
            "name": name,
            "market_type_name": "day_ahead",
            "unit": finest.unit,
            "event_resolution": finest.resolution // timedelta(minutes=1),
            "timezone": str(AUCTION_ZONE),
        }
        market = create_market(fields)
    return market


def store(market: Market, provider: PriceProvider, found: Iterable[Prices]) -> int:
    """Store prices; how many beliefs were new. To be called inside `with db.writing():`.

    A day's prices count as known from their publication the day before. Where other prices of this provider are
    there already, those that differ count as known from now on: they are corrections.
    """
    source, now, count = get_source(provider.name, SCRIPT), timing.server_now(), 0
    for prices in found:
        for day in by_day(_for_market(market, prices)):
            at_first = min(now, published(day.start))
            known = _known(market, source, day)
            new, corrected = _split(day.values, known)
            for values, belief_time in ((new, at_first), (corrected, now)):
                count += beliefs.store(
                    market,
                    values,
                    day.start,
                    day.resolution,
                    source,
                    belief_time=belief_time,
                    on_existing="skip",
                ).new
    return count


def published(start: datetime, at: time = PUBLISHED) -> datetime:
    """When what is told of a slot's day at that hour of the day before was out."""
    day = start.astimezone(AUCTION_ZONE).date() - DAY
    return datetime.combine(day, at, AUCTION_ZONE).astimezone(start.tzinfo)


def by_day(prices: Prices) -> Iterator[Prices]:
    """By day of delivery."""
    first = 0
    while first < len(prices.values):
        start = prices.start + first * prices.resolution
        day = start.astimezone(AUCTION_ZONE).date() + DAY
        midnight = datetime.combine(day, time(), AUCTION_ZONE).astimezone(start.tzinfo)
        count = max(1, -((start - midnight) // prices.resolution))
        part = prices.values[first : first + count]
        yield Prices(start=start, resolution=prices.resolution, values=part, unit=prices.unit)
        first += count


def _for_market(market: Market, prices: Prices) -> Prices:
    """In the unit and at least the resolution of the market; finer prices as means of whole slots."""
    currency, _, energy = prices.unit.partition("/")
    own_currency, _, own_energy = market.unit.partition("/")
    if currency != own_currency:
        raise InputError(f"Market {market.name!r} is in {market.unit}.", "unit", prices.unit)
    per_mwh = {"MWh": 1.0, "kWh": 1000.0}
    values = prices.values * per_mwh[energy] / per_mwh[own_energy]
    own, theirs, start = market.event_resolution, prices.resolution, prices.start
    if theirs < own and own % theirs == timedelta(0):
        first = timing.ceil_time(start, own)
        skipped, per = (first - start) // theirs, own // theirs
        whole = max(0, (len(values) - skipped) // per)
        values = values[skipped : skipped + whole * per].reshape(whole, per).mean(axis=1)
        start, theirs = first, own
    elif theirs % own != timedelta(0):
        text = f"Market {market.name!r} has slots of {iso_duration(own)}, the prices those of {iso_duration(theirs)}."
        raise InputError(text, "event_resolution", "a whole multiple or a whole part of them")
    return Prices(start=start, resolution=theirs, values=values, unit=market.unit)


def _known(market: Market, source: Source, day: Prices) -> Floats:
    """What this source has said of the slots, NaN for nothing."""
    if len(day.values) == 0:
        return day.values
    series = beliefs.search_one(
        market, day.start, day.end, sources=[source.id], resolution=market.event_resolution
    )
    per = day.resolution // market.event_resolution
    known: Floats = series.values[: len(day.values) * per].reshape(len(day.values), per)[:, 0]
    return known


def _split(values: Floats, known: Floats) -> tuple[Floats, Floats]:
    """Prices that are new, and those that correct others; NaN elsewhere."""
    import numpy as np

    new = np.where(np.isnan(known), values, np.nan)
    corrected = np.where(~np.isnan(known) & (np.abs(values - known) > 1e-9), values, np.nan)
    return new, corrected
