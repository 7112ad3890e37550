"""Energy and money by type of asset: measured in the past, expected in the future; schedules do not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.beliefs import search, search_one
from flexmeasures.db import db
from flexmeasures.models import Market
from flexmeasures.models.sources import EXPECTING
from flexmeasures.timing import to_ms
from flexmeasures_scheduling import ATTRIBUTE
from flexmeasures_translation import marked
from flexmeasures_ui.access import REPORTING
from flexmeasures_ui.money import prices_per_mwh

if TYPE_CHECKING:
    from flexmeasures.models import Asset
    from flexmeasures.timeseries import Floats, TimeSeries
    from flexmeasures_ui.time_window import Window

HOUR = timedelta(hours=1)


@dataclass
class Sum:
    """What assets did: MWh that are not negative, of which `expected` are forecasts; money by currency.

    costs: what was paid; revenues: what was received; at negative prices, consumption receives and production pays.
    """

    name: str
    assets: int = 0
    production: float = 0.0
    consumption: float = 0.0
    expected: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)
    revenues: dict[str, float] = field(default_factory=dict)

    @property
    def profits(self) -> dict[str, float]:
        """Revenues without costs, by currency."""
        return {currency: self.revenues[currency] - self.costs[currency] for currency in self.costs}

    def add(self, other: Sum) -> None:
        """Count another sum in."""
        self.assets += other.assets
        self.production += other.production
        self.consumption += other.consumption
        self.expected += other.expected
        add_money(self.costs, other.costs)
        add_money(self.revenues, other.revenues)


def type_title(asset: Asset) -> str:
    """What the tables and charts call the asset's type."""
    return asset.type.display_name if asset.type is not None else marked("without type")


def add_money(to: dict[str, float], more: Mapping[str, float]) -> None:
    """Add amounts by currency."""
    for currency, amount in more.items():
        to[currency] = to.get(currency, 0.0) + amount


def sums_by_type(assets: Sequence[Asset], window: Window, now: datetime) -> list[Sum]:
    """A sum for each type of asset, the largest consumers and producers first; from `now` on, of forecasts."""
    if not assets:
        return []
    where = (list(assets), window.start, window.end)
    measured = search(*where, horizon_at_most=timedelta(0), source_types=REPORTING)
    expected = search(*where, source_types=EXPECTING) if window.end > now else {}
    sums: dict[str, Sum] = {}
    for asset in assets:
        name = type_title(asset)
        found = _sum(asset, measured[asset.id], expected.get(asset.id), now)
        sums.setdefault(name, Sum(name)).add(found)
    return sorted(sums.values(), key=lambda each: -(each.production + each.consumption))


def total_of(sums: Sequence[Sum]) -> Sum:
    """All of them together."""
    total = Sum(marked("all"))
    for each in sums:
        total.add(each)
    return total


def mean_prices(assets: Sequence[Asset], window: Window) -> list[tuple[str, float, str]]:
    """Name, mean price and unit of each market of the assets of which prices are known in the window."""
    found = []
    markets = {asset.market.id: asset.market for asset in assets if asset.market is not None}
    for market in markets.values():
        values = search_one(market, window.start, window.end).values
        if np.isfinite(values).any():
            found.append((market.display_name, float(np.nanmean(values)), market.unit))
    return found


def _sum(asset: Asset, measured: TimeSeries, expected: TimeSeries | None, now: datetime) -> Sum:
    """Of one asset, at the prices of its market where these are known."""
    power, forecast = measured.values, np.zeros(len(measured), dtype=bool)
    if expected is not None:
        forecast = np.isnan(power) & (measured.starts_ms >= to_ms(now))
        power = np.where(forecast, expected.values, power)
    energy = np.nan_to_num(power) * (measured.resolution / HOUR)
    found = Sum(
        asset.display_name,
        1,
        production=float(-energy[energy < 0].sum()),
        consumption=float(energy[energy > 0].sum()),
        expected=float(np.abs(energy[forecast]).sum()),
    )
    priced = None if asset.market is None else _prices_on(asset.market, measured)
    if priced is not None:
        currency, per_mwh = priced
        earned = _production_prices(asset, measured, per_mwh)
        money = np.nan_to_num(energy * np.where(energy < 0, earned, per_mwh))
        found.costs[currency] = float(money[money > 0].sum())
        found.revenues[currency] = float(-money[money < 0].sum())
    return found


def _production_prices(asset: Asset, like: TimeSeries, per_mwh: Floats) -> Floats:
    """Per MWh, what production earns in each slot: what the asset's flexibility states, else its market's prices."""
    asked = (asset.attributes or {}).get(ATTRIBUTE) or {}
    number = asked.get("production_market_id")
    market = None if number is None else db.session.get(Market, number)
    if market is not None:
        priced = _prices_on(market, like)
        return np.full(len(like), np.nan) if priced is None else priced[1]
    constant = asked.get("production_price_per_mwh")
    return per_mwh if constant is None else np.full(len(like), float(constant))


def _prices_on(market: Market, like: TimeSeries) -> tuple[str, Floats] | None:
    return prices_per_mwh(market, like.start, like.resolution, len(like))
