"""Draws a power chart with Bokeh and gives it as a JSON item, for Bokeh.embed.embed_item in charts.js.

Nothing in it needs eval or an inline script (no CustomJS of any kind), so that it works under the site's
Content-Security-Policy. Colours are those of the light theme; charts.js repaints what is tagged.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from flexmeasures.timing import duration_ms
from flexmeasures_charts.data import FORECAST, MEASURED, PRICE, SCHEDULE, ChartData, Line
from flexmeasures_charts.formatting import number, zone_note
from flexmeasures_charts.ticks import labelled_ticks
from flexmeasures_translation import day_and_time, gettext, short_day

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats, TimeSeries

# Tags name the colour, so that charts.js finds its value for the theme in flexmeasures.css.
COLOURS = {
    MEASURED: "#1b2430",
    FORECAST: "#0a66c2",
    SCHEDULE: "#b0226e",
    PRICE: "#8a5a00",
    "muted": "#5a6675",
    "text": "#1b2430",
    "bad": "#cf222e",
    "grid": "#d8dee4",
}
LINES: dict[str, dict[str, Any]] = {
    MEASURED: {"line_width": 1.5},
    FORECAST: {"line_width": 1.5, "line_dash": [6, 4]},
    SCHEDULE: {"line_width": 2},
    PRICE: {"line_width": 1.5},
}
STEPPED = (SCHEDULE, PRICE)
LEFT_BORDER = 72  # the same for all plots, so that their times stand above each other


class Drawn(Protocol):
    """What plots need to know of any chart."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...
    @property
    def zone(self) -> ZoneInfo: ...
    @property
    def now(self) -> datetime: ...


def draw(data: ChartData) -> dict[str, Any]:
    """The chart as a Bokeh JSON item (keys target_id, root_id, doc)."""
    from bokeh.embed import json_item
    from bokeh.layouts import column
    from bokeh.models import Range1d

    x_range = Range1d(start=epoch_ms(data.start), end=epoch_ms(data.end), tags=["time"])
    power = empty_plot(data, x_range, 320, data.axis_title)
    draw_zero_line(power)
    for line in data.power:
        _draw_line(power, line, data.zone)
    if not any(np.isfinite(line.series.values).any() for line in data.power):
        say_empty(power, data)
    draw_now(power, data, with_label=True)
    plots = [power]
    if data.price is not None:
        power.xaxis.visible = False
        plots.append(_price_plot(data, data.price, x_range))
    plots[-1].xaxis.axis_label = zone_note(data.zone, data.start, data.end)
    item: dict[str, Any] = dict(json_item(column(plots, sizing_mode="stretch_width")))
    return item


def _price_plot(data: ChartData, price: Line, x_range: Any) -> Any:
    title = gettext("Price")
    plot = empty_plot(data, x_range, 170, f"{title}, {price.unit}")
    draw_zero_line(plot)
    _draw_line(plot, price, data.zone)
    draw_now(plot, data, with_label=False)
    return plot


def empty_plot(data: Drawn, x_range: Any, height: int, title: str) -> Any:
    """An empty plot: time axis with local labels, quiet grid, hover, a cursor that the page moves, no toolbar."""
    from bokeh.models import FixedTicker, HoverTool, PanTool, WheelZoomTool
    from bokeh.models.annotations import Span
    from bokeh.plotting import figure

    pan = PanTool(dimensions="width", tags=["pan"])
    zoom = WheelZoomTool(dimensions="width", modifiers={"ctrl": True})
    hover = HoverTool(tooltips=[("", "@name: @text"), ("", "@when")], mode="mouse", attachment="horizontal")
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        x_range=x_range,
        x_axis_type="datetime",
        y_axis_label=title,
        tools=[hover, pan, zoom],
        active_drag=None,  # a finger that scrolls the page must not move the chart; a mouse may
        active_scroll=zoom,
        toolbar_location=None,
        min_border_left=LEFT_BORDER,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
    )
    cursor: dict[str, Any] = {"line_color": COLOURS["muted"], "line_alpha": 0.6, "tags": ["cursor", "muted"]}
    plot.add_layout(Span(location=epoch_ms(data.start), dimension="height", visible=False, **cursor))
    ticks = labelled_ticks(data.start, data.end, data.zone)
    ticker = FixedTicker(ticks=list(ticks))
    plot.xaxis.ticker = plot.xgrid.ticker = ticker
    labels: dict[float | str, Any] = dict(ticks.items())
    plot.xaxis.major_label_overrides = labels
    for axis in (plot.xaxis[0], plot.yaxis[0]):
        axis.update(
            axis_label_text_font_style="normal", minor_tick_line_color=None, tags=["axis", "axis-lines"]
        )
        axis.update(axis_line_color=COLOURS["grid"], major_tick_line_color=COLOURS["grid"])
        axis.update(axis_label_text_color=COLOURS["muted"], major_label_text_color=COLOURS["muted"])
    for grid in (plot.xgrid[0], plot.ygrid[0]):
        grid.update(grid_line_color=COLOURS["grid"], tags=["grid"])
    return plot


