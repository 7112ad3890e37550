"""Hooks about charts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures.markers import hookspec

if TYPE_CHECKING:
    from flexmeasures.models import Asset


@dataclass(frozen=True, kw_only=True)
class PowerChart:
    """What a power chart shows: assets, window (UTC), resolution, sign, horizon of forecasts, traces.

    traces: "none" sums the assets in one line; "power" or "schedules" draws a line an asset. known_at: what was known
    then, None for now. sources: by kind of line ("measured", "forecast", "schedule") the ids of the sources that count,
    anybody where the kind is missing.
    """

    assets: tuple[Asset, ...]
    start: datetime
    end: datetime
    resolution: timedelta
    forecast_horizon: timedelta = field(default=timedelta(hours=6))
    consumption_as_positive: bool = True
    traces: str = "none"
    known_at: datetime | None = None
    sources: Mapping[str, Collection[int]] = field(default_factory=dict)


@hookspec(firstresult=True)
def draw_power_chart(chart: PowerChart) -> dict[str, Any] | None:
    """Called by the chart endpoint and by pages: a Bokeh JSON item of the chart."""
