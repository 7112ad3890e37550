"""Charts of power: what they show, drawn by Bokeh, which is imported when the first is drawn."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl
from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures_charts.hookspecs import PowerChart as PowerChart

__all__, __getattr__ = door(__name__, {"hookspecs": ("PowerChart",)})


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Who draws charts."""
    from flexmeasures_charts import hookspecs

    return [hookspecs]


@hookimpl
def draw_power_chart(chart: PowerChart) -> dict[str, Any]:
    """Power measured, forecast and scheduled, with the price below, as a Bokeh JSON item."""
    from flexmeasures_charts.bokeh import draw
    from flexmeasures_charts.data import read

    return draw(read(chart))
