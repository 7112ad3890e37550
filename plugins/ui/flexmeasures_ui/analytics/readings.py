"""The series of the page: realised and expected power, prices, costs and weather, on the slots of one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from flexmeasures.beliefs import search_one
from flexmeasures.errors import WrongResolution
from flexmeasures.models import Market, Sensor
from flexmeasures.models.sources import EXPECTING
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import duration_ms, server_now
from flexmeasures_charts import PowerChart
from flexmeasures_charts.data import (
    FORECAST,
    MEASURED,
    SCHEDULE,
    ChartData,
    Line,
    forecast_band,
    power_series,
)
from flexmeasures_translation import marked
from flexmeasures_ui.access import REPORTING
from flexmeasures_ui.analytics.selection import Selection
from flexmeasures_ui.analytics.sources import COSTS, EXPECTED, POWER, PRICES, REALISED, SCHEDULED, WEATHER
from flexmeasures_ui.money import currency_of
from flexmeasures_ui.time_window import only_produces

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

PLOTS = (POWER, COSTS, PRICES, WEATHER)
KINDS = {REALISED: MEASURED, EXPECTED: FORECAST, SCHEDULED: SCHEDULE}  # of the lines of power
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Pair:
    """What came to be, what was expected, and of power and costs what was scheduled, shape (n,), NaN where unknown.

    unit: of all; name: for people. band: of what was expected of one sensor in its own slots, between which values it
    should stay in 80 of 100 cases; None otherwise.
    """

    name: str
    unit: str
    realised: TimeSeries
    expected: TimeSeries
    scheduled: TimeSeries | None = None
    band: tuple[Floats, Floats] | None = None


def power_chart(chosen: Selection) -> PowerChart:
    """The chart of power; production positive for pure producers."""
    return PowerChart(
        assets=chosen.assets,
        start=chosen.window.start,
        end=chosen.window.end,
        resolution=chosen.resolution,
        forecast_horizon=chosen.horizon,
        consumption_as_positive=not all(only_produces(each) for each in chosen.assets),
        traces=chosen.traces,
        known_at=chosen.known_at,
        sources={KINDS[line]: ids for (plot, line), ids in chosen.sources.items() if plot == POWER},
    )


def pairs(chosen: Selection, plots: Sequence[str] = PLOTS) -> dict[str, Pair]:
    """By plot, what there is to show: power (MW, consumption positive), costs, prices, weather."""
    found: dict[str, Pair] = {}
    costs = COSTS in plots
    if chosen.assets and (costs or POWER in plots):
        found[POWER] = _power(chosen)
    if chosen.market is not None and (costs or PRICES in plots):
        found[PRICES] = _prices(chosen, chosen.market)
    if costs and POWER in found and PRICES in found:
        found[COSTS] = _costs(found[POWER], found[PRICES])
    if chosen.weather is not None and WEATHER in plots:
        found[WEATHER] = _weather(chosen, chosen.weather)
    return {plot: found[plot] for plot in plots if plot in found}


def _power(chosen: Selection) -> Pair:
    """The sums of the assets of which something is known, MW."""
    chart = power_chart(chosen)
    realised, expected, scheduled = (
        _sum(power_series(chart, kind, chosen.zone)) for kind in (MEASURED, FORECAST, SCHEDULE)
    )
    band = _band(chosen, chosen.assets[0], POWER) if len(chosen.assets) == 1 else None
    return Pair(marked("Power"), "MW", realised, expected, scheduled, band)


def _sum(series: Mapping[int, TimeSeries]) -> TimeSeries:
    """The sum of several series of the same slots, of those in which anything is known."""
    found = list(series.values())
    known = [each.values for each in found if not np.isnan(each.values).all()]
    values = np.sum(known, axis=0) if known else np.full(len(found[0]), np.nan)
    return replace(found[0], values=values)


def _prices(chosen: Selection, market: Market) -> Pair:
    """Realised: the newest that is not a forecast; day-ahead prices are known before they apply."""
    realised = _series(chosen, market, _said_by(chosen, PRICES, REALISED) | {"source_types": REPORTING})
    expected = _series(chosen, market, _expectations(chosen, PRICES))
    return Pair(marked("Prices"), market.unit, realised, expected, band=_band(chosen, market, PRICES))


def _weather(chosen: Selection, sensor: Sensor) -> Pair:
    name = sensor.type.display_name if sensor.type is not None else "weather"
    realised = _series(
        chosen, sensor, _said_by(chosen, WEATHER, REALISED) | {"horizon_at_most": timedelta(0)}
    )
    expected = _series(chosen, sensor, _expectations(chosen, WEATHER))
    band = _band(chosen, sensor, WEATHER)
    return Pair(f"{name[:1].upper()}{name[1:]}", sensor.unit, realised, expected, band=band)


def _said_by(chosen: Selection, plot: str, line: str) -> dict[str, Any]:
    """Filters of a search for what was known then of the sources that count."""
    return {"prior": chosen.known_at, "sources": chosen.sources.get((plot, line))}


def _expectations(chosen: Selection, plot: str) -> dict[str, Any]:
    """Filters of a search for what was expected a horizon before."""
    return _said_by(chosen, plot, EXPECTED) | {"source_types": EXPECTING, "horizon_at_least": chosen.horizon}


def _band(chosen: Selection, sensor: Sensor, plot: str) -> tuple[Floats, Floats] | None:
    window = chosen.window
    return forecast_band(sensor, window.start, window.end, chosen.resolution, **_expectations(chosen, plot))


def _series(chosen: Selection, sensor: Sensor, filters: Mapping[str, Any]) -> TimeSeries:
    """The sensor's values on the chart's slots; on its own where these do not fit."""
    asked = {"timezone": chosen.zone.key, **filters}
    try:
        return search_one(
            sensor, chosen.window.start, chosen.window.end, resolution=chosen.resolution, **asked
        )
    except WrongResolution:
        return search_one(sensor, chosen.window.start, chosen.window.end, **asked)


def _costs(power: Pair, prices: Pair) -> Pair:
    """What the energy of each slot cost; what production earned is negative."""
    currency, per_mwh = currency_of(prices.unit)

    def cost(amount: TimeSeries, price: TimeSeries) -> TimeSeries:
        hours = amount.resolution / HOUR
        return replace(amount, values=amount.values * per_mwh * hours * _on(price, amount))

    scheduled = None if power.scheduled is None else cost(power.scheduled, prices.realised)
    realised, expected = cost(power.realised, prices.realised), cost(power.expected, prices.expected)
    return Pair(marked("Costs"), currency, realised, expected, scheduled)


def _on(series: TimeSeries, like: TimeSeries) -> Floats:
    """Values of a series at the starts of the slots of another one; NaN outside."""
    found = np.full(len(like), np.nan)
    if len(series):
        slots = (like.starts_ms - series.starts_ms[0]) // duration_ms(series.resolution)
        inside = (slots >= 0) & (slots < len(series))
        found[inside] = series.values[slots[inside]]
    return found


def chart_of(chosen: Selection, pair: Pair) -> ChartData:
    """A chart of a pair: what came to be, and what was expected."""
    lines = [
        Line(kind, name, pair.unit, series, pair.band if kind == FORECAST else None)
        for kind, name, series in (
            (MEASURED, marked("realised"), pair.realised),
            (FORECAST, marked("expected"), pair.expected),
            (SCHEDULE, marked("scheduled"), pair.scheduled),
        )
        if series is not None and not np.isnan(series.values).all()
    ]
    return ChartData(
        start=chosen.window.start,
        end=chosen.window.end,
        zone=chosen.zone,
        now=chosen.known_at or server_now(),
        unit=pair.unit,
        consumption_as_positive=True,
        power=tuple(lines),
        price=None,
        quantity=pair.name,
    )
