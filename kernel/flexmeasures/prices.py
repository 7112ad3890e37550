"""The prices that a plan is made by: what is believed of a market now, on the slots of an asset."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flexmeasures import beliefs
from flexmeasures.errors import AlgorithmError, UnknownPrices
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import iso_duration, iso_time

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Asset, Market
    from flexmeasures.timeseries import Floats


def prices_for(
    asset: Asset, start: datetime, end: datetime, known_at: datetime | None = None
) -> tuple[TimeSeries, Market]:
    """The newest belief of each price, on the asset's slots, without unknown slots at the edges.

    Raises AlgorithmError without a market, for resolutions that do not fit, for gaps; UnknownPrices.
    """
    if asset.market is None:
        raise AlgorithmError(f"The asset {asset.name} has no market, so there are no prices to plan by.")
    return prices_of(asset.market, asset, start, end, known_at), asset.market


def prices_of(
    market: Market, asset: Asset, start: datetime, end: datetime, known_at: datetime | None = None
) -> TimeSeries:
    """The newest belief of each price of that market, on the asset's slots, as `prices_for`.

    known_at: only what was recorded by then (None: everything).
    """
    import numpy as np

    resolution = asset.event_resolution
    _check_resolutions(asset, market)
    found = beliefs.search_one(market, start, end, resolution=resolution, prior=known_at)
    values = _on_slots(found, start, (end - start) // resolution)
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == 0:
        raise UnknownPrices(
            f"Prices unknown: market {market.name} has none between {iso_time(start)} and {iso_time(end)}."
        )
    first, last = int(known[0]), int(known[-1])
    if len(known) < last - first + 1:
        raise UnknownPrices(
            _describe_gap(market, values[first : last + 1], start + first * resolution, resolution)
        )
    return TimeSeries(start + first * resolution, resolution, values[first : last + 1])


def _check_resolutions(asset: Asset, market: Market) -> None:
    finer, coarser = sorted((asset.event_resolution, market.event_resolution))
    if coarser % finer:
        raise AlgorithmError(
            f"Prices of market {market.name} are per {iso_duration(market.event_resolution)}, asset"
            f" {asset.name} is planned per {iso_duration(asset.event_resolution)}, and neither divides the other."
        )


def _on_slots(series: TimeSeries, start: datetime, slots: int) -> Floats:
    """Values of the slots from `start`, shape (slots,), NaN where the series has none.

    A series whose slots start between ours (events off the clock's grid) counts for the slot that it ends in
    most of: the nearest one.
    """
    import numpy as np

    values = np.full(slots, np.nan)
    shift = round((series.start - start) / series.resolution)
    own = np.arange(len(series)) + shift
    inside = (own >= 0) & (own < slots)
    values[own[inside]] = series.values[inside]
    return values


def _describe_gap(market: Market, values: Floats, start: datetime, resolution: timedelta) -> str:
    import numpy as np

    missing = np.flatnonzero(np.isnan(values))
    first, last = (iso_time(start + int(k) * resolution) for k in (missing[0], missing[-1]))
    count = f"{len(missing)} slot{'s' if len(missing) > 1 else ''} of {iso_duration(resolution)}"
    where = f"the slot {first}" if len(missing) == 1 else f"from the slot {first} to the slot {last}"
    return f"Prices unknown in between: market {market.name} has a gap of {count}, {where}."
