"""What a schedule is made by that nobody really knows: a missing or old state of charge, old or absurd prices.

The documented rules still hold (0 for a state of charge, whatever price is believed); the schedule says so in
its warnings, and with FLEXMEASURES_STRICT_SCHEDULES it is not made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app

from flexmeasures import beliefs
from flexmeasures.timing import iso_duration, iso_time
from flexmeasures_master_data import plausibility

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Asset, Market
    from flexmeasures.timeseries import TimeSeries

# Types of assets without a state of charge, unless one of them states its largest.
WITHOUT_STORE = ("solar", "wind", "building")

# A price is absurd when it is that many times as large as the middle one of its window.
ABSURD = 100.0


def doubts_about(
    asset: Asset,
    arguments: Mapping[str, Any],
    targets: Iterable[float],
    at: datetime,
    market: Market,
    prices: TimeSeries,
) -> list[str]:
    """Sentences about the state of charge, the targets (MWh) and the prices that are in doubt, for the user."""
    found = [_doubtful_state(asset, arguments, at), _old(market, prices), _absurd(market, prices)]
    implausible = plausibility.state(asset, arguments.get("soc_in_mwh"), targets)
    return implausible + [sentence for sentence in found if sentence is not None]


def _doubtful_state(asset: Asset, arguments: Mapping[str, Any], at: datetime) -> str | None:
    stores = asset.type_name not in WITHOUT_STORE or asset.max_soc_in_mwh is not None
    if not stores or arguments.get("soc_in_mwh") is not None:
        return None
    if asset.soc_datetime is None or asset.soc_in_mwh is None:
        return f"No state of charge of asset {asset.name} is known: 0 MWh is assumed."
    if asset.soc_datetime != at:
        last = f"{asset.soc_in_mwh:g} MWh at {iso_time(asset.soc_datetime)}"
        whose = f"The state of charge of asset {asset.name} at {iso_time(at)}"
        return f"{whose} is not known (its last known is {last}): 0 MWh is assumed."
    return None


def _old(market: Market, prices: TimeSeries) -> str | None:
    """Prices that were recorded longer than FLEXMEASURES_STALE_PRICES before the end of their slot."""
    import numpy as np

    limit: timedelta = current_app.config["FLEXMEASURES_STALE_PRICES"]
    if limit <= timedelta(0):
        return None
    fresh = beliefs.search_one(market, prices.start, prices.end, horizon_at_most=limit)
    expected = (prices.end - prices.start) / market.event_resolution
    known = int(np.count_nonzero(~np.isnan(fresh.values)))
    if known >= int(expected):
        return None
    return (
        f"Prices of market {market.name} are old: {int(expected) - known} of {int(expected)} were recorded longer"
        f" than {iso_duration(limit)} before their time."
    )


def _absurd(market: Market, prices: TimeSeries) -> str | None:
    import numpy as np

    sizes = np.abs(prices.values)
    middle, largest = float(np.median(sizes)), int(sizes.argmax())
    if middle == 0 or sizes[largest] <= ABSURD * middle:
        return None
    when = iso_time(prices.start + largest * prices.resolution)
    return (
        f"The price of {prices.values[largest]:g} {market.unit} at {when} of market {market.name} is absurd."
    )
