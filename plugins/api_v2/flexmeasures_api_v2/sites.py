"""Sites: one event about all flexible assets behind a connection, whose schedules are made together."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flask import Blueprint, Response, current_app
from marshmallow import Schema, ValidationError, fields, validate

import flexmeasures_scheduling as scheduling
from flexmeasures.db import writing
from flexmeasures.errors import AlgorithmError
from flexmeasures.models import Site, User
from flexmeasures_api.messages.addresses import LARGEST_ID
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.sensors import assets_by_id
from flexmeasures_api.messages.status_codes import Refused, processed
from flexmeasures_api.openapi.operations import described, json_object
from flexmeasures_api.resources import answers_user, body, thing_of, unprocessable
from flexmeasures_api.services.flexibility import check_order, check_target_time
from flexmeasures_master_data import AwareTime, plausibility
from flexmeasures_scheduling import MEANINGS, SITE_KEYS, TARGET_KINDS, Target

blueprint = Blueprint("api_v2_0_sites", __name__, url_prefix="/api/v2_0")

_ID = validate.Range(min=1, max=LARGEST_ID)
_MWH = validate.Range(min=0, max=1e9)


def _meaning(key: str) -> dict[str, str]:
    return {"description": MEANINGS[key]}


class TargetSchema(Schema):
    """A state of charge to be reached, MWh."""

    value = fields.Float(required=True, validate=_MWH)
    datetime = AwareTime(required=True)
    kind = fields.String(load_default="exact", validate=validate.OneOf(TARGET_KINDS))


class StateSchema(Schema):
    """The state of one asset, MWh at the time of the event."""

    asset_id = fields.Integer(required=True, strict=True, validate=_ID)
    value = fields.Float(required=True, validate=_MWH)
    targets = fields.List(fields.Nested(TargetSchema()), load_default=list)


class SiteEventSchema(Schema):
    """An event of a site: the states of all its flexible assets at one time, and what else is asked of the site."""

    event_id = fields.Integer(required=True, strict=True, validate=_ID)
    datetime = AwareTime(required=True)
    states = fields.List(fields.Nested(StateSchema()), required=True, validate=validate.Length(1, 10_000))
    relax = fields.Boolean(metadata=_meaning("relax"))
    production_price_per_mwh = fields.Float(metadata=_meaning("production_price_per_mwh"))
    production_market_id = fields.Integer(
        strict=True, validate=_ID, metadata=_meaning("production_market_id")
    )
    peak_price_per_mw = fields.Float(metadata=_meaning("peak_price_per_mw"))
    peak_so_far_in_mw = fields.Float(metadata=_meaning("peak_so_far_in_mw"))


@blueprint.post("/site/<site_id>/event")
@described(
    body=SiteEventSchema(),
    examples={
        "one battery": {
            "event_id": 300,
            "datetime": "2015-06-02T12:00:00+00:00",
            "states": [{"asset_id": 10, "value": 1.0}],
        }
    },
    answers={202: json_object(("message", "status"), message={"type": "string"}, status={"type": "string"})},
    refusals=(400, 403, 404, 413, 422),
)
@answers_user
def post_site_event(user: User, site_id: str) -> Response:
    """Take the states of all flexible assets of a site, and ask for schedules whose sum keeps to its connection.

    Each asset then answers with its own schedule, under the id of this event. As with events of one asset, times never
    decrease (INVALID_DATETIME) and ids always increase (OUTDATED_UDI_EVENT), but in play mode.
    """
    thing_of(Site, user, site_id, "read")
    try:
        event: dict[str, Any] = SiteEventSchema().load(body())
    except ValidationError as error:
        raise unprocessable("json", error) from None
    states = {
        each["asset_id"]: scheduling.State(
            soc_in_mwh=each["value"],
            targets=[
                Target(**target | {"datetime": target["datetime"].astimezone(UTC)})
                for target in each["targets"]
            ],
        )
        for each in event["states"]
    }
    try:
        with writing():
            site = thing_of(Site, user, site_id, "update")
            doubts = _checked(site, event)
            wishes = {key: event[key] for key in SITE_KEYS if key in event}
            scheduling.trigger_site(site, event["event_id"], event["datetime"], states, wishes)
    except AlgorithmError as error:
        raise Refused("UNKNOWN_SCHEDULE", f"No schedule can be made: {error}") from None
    return answer(processed(**({"warnings": doubts} if doubts else {})), 202)


def _checked(site: Site, event: dict[str, Any]) -> list[str]:
    """What is in doubt, where the order of each asset's events is right, and the times of their targets.

    The assets stay locked until the commit.
    """
    doubts: list[str] = []
    assets = assets_by_id([each["asset_id"] for each in event["states"]], locked=True)
    for number, each in enumerate(event["states"]):
        asset = assets.get(each["asset_id"])
        if asset is None or asset.id not in site.attributes["assets"]:
            continue  # the site will say that it is none of its
        if current_app.config["FLEXMEASURES_MODE"] != "play":
            check_order(asset, event["event_id"], event["datetime"])
        for place, target in enumerate(each["targets"]):
            field = f"states[{number}].targets[{place}].datetime"
            check_target_time(field, target["datetime"], event["datetime"], asset.event_resolution)
        doubts += plausibility.state(asset, each["value"], [target["value"] for target in each["targets"]])
    return doubts
