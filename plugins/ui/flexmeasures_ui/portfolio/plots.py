"""The charts of the portfolio: power of all or stacked by type, and what the schedules change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.timing import server_now, to_ms
from flexmeasures_charts import PowerChart
from flexmeasures_charts.data import FORECAST, MEASURED, SCHEDULE, ChartData, Line, power_series
from flexmeasures_charts.formatting import power_unit
from flexmeasures_charts.reader import readers_zone
from flexmeasures_charts.stacks import Layer, Stacks
from flexmeasures_translation import gettext, marked
from flexmeasures_ui.portfolio.effect import changes, regulation
from flexmeasures_ui.portfolio.summary import type_title
from flexmeasures_ui.time_window import power_chart, resolution_for

if TYPE_CHECKING:
    from flexmeasures.models import Asset
    from flexmeasures.timeseries import Floats, TimeSeries
    from flexmeasures_ui.time_window import Window

PRODUCTION, CONSUMPTION = "production", "consumption"
TITLES = {
    "": marked("Power of all assets together"),
    PRODUCTION: marked("Production by type"),
    CONSUMPTION: marked("Consumption by type"),
}
SIDES = (PRODUCTION, CONSUMPTION)
UP_AND_DOWN = marked("Up-regulation + / down-regulation \u2212")


def all_together(assets: Sequence[Asset], window: Window) -> PowerChart:
    """What the chart of the power of all assets together shows."""
    return replace(power_chart(assets[0], window), assets=tuple(assets), consumption_as_positive=True)


def stacks(assets: Sequence[Asset], window: Window, side: str) -> Stacks:
    """The production or the consumption of each type of asset: measured, and from now on expected."""
    wanted, zone, now = all_together(assets, window), readers_zone(), server_now()
    unit, per_mw = power_unit(max((asset.capacity_in_mw or 1.0 for asset in assets), default=1.0))
    measured, expected = (power_series(wanted, kind, zone) for kind in (MEASURED, FORECAST))
    layers: dict[str, Layer] = {}
    for asset in assets:
        realised = _side(measured[asset.id], side) * per_mw
        ahead = np.where(
            measured[asset.id].starts_ms >= to_ms(now), _side(expected[asset.id], side) * per_mw, np.nan
        )
        ahead[~np.isnan(realised)] = np.nan
        if np.isnan(realised).all() and np.isnan(ahead).all():
            continue
        title = type_title(asset)
        layer = Layer(asset.type_name, title, realised, ahead)
        layers[title] = layers[title].with_more(layer) if title in layers else layer
    like = measured[assets[0].id]
    return Stacks(
        start=window.start,
        end=window.end,
        zone=zone,
        now=now,
        title=f"{gettext(TITLES[side])}, {unit}",
        unit=unit,
        first=like.start,
        resolution=like.resolution,
        layers=tuple(layers.values()),
    )


def effect(assets: Sequence[Asset], window: Window) -> ChartData | None:
    """What the schedules of all assets together change; None without a schedule in the window."""
    found = changes(assets, window)
    if not found:
        return None
    unit, per_mw = power_unit(max(change.asset.capacity_in_mw or 1.0 for change in found))
    finest = min(change.asset.event_resolution for change in found)
    series = regulation(found, window, resolution_for(window.end - window.start, finest))
    line = Line(
        SCHEDULE, marked("effect of the schedules"), unit, replace(series, values=series.values * per_mw)
    )
    return ChartData(
        start=window.start,
        end=window.end,
        zone=readers_zone(),
        now=server_now(),
        unit=unit,
        consumption_as_positive=True,
        power=(line,),
        price=None,
        quantity=UP_AND_DOWN,
    )


def _side(series: TimeSeries, side: str) -> Floats:
    return np.maximum(-series.values if side == PRODUCTION else series.values, 0.0)
