"""Power by type of asset, one above the other: measured in full colour, expected paler."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from flexmeasures.timeseries import TimeSeries
from flexmeasures_charts.data import SCHEDULE, Line
from flexmeasures_charts.formatting import zone_note

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

# As the page shows these types elsewhere (flexmeasures.css).
COLOURS = {
    "solar": "#b26b00",
    "wind": "#0078a8",
    "battery": "#00795a",
    "one-way_evse": "#7a3fb0",
    "two-way_evse": "#7a3fb0",
    "building": "#5a6675",
}
OTHERS = "#0b6e6e"
FULL, PALE = 0.75, 0.35


@dataclass(frozen=True)
class Layer:
    """Power of the assets of one type, in the chart's unit, not negative, shape (n,), NaN where unknown."""

    type_name: str
    title: str
    realised: Floats
    expected: Floats

    def with_more(self, other: Layer) -> Layer:
        """Both together; what is unknown of one of them counts as nothing."""
        return replace(
            self,
            realised=_plus(self.realised, other.realised),
            expected=_plus(self.expected, other.expected),
        )


@dataclass(frozen=True)
class Stacks:
    """Everything that is drawn, on slots of `resolution` from `first` on. now: where the now-line stands."""

    start: datetime
    end: datetime
    zone: ZoneInfo
    now: datetime
    title: str
    unit: str
    first: datetime
    resolution: timedelta
    layers: tuple[Layer, ...]


def draw_stacks(data: Stacks) -> dict[str, Any]:
    """The chart as a Bokeh JSON item, as bokeh.draw."""
    from bokeh.embed import json_item
    from bokeh.models import Range1d

    from flexmeasures_charts.bokeh import draw_now, draw_zero_line, empty_plot, epoch_ms, say_empty

    x_range = Range1d(start=epoch_ms(data.start), end=epoch_ms(data.end), tags=["time"])
    plot = empty_plot(data, x_range, 320, data.title)
    draw_zero_line(plot)
    for part, alpha in (("realised", FULL), ("expected", PALE)):
        floor: Floats = np.zeros(len(data.layers[0].realised) if data.layers else 0)
        for layer in data.layers:
            floor = _draw_layer(plot, data, layer, getattr(layer, part), floor, alpha)
    if not data.layers:
        say_empty(plot, data)
    draw_now(plot, data, with_label=True)
    plot.xaxis.axis_label = zone_note(data.zone, data.start, data.end)
    item: dict[str, Any] = dict(json_item(plot))
    return item


def _draw_layer(plot: Any, data: Stacks, layer: Layer, values: Floats, floor: Floats, alpha: float) -> Floats:
    """An area on top of those below it, with its own values for the pointer; gives its upper edge."""
    from flexmeasures_charts.bokeh import hover_texts, steps

    known = np.flatnonzero(~np.isnan(values))
    top = floor + np.nan_to_num(values)
    if len(known) == 0:
        return top
    part = slice(known[0], known[-1] + 1)
    begin = data.first + int(known[0]) * data.resolution
    own = TimeSeries(begin, data.resolution, np.nan_to_num(values[part]))
    x, _, slots = steps(own)
    colour = COLOURS.get(layer.type_name, OTHERS)
    tag = f"type-{layer.type_name}" if layer.type_name in COLOURS else "type-other"
    low, high = np.repeat(floor[part], 2), np.repeat(top[part], 2)
    area = plot.varea(x, low, high, fill_color=colour, fill_alpha=alpha, name=layer.title)
    texts = hover_texts(Line(SCHEDULE, layer.title, data.unit, own), slots, data.zone)
    edge = plot.line("x", "y", source={"x": x, "y": high, **texts}, line_color=colour, line_width=1)
    for glyph in (area.glyph, edge.glyph):
        glyph.tags = [tag]
    return top


def _plus(some: Floats, more: Floats) -> Floats:
    return np.where(np.isnan(some), more, some + np.nan_to_num(more))
