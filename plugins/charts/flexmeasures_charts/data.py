"""What a power chart shows, read from the beliefs: lines of power in the page's sign, and the price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from flexmeasures import beliefs
from flexmeasures.beliefs import search, search_one
from flexmeasures.grid import DAY, midnight
from flexmeasures.models.sources import EXPECTING, SCHEDULING_SCRIPT
from flexmeasures.timeseries import TimeSeries, downsample
from flexmeasures.timing import server_now, to_ms
from flexmeasures_charts.formatting import power_unit, shown
from flexmeasures_charts.reader import readers_zone
from flexmeasures_translation import gettext, marked

if TYPE_CHECKING:
    from flexmeasures.models import Asset, Sensor
    from flexmeasures.timeseries import Floats
    from flexmeasures_charts.hookspecs import PowerChart

MEASURED, FORECAST, SCHEDULE, PRICE = (
    marked("measured"),
    marked("forecast"),
    marked("schedule"),
    marked("price"),
)
BAND = (0.1, 0.9)


@dataclass(frozen=True)
class Line:
    """One line of a chart: its kind (measured, forecast, schedule, price), its name in the legend, its values.

    series: in the chart's unit and sign, NaN where nothing is known. band: of one asset, the lower and the higher,
    shape of the series: of a forecast, between which values it will stay in 80 of 100 cases (None where a forecaster
    told none); of measurements in coarser slots than the asset's own, the least and the largest of each slot.
    """

    kind: str
    name: str
    unit: str
    series: TimeSeries
    band: tuple[Floats, Floats] | None = None

    @property
    def latest(self) -> float:
        """The last known value, NaN if there is none."""
        known = self.series.values[~np.isnan(self.series.values)]
        return float(known[-1]) if len(known) else float("nan")

    def at(self, moment: datetime) -> float:
        """The value of the slot that a moment lies in, NaN if it is not known or lies outside."""
        slot = (moment - self.series.start) // self.series.resolution
        return float(self.series.values[slot]) if 0 <= slot < len(self.series) else float("nan")


@dataclass(frozen=True)
class ChartData:
    """Everything that is drawn. now: where the now-line stands; left_out: assets without any data here;
    quantity: what the axis shows.
    """

    start: datetime
    end: datetime
    zone: ZoneInfo
    now: datetime
    unit: str
    consumption_as_positive: bool
    power: tuple[Line, ...]
    price: Line | None
    left_out: tuple[str, ...] = ()
    quantity: str = "Power"

    @property
    def axis_title(self) -> str:
        """Quantity and unit, and of power the sign."""
        if self.quantity != "Power":
            quantity = gettext(self.quantity)
            return f"{quantity}, {self.unit}" if self.unit else quantity
        sign = gettext("consumption +") if self.consumption_as_positive else gettext("production +")
        return gettext("Power") + f", {self.unit} ({sign})"


def read(chart: PowerChart) -> ChartData:
    """Read what the chart shows."""
    zone = readers_zone()
    largest = max((asset.capacity_in_mw or 1.0 for asset in chart.assets), default=1.0)
    unit, per_mw = power_unit(largest)
    own, extremes = _own_measurements(chart), None
    if own is None:
        measured = power_series(chart, MEASURED, zone)
    else:
        measured = {chart.assets[0].id: downsample(own, chart.resolution, zone.key)}
        extremes = _extremes(own, measured[chart.assets[0].id], zone)
    found = {MEASURED: measured} | {kind: power_series(chart, kind, zone) for kind in (FORECAST, SCHEDULE)}
    lines: list[Line] = []
    for kind, series in found.items():
        apart = chart.traces == "power" or (chart.traces == "schedules" and kind == SCHEDULE)
        groups = [[asset] for asset in chart.assets] if apart else [list(chart.assets)]
        around = extremes if kind == MEASURED else None
        made = (_line(kind, group, series, unit, per_mw, chart, around) for group in groups)
        lines += [line for line in made if line is not None]
    silent = [
        asset.name for asset in chart.assets if not any(_known(found[kind][asset.id]) for kind in found)
    ]
    return ChartData(
        start=chart.start,
        end=chart.end,
        zone=zone,
        now=chart.known_at or server_now(),
        unit=unit,
        consumption_as_positive=chart.consumption_as_positive,
        power=tuple(lines),
        price=_price(chart),
        left_out=tuple(silent) if len(chart.assets) > 1 else (),
    )


def power_series(chart: PowerChart, kind: str, zone: ZoneInfo) -> dict[int, TimeSeries]:
    """Power of one kind by asset id, in MW, consumption positive, on the chart's resolution."""
    filters = _who(chart, kind)
    where = (list(chart.assets), chart.start, chart.end)
    return search(*where, resolution=chart.resolution, timezone=zone.key, **filters)


