"""Schedules of assets: what one costs and why, and what it would cost otherwise."""

from __future__ import annotations

from flask import Blueprint, Response

import flexmeasures_scheduling as scheduling
from flexmeasures.errors import AlgorithmError
from flexmeasures.models import Asset, StoredSchedule, User
from flexmeasures_api.messages.addresses import LARGEST_ID
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import Refused, shown
from flexmeasures_api.openapi.operations import JsonSchema, described, json_object
from flexmeasures_api.resources import answers_user, body, thing_of

blueprint = Blueprint("api_v2_0_schedules", __name__, url_prefix="/api/v2_0")

_NUMBER: JsonSchema = {"type": "number"}
_NUMBERS: JsonSchema = {"type": "array", "items": _NUMBER}
_WORDS: JsonSchema = {"type": "array", "items": {"type": "string"}}
_BY_COMPONENT: JsonSchema = {"type": "object", "additionalProperties": _NUMBER}
_BY_SLOT: JsonSchema = {"type": "object", "additionalProperties": _NUMBERS}
_BINDING = json_object(
    ("limit", "words", "value", "unit", "shadow_price", "slots"),
    limit={"type": "string"},
    words={"type": "string"},
    value=_NUMBER,
    unit={"type": "string"},
    shadow_price=_NUMBER
    | {"description": "Money by which the objective would rise for each MW or MWh more."},
    slots={"type": "array", "items": {"type": "array", "items": {}}},
)
EXPLAINED = json_object(
    ("start", "resolution", "status", "values", "cost", "costs", "baseline_cost", "saving"),
    start={"type": "string", "format": "date-time"},
    resolution={"type": "string", "format": "duration"},
    status={"type": "string", "enum": ["optimal", "relaxed"]},
    currency={"type": "string"},
    values=_NUMBERS | {"description": "MW a slot, consumption positive."},
    soc=_NUMBERS | {"description": "MWh at the end of each slot."},
    cost=_NUMBER,
    costs=_BY_COMPONENT,
    cost_slots=_BY_SLOT,
    baseline=_NUMBERS | {"description": "MW a slot without flexibility."},
    baseline_cost=_NUMBER,
    baseline_costs=_BY_COMPONENT,
    baseline_cost_slots=_BY_SLOT,
    saving=_NUMBER,
    objective=_NUMBER,
    preference=_NUMBER,
    binding={"type": "array", "items": _BINDING},
    activation=json_object(net_in_mwh=_NUMBER, shifted_in_mwh=_NUMBER, shifted_in_mwh_h=_NUMBER),
    warnings=_WORDS,
)
OTHERWISE = json_object(
    ("status", "warnings"),
    status={"type": "string", "enum": ["optimal", "relaxed", "infeasible"]},
    cost=_NUMBER,
    costs=_BY_COMPONENT,
    more=_NUMBER | {"description": "By how much more than the schedule that is stored."},
    values=_NUMBERS,
    soc=_NUMBERS,
    conflicts=_WORDS,
    advice=_WORDS,
    warnings=_WORDS,
)
CHANGES: JsonSchema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("soc_at_start", "capacity_in_mw", "min_soc_in_mwh", "max_soc_in_mwh"), _NUMBER),
        "targets": {"type": "array", "items": {"type": "object"}},
        **{
            key: meaning
            for key, meaning in scheduling.described().items()
            if key not in scheduling.SENSOR_KEYS
        },
    },
}


@blueprint.get("/asset/<asset_id>/schedule/<event_id>")
@described(answers={200: EXPLAINED}, refusals=(400, 403, 404))
@answers_user
def explain_schedule(user: User, asset_id: str, event_id: str) -> Response:
    """What the schedule of an event costs by component and slot, what it saves, and which limits bind."""
    return answer(scheduling.explain(_schedule(user, asset_id, event_id)))


@blueprint.post("/asset/<asset_id>/schedule/<event_id>/what-if")
@described(
    body=CHANGES,
    examples={"a smaller connection": {"capacity_in_mw": 1.0}},
    answers={200: OTHERWISE},
    refusals=(400, 403, 404, 413, 422),
)
@answers_user
def schedule_otherwise(user: User, asset_id: str, event_id: str) -> Response:
    """What the schedule of an event would cost with some inputs changed, by solving again; nothing is stored."""
    stored = _schedule(user, asset_id, event_id)
    try:
        return answer(scheduling.what_if(stored, body()))
    except AlgorithmError as error:
        raise Refused("UNKNOWN_SCHEDULE", f"No schedule can be made: {error}") from None


def _schedule(user: User, asset_id: str, event_id: str) -> StoredSchedule:
    asset = thing_of(Asset, user, asset_id, "read")
    if not (event_id.isascii() and event_id.isdigit() and len(event_id) < 11 and int(event_id) <= LARGEST_ID):
        text = f"The event id {shown(event_id)} is not understood. Accepted: a whole number."
        raise Refused("REQUIRED_INFO_MISSING", text)
    try:
        return scheduling.find_schedule(asset, int(event_id))
    except scheduling.UnknownSchedule as unknown:
        status = "UNKNOWN_SCHEDULE" if unknown.known else "UNRECOGNIZED_UDI_EVENT"
        raise Refused(status, str(unknown)) from None