def _draw_line(plot: Any, line: Line, zone: ZoneInfo) -> None:
    """A line with gaps where nothing is known; a value between two gaps is a dot."""
    points = steps(line.series) if line.kind in STEPPED else _centres(line.series)
    x, y, slot = points
    if line.band is not None:
        _draw_band(plot, line, *line.band)
    source = {"x": x, "y": y, **hover_texts(line, slot, zone)}
    style = LINES[line.kind] | {"line_color": COLOURS[line.kind]}
    renderer = plot.line("x", "y", source=source, name=line.kind, **style)
    for glyph in (renderer.glyph, renderer.nonselection_glyph, renderer.muted_glyph):
        if hasattr(glyph, "tags"):
            glyph.tags = [line.kind]
    alone = np.zeros(len(y), dtype=bool) if line.kind in STEPPED else _alone(y)
    if alone.any():
        dots = plot.scatter(x[alone], y[alone], size=4, color=COLOURS[line.kind], name=line.kind)
        dots.glyph.tags = [line.kind]


def _draw_band(plot: Any, line: Line, low: Floats, high: Floats) -> None:
    """A faint area where the values will be in most cases; each stretch of known slots apart."""
    x, _, _ = _centres(line.series)
    known = np.flatnonzero(np.isfinite(low) & np.isfinite(high) & (np.arange(len(low)) < len(x)))
    for stretch in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        area = plot.varea(
            x[stretch],
            low[stretch],
            high[stretch],
            fill_color=COLOURS[line.kind],
            fill_alpha=0.15 if line.kind == FORECAST else 0.08,
        )
        area.glyph.tags = [line.kind]


def _centres(series: TimeSeries) -> tuple[Floats, Floats, Any]:
    """Each value in the middle of its slot, as it is the slot's mean: x, y, number of the slot."""
    centres = (series.starts_ms + duration_ms(series.resolution) / 2).astype(np.float64)
    return centres, series.values, np.arange(len(series))


def steps(series: TimeSeries) -> tuple[Floats, Floats, Any]:
    """Each value from the start of its slot to the end, so that the last step is closed as well."""
    step = duration_ms(series.resolution)
    x = np.column_stack([series.starts_ms, series.starts_ms + step]).astype(np.float64).ravel()
    return x, np.repeat(series.values, 2), np.repeat(np.arange(len(series)), 2)


def _alone(values: Floats) -> Any:
    """Which values stand between two gaps, where a line would not show them."""
    known = np.pad(~np.isnan(values), 1)
    return known[1:-1] & ~known[:-2] & ~known[2:]


def hover_texts(line: Line, slots: Any, zone: ZoneInfo) -> dict[str, list[str]]:
    """What the pointer is told of each point: name, value with unit, and when, on local clocks."""
    series = line.series
    starts = [(series.start + k * series.resolution).astimezone(zone) for k in range(len(series))]
    ends = [(series.start + (k + 1) * series.resolution).astimezone(zone) for k in range(len(series))]
    when = [
        f"{day_and_time(start, year=False)}\u2013{end:%H:%M}" for start, end in zip(starts, ends, strict=True)
    ]
    if series.resolution >= timedelta(days=1):
        when = [gettext("from %(day)s", day=short_day(start, year=True)) for start in starts]
    texts = [f"{number(float(value))} {line.unit}" for value in series.values]
    return {
        "name": [gettext(line.name)] * len(slots),
        "text": [texts[k] for k in slots],
        "when": [when[k] for k in slots],
    }


def say_empty(plot: Any, data: Drawn) -> None:
    from bokeh.models import Range1d
    from bokeh.models.annotations import Label

    plot.y_range = Range1d(start=-1, end=1)  # of no values, no range can be found
    plot.yaxis.major_label_text_alpha = 0
    middle = (epoch_ms(data.start) + epoch_ms(data.end)) / 2
    style: dict[str, Any] = {"text_color": COLOURS["muted"], "text_align": "center", "tags": ["muted-text"]}
    plot.add_layout(
        Label(x=middle, y=0.2, text=gettext("no values in this window"), text_font_size="14px", **style)
    )


def draw_zero_line(plot: Any) -> None:
    from bokeh.models.annotations import Span

    plot.add_layout(
        Span(location=0, dimension="width", line_color=COLOURS["muted"], line_width=1.5, tags=["muted"])
    )


def draw_now(plot: Any, data: Drawn, with_label: bool) -> None:
    """The now-line, and a faint tint over what is still to come."""
    from bokeh.models.annotations import BoxAnnotation, Label, Span

    if data.now < data.end:
        left = max(epoch_ms(data.now), epoch_ms(data.start))
        plot.add_layout(
            BoxAnnotation(left=left, fill_color=COLOURS["muted"], fill_alpha=0.06, line_color=None)
        )
    if not data.start <= data.now <= data.end:
        return
    x = epoch_ms(data.now)
    plot.add_layout(
        Span(location=x, dimension="height", line_color=COLOURS["bad"], line_width=1, tags=["bad"])
    )
    if with_label:
        text = gettext("now") + f" {data.now.astimezone(data.zone):%H:%M}"
        style: dict[str, Any] = {"text_color": COLOURS["bad"], "text_font_size": "12px", "tags": ["bad-text"]}
        plot.add_layout(Label(x=x, y=4, y_units="screen", x_offset=4, text=text, **style))


def epoch_ms(moment: datetime) -> float:
    return moment.timestamp() * 1000
