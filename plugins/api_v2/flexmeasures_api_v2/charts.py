"""Charts of power as Bokeh items, drawn by whichever plugin answers the hook draw_power_chart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate
from werkzeug import exceptions

from flexmeasures.auth import may
from flexmeasures.fields import Text
from flexmeasures.models import Asset, User
from flexmeasures.runtime import runtime
from flexmeasures_api.messages.access import check_role
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import shown
from flexmeasures_api.openapi.operations import described, json_object
from flexmeasures_api.resources import answers_user, unprocessable
from flexmeasures_charts import PowerChart
from flexmeasures_master_data import AwareTime, Duration, assets_of

blueprint = Blueprint("api_v2_0_charts", __name__, url_prefix="/api/v2_0")

ROLES = ("Prosumer",)
MOST_SLOTS = 100_000


ITEM = json_object(
    ("target_id", "root_id", "doc"),
    target_id={"type": "string", "nullable": True},
    root_id={"type": "string"},
    doc={"type": "object"},
)


class ChartQuery(Schema):
    """The query string of GET /charts/power; the flag of the sign has two names."""

    class Meta:
        unknown = EXCLUDE

    resource = Text(required=True)
    start_time = AwareTime(required=True)
    end_time = AwareTime(required=True)
    resolution = Duration(required=True)
    show_consumption_as_positive = fields.Boolean(load_default=True)
    show_individual_traces_for = fields.String(
        load_default="none", validate=validate.OneOf(("none", "power", "schedules"))
    )
    forecast_horizon = Duration(load_default=timedelta(hours=6))

    @pre_load
    def one_name(self, data: Any, **_: Any) -> Any:
        found = dict(data.items())
        if "consumption_as_positive" in found:
            found.setdefault("show_consumption_as_positive", found["consumption_as_positive"])
        return found


@blueprint.get("/charts/power")
@described(
    query=ChartQuery(),
    examples={
        "a day": {
            "resource": "battery",
            "start_time": "2015-06-02T00:00:00+00:00",
            "end_time": "2015-06-03T00:00:00+00:00",
            "resolution": "PT15M",
        }
    },
    answers={200: ITEM},
    refusals=(403, 404, 422, 501),
)
@answers_user
def power_chart(user: User) -> Response:
    """A chart of power measured, forecast and planned, for `Bokeh.embed.embed_item`."""
    check_role(user, ROLES)
    try:
        wanted = ChartQuery().load(request.args)
        _check_window(wanted["start_time"], wanted["end_time"], wanted["resolution"])
    except ValidationError as error:
        raise unprocessable("querystring", error) from None
    chart = PowerChart(
        assets=_assets(user, wanted["resource"], wanted["resolution"]),
        start=wanted["start_time"],
        end=wanted["end_time"],
        resolution=wanted["resolution"],
        forecast_horizon=wanted["forecast_horizon"],
        consumption_as_positive=wanted["show_consumption_as_positive"],
        traces=wanted["show_individual_traces_for"],
    )
    item = runtime().first("draw_power_chart", chart=chart)
    if item is None:
        raise exceptions.NotImplemented("No plugin here draws charts; the plugin ui does.")
    return answer(item)


def _check_window(start: datetime, end: datetime, resolution: timedelta) -> None:
    if start >= end:
        raise ValidationError("Must be later than start_time.", "end_time")
    if (end - start) / resolution > MOST_SLOTS:
        raise ValidationError(
            f"Gives more than {MOST_SLOTS} slots between start_time and end_time.", "resolution"
        )


def _assets(user: User, resource: str, resolution: timedelta) -> tuple[Asset, ...]:
    """The user's assets of that name or group; werkzeug NotFound for names of nothing, and of what is not theirs."""
    found = tuple(asset for asset in assets_of(resource) if may(user, "read", asset))
    if not found:
        raise exceptions.NotFound(f"There is no asset or group of assets {shown(resource)}.")
    wrong = [asset.name for asset in found if resolution % asset.event_resolution]
    if wrong:
        text = (
            f"Must be a multiple of the resolution of each asset, which it is not of {', '.join(wrong[:5])}."
        )
        raise unprocessable("querystring", ValidationError(text, "resolution"))
    return found
