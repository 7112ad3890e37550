"""Experimental endpoints about any sensor, for admins: facts, data, and a chart as a Vega-Lite specification."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from flask import Blueprint, Response, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields
from werkzeug.exceptions import NotFound

from flexmeasures.beliefs import every_belief, extent
from flexmeasures.db import db
from flexmeasures.fields import Text
from flexmeasures.models import Sensor
from flexmeasures.timing import from_ms, iso_time
from flexmeasures_api.blueprint import refused
from flexmeasures_api.messages.access import check_role, require_user
from flexmeasures_api.messages.addresses import LARGEST_ID
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import Refused, shown
from flexmeasures_api.openapi.operations import described, json_object
from flexmeasures_master_data import AwareTime

blueprint = Blueprint("api_dev", __name__, url_prefix="/api/dev")

VEGA_LITE = "https://vega.github.io/schema/vega-lite/v5.json"


_TIME = {"type": "string", "format": "date-time", "nullable": True}
_FACTS = json_object(
    name={"type": "string"}, timezone={"type": "string"}, timerange=json_object(start=_TIME, end=_TIME)
)
_BELIEF = json_object(
    event_start={"type": "string", "format": "date-time"},
    belief_time={"type": "string", "format": "date-time"},
    event_value={"type": "number"},
)


class Window(Schema):
    """Which beliefs: about events of a window, recorded in a window."""

    class Meta:
        unknown = EXCLUDE

    event_starts_after = AwareTime(load_default=datetime(1900, 1, 1, tzinfo=UTC))
    event_ends_before = AwareTime(load_default=datetime(2200, 1, 1, tzinfo=UTC))
    beliefs_after = AwareTime(load_default=None)
    beliefs_before = AwareTime(load_default=None)


class ChartQuery(Window):
    """A chart may hold its data, under a name."""

    include_data = fields.Boolean(load_default=False)
    dataset_name = Text(load_default=None)


@blueprint.get("/sensor/<sensor_id>", strict_slashes=False)
@described(tag="experimental", answers={200: _FACTS}, refusals=(403, 404))
def get_sensor(sensor_id: str) -> Response:
    """Name, time zone, and from when to when there are data (null: none)."""

    def facts(sensor: Sensor) -> dict[str, Any]:
        first, last = extent(sensor) or (None, None)
        span = {"start": first and iso_time(first), "end": last and iso_time(last)}
        return {"name": sensor.name, "timezone": sensor.timezone, "timerange": span}

    return _about(sensor_id, facts)


@blueprint.get("/sensor/<sensor_id>/chart_data", strict_slashes=False)
@described(
    tag="experimental",
    query=Window(),
    answers={200: {"type": "array", "items": _BELIEF}},
    refusals=(403, 404, 422),
)
def get_chart_data(sensor_id: str) -> Response:
    """The newest belief about each event of the window, in order."""
    return _about(sensor_id, lambda sensor: _data(sensor, Window().load(request.args)))


@blueprint.get("/sensor/<sensor_id>/chart", strict_slashes=False)
@described(tag="experimental", query=ChartQuery(), refusals=(403, 404, 422))
def get_chart(sensor_id: str) -> Response:
    """A specification for Vega-Lite; with include_data, the data are in it as well."""
    return _about(sensor_id, lambda sensor: _specification(sensor, ChartQuery().load(request.args)))


def _about(sensor_id: str, give: Any) -> Response:
    try:
        check_role(require_user(), ())
        return answer(give(_sensor(sensor_id)))
    except Refused as refusal:
        return refused(refusal)
    except ValidationError as error:
        return refused(Refused("UNPROCESSABLE_ENTITY", {"query": error.messages}))


def _sensor(text: str) -> Sensor:
    whole = text.isascii() and text.isdigit() and len(text) < 11
    found = db.session.get(Sensor, int(text)) if whole and int(text) <= LARGEST_ID else None
    if found is None:
        raise NotFound(f"There is no sensor {shown(text)}.")
    return found


def _data(sensor: Sensor, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    window = (wanted["event_starts_after"], wanted["event_ends_before"])
    found = every_belief(sensor, *window, prior=wanted["beliefs_before"])
    after = wanted["beliefs_after"]
    kept = np.arange(len(found.starts))
    if after is not None:
        kept = kept[found.recorded >= int(after.timestamp() * 1000)]
    # Recorded in order: what comes last about an event is the newest.
    starts, reverse = np.unique(found.starts[kept][::-1], return_index=True)
    newest = kept[::-1][reverse]
    rows = zip(starts.tolist(), found.recorded[newest].tolist(), found.values[newest].tolist(), strict=True)
    return [
        {"event_start": iso_time(from_ms(start)), "belief_time": iso_time(from_ms(at)), "event_value": value}
        for start, at, value in rows
    ]


def _specification(sensor: Sensor, wanted: dict[str, Any]) -> dict[str, Any]:
    name = wanted["dataset_name"] or f"sensor_{sensor.id}"
    title = f"{sensor.display_name or sensor.name} ({sensor.unit})" if sensor.unit else sensor.name
    chart: dict[str, Any] = {
        "$schema": VEGA_LITE,
        "title": sensor.display_name or sensor.name,
        "width": "container",
        "data": {"name": name},
        "mark": {"type": "line", "interpolate": "step-after", "tooltip": True},
        "encoding": {
            "x": {"field": "event_start", "type": "temporal", "title": None},
            "y": {"field": "event_value", "type": "quantitative", "title": title},
        },
    }
    return chart | {"datasets": {name: _data(sensor, wanted)}} if wanted["include_data"] else chart
