"""The experimental page of any sensor, for admins: its facts and its newest values as a chart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from flask import Response, abort, g

from flexmeasures.auth import current_user
from flexmeasures.beliefs import extent, search_one
from flexmeasures.db import db
from flexmeasures.models import Asset, Sensor
from flexmeasures.timing import iso_time, server_now
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts import formatting
from flexmeasures_charts.data import MEASURED, ChartData, Line
from flexmeasures_charts.list_files import asked_file
from flexmeasures_charts.reader import readers_zone
from flexmeasures_translation import marked
from flexmeasures_ui import time_window


def sensor(sensor_id: int) -> str | Response:
    """Facts and chart of one sensor of any kind; with `format=csv` or `format=json` what the chart shows."""
    found = _sensor_or_404(sensor_id)
    window = time_window.of_request(found)
    columns = ("event_start", f"{found.name} ({found.unit})")
    file = asked_file(f"sensor-{found.id}", columns, lambda: _rows(_read(found, window), columns))
    if file is not None:
        return file
    g.draws_chart = True
    data = extent(found)
    zone = readers_zone()
    return render_flexmeasures_template(
        "ui/sensor.html",
        active_page="assets",
        sensor=found,
        window=window,
        extent=data and [formatting.local(moment, zone) for moment in data],
        zone_note=formatting.zone_note(zone, window.start, window.end),
    )


def chart(sensor_id: int) -> Response:
    """The chart of one sensor, as a Bokeh JSON item."""
    from flexmeasures_charts.bokeh import draw

    found = _sensor_or_404(sensor_id)
    return Response(
        orjson.dumps(draw(_read(found, time_window.of_request(found)))), content_type="application/json"
    )


def _rows(shown: ChartData, columns: tuple[str, str]) -> Iterator[dict[str, Any]]:
    """The known values of the one line, with the starts of their slots."""
    series = shown.power[0].series
    for k, value in enumerate(series.values.tolist()):
        if value == value:
            yield dict(zip(columns, (iso_time(series.start + k * series.resolution), value), strict=True))


def _read(found: Sensor, window: time_window.Window) -> ChartData:
    """The newest belief about each event, whoever said it; power of assets with consumption positive."""
    slot = time_window.resolution_for(window.end - window.start, found.event_resolution)
    zone = readers_zone()
    series = search_one(found, window.start, window.end, resolution=slot, timezone=zone.key)
    quantity = "Power" if isinstance(found, Asset) else found.type.display_name if found.type else found.name
    return ChartData(
        start=window.start,
        end=window.end,
        zone=zone,
        now=server_now(),
        unit=found.unit,
        consumption_as_positive=True,
        power=(Line(MEASURED, marked("newest belief"), found.unit, series),),
        price=None,
        quantity=quantity[:1].upper() + quantity[1:],
    )


def _sensor_or_404(sensor_id: int) -> Sensor:
    user = current_user()
    if user is None or not user.is_admin:
        abort(403)
    found = db.session.get(Sensor, sensor_id) if sensor_id < 2**31 else None
    if found is None:
        abort(404)
    return found
