"""The prices that a plan is made by: what is believed of a market now, on the slots of an asset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flexmeasures import beliefs, sources
from flexmeasures.errors import AlgorithmError, UnknownPrices
from flexmeasures.grid import DAY
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import iso_duration, iso_time

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Asset, Market
    from flexmeasures.timeseries import Floats

MOST_DAYS_BACK = 7
_DAYS_BACK = range(1, MOST_DAYS_BACK + 1)


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
    values = _believed(market, resolution, start, end, known_at)
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


@dataclass(frozen=True)
class Prices:
    """Prices of a market on the slots of a plan, of which those outside of [start, end) of `known` are assumed."""

    market: Market
    series: TimeSeries
    known: TimeSeries

    def told(self) -> Iterator[str]:
        """What is assumed, for the user."""
        name, assumed = self.market.name, "those of the same hours of the days before are assumed"
        if self.series.start < self.known.start:
            yield f"Prices of market {name} are known from {iso_time(self.known.start)} on; before, {assumed}."
        if self.series.end > self.known.end:
            until, end = iso_time(self.known.end), iso_time(self.series.end)
            yield f"Prices of market {name} are known until {until}; from then until {end}, {assumed}."


def covering(
    known: TimeSeries, market: Market, start: datetime, needed: Sequence[datetime], known_at: datetime | None
) -> Prices:
    """Known prices, continued as far as the times that are needed (decision D16): slots end there, after `start`.

    Assumed is what is known of the same local time of the market's zone on the latest day before, up to a week back,
    else the nearest of the known prices.
    """
    first = start if any(each <= known.start for each in needed) else known.start
    last = max([known.end, *needed])
    if (first, last) == (known.start, known.end):
        return Prices(market, known, known)
    return Prices(market, _continued(known, market, first, last, known_at), known)


def forecast_from(known: TimeSeries, market: Market, known_at: datetime | None) -> datetime | None:
    """From when on the last of the known prices are forecasters' alone; None where somebody else said them all."""
    import numpy as np

    filters = {"prior": known_at, "sources": sources.other_than_forecasters(), "resolution": known.resolution}
    said = beliefs.search_one(market, known.start, known.end, **filters)
    stated = np.flatnonzero(~np.isnan(_on_slots(said, known.start, len(known))))
    last = int(stated[-1]) + 1 if len(stated) else 0
    return known.start + last * known.resolution if last < len(known) else None


def _continued(
    known: TimeSeries, market: Market, start: datetime, end: datetime, known_at: datetime | None
) -> TimeSeries:
    import numpy as np

    resolution, zone = known.resolution, ZoneInfo(market.timezone)
    begin = start - MOST_DAYS_BACK * DAY
    history = _believed(market, resolution, begin, known.end, known_at)
    lead = (known.start - start) // resolution
    values = np.full((end - start) // resolution, np.nan)
    values[lead : lead + len(known)] = known.values
    for slot in np.flatnonzero(np.isnan(values)):
        local = (start + int(slot) * resolution).astimezone(zone)
        earlier = (((local - days * DAY).astimezone(UTC) - begin) // resolution for days in _DAYS_BACK)
        same = (history[k] for k in earlier if 0 <= k < len(history) and not np.isnan(history[k]))
        values[slot] = next(same, known.values[0 if slot < lead else -1])
    return TimeSeries(start, resolution, values)


def _believed(
    market: Market, resolution: timedelta, start: datetime, end: datetime, known_at: datetime | None
) -> Floats:
    found = beliefs.search_one(market, start, end, resolution=resolution, prior=known_at)
    return _on_slots(found, start, (end - start) // resolution)


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
