"""Prices of markets as money per MWh, on the slots of power."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.beliefs import search_one
from flexmeasures.errors import WrongResolution

if TYPE_CHECKING:
    from flexmeasures.models import Market
    from flexmeasures.timeseries import Floats


def currency_of(unit: str) -> tuple[str, float]:
    """The currency of a unit such as EUR/kWh, and by what its prices are multiplied to be per MWh."""
    currency, _, energy = unit.partition("/")
    return currency, 1000.0 if energy == "kWh" else 1.0


def prices_per_mwh(
    market: Market, start: datetime, resolution: timedelta, count: int
) -> tuple[str, Floats] | None:
    """Currency, and the price of each of `count` slots per MWh, shape (count,), NaN where it is not known.

    None where the market's slots do not fit.
    """
    try:
        found = search_one(market, start, start + count * resolution, resolution=resolution)
    except WrongResolution:
        return None
    currency, per_mwh = currency_of(market.unit)
    prices = np.full(count, np.nan)
    values = found.values[:count]
    prices[: len(values)] = values * per_mwh
    return currency, prices