def _who(chart: PowerChart, kind: str) -> dict[str, Any]:
    """Filters of a search for what one kind of line shows."""
    said: dict[str, Any] = {"prior": chart.known_at, "sources": chart.sources.get(kind)}
    if kind == MEASURED:
        return said | {"horizon_at_most": timedelta(0)}
    if kind == SCHEDULE:
        return said | {"source_types": (SCHEDULING_SCRIPT,)}
    return said | {"horizon_at_least": chart.forecast_horizon, "source_types": EXPECTING}


def _line(
    kind: str,
    assets: Sequence[Asset],
    series: dict[int, TimeSeries],
    unit: str,
    per_mw: float,
    chart: PowerChart,
    extremes: tuple[Floats, Floats] | None = None,
) -> Line | None:
    """The sum of those assets that have any data (unknown where one of them is), None if none has."""
    known = [series[asset.id] for asset in assets if _known(series[asset.id])]
    if not known:
        return None
    total = np.sum([each.values for each in known], axis=0)
    values = shown(total * per_mw, chart.consumption_as_positive)
    name = kind if len(chart.assets) == len(assets) else f"{assets[0].name}, {kind}"
    band = extremes
    if kind == FORECAST and len(assets) == 1:
        band = forecast_band(assets[0], chart.start, chart.end, chart.resolution, **_who(chart, FORECAST))
    shown_band = None if band is None else _as_shown(band, chart, per_mw)
    return Line(kind, name, unit, TimeSeries(known[0].start, known[0].resolution, values), shown_band)


def _own_measurements(chart: PowerChart) -> TimeSeries | None:
    """Of one asset, what its coarser slots in the chart are made of; None for several assets, and its own slots."""
    asset = chart.assets[0] if len(chart.assets) == 1 else None
    if asset is None or chart.resolution <= asset.event_resolution:
        return None
    return search_one(asset, chart.start, chart.end, **_who(chart, MEASURED))


def _extremes(own: TimeSeries, means: TimeSeries, zone: ZoneInfo) -> tuple[Floats, Floats] | None:
    """Least and largest value in each slot, which its mean hides, MW; None where nothing is known."""
    known = ~np.isnan(own.values)
    if not known.any():
        return None
    bounds = means.starts_ms
    if means.resolution % DAY == timedelta(0):  # local days, which clocks make shorter or longer
        day = means.start.astimezone(zone).date()
        days = (day + k * means.resolution for k in range(len(means)))
        bounds = np.array([to_ms(midnight(each, zone)) for each in days])
    slots = np.searchsorted(bounds, own.starts_ms[known], side="right") - 1
    low, high = np.full(len(means), np.inf), np.full(len(means), -np.inf)
    np.minimum.at(low, slots, own.values[known])
    np.maximum.at(high, slots, own.values[known])
    low[np.isinf(low)] = high[np.isinf(high)] = np.nan
    return low, high


def forecast_band(
    sensor: Sensor, start: datetime, end: datetime, resolution: timedelta, **filters: Any
) -> tuple[Floats, Floats] | None:
    """Between which values forecasts say that a sensor will stay in 80 of 100 cases, in its unit and sign.

    filters: of `beliefs.search`. None where nobody told, and for coarser slots, where quantiles are not the means.
    """
    if resolution != sensor.event_resolution:
        return None
    below = beliefs.search_quantiles(sensor, start, end, BAND, **filters)
    low, high = (series.values for series in below.values())
    return None if np.isnan(low).all() else (low, high)


def _as_shown(band: tuple[Floats, Floats], chart: PowerChart, per_mw: float) -> tuple[Floats, Floats]:
    """The lower and the higher side in the chart's unit and sign."""
    sides = [shown(side * per_mw, chart.consumption_as_positive) for side in band]
    return np.minimum(*sides), np.maximum(*sides)


def _known(series: TimeSeries) -> bool:
    return not bool(np.isnan(series.values).all())


def _price(chart: PowerChart) -> Line | None:
    """The price on the market of the assets; None when they trade on several, or nothing is known."""
    markets = {asset.market_id: asset.market for asset in chart.assets}
    market = next(iter(markets.values())) if len(markets) == 1 else None
    if market is None:
        return None
    own, wanted = market.event_resolution, chart.resolution
    fits = wanted % own == timedelta(0) or own % wanted == timedelta(0)
    slot = wanted if fits else None
    series = search(market, chart.start, chart.end, resolution=slot, prior=chart.known_at)[market.id]
    return Line(PRICE, f"price on {market.display_name}", market.unit, series) if _known(series) else None
