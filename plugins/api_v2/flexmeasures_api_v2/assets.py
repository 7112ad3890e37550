"""Assets: list, create, get, change, delete."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from sqlalchemy import select

import flexmeasures_master_data as master_data
from flexmeasures import sensors
from flexmeasures.db import db, writing
from flexmeasures.models import Asset, User
from flexmeasures_api.messages.access import check_role
from flexmeasures_api.messages.addresses import LARGEST_ID
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import Refused
from flexmeasures_api.openapi.operations import described
from flexmeasures_api.resources import answers_user, body, thing_of, unprocessable, validated
from flexmeasures_master_data import AssetSchema, asset_schema

blueprint = Blueprint("api_v2_0_assets", __name__, url_prefix="/api/v2_0")


class AssetQuery(Schema):
    """The query string of GET /assets."""

    class Meta:
        unknown = EXCLUDE

    owner_id = fields.Integer(load_default=None, validate=validate.Range(min=0, max=LARGEST_ID))


class StoredAsset(AssetSchema):
    """An asset in answers: null for what older ones, or those of the command line, do not have."""

    capacity_in_mw = fields.Float(allow_none=True)
    latitude = fields.Float(allow_none=True)
    longitude = fields.Float(allow_none=True)
    asset_type_name = fields.String(allow_none=True, attribute="type_name")
    owner_id = fields.Integer(allow_none=True)
    market_id = fields.Integer(allow_none=True)


stored_asset = partial(asset_schema, StoredAsset)
ASSET = {
    "name": "Test battery",
    "asset_type": "battery",
    "unit": "MW",
    "owner": 2,
    "market": 1,
    "event_resolution": 10,
    "capacity_in_mw": 2.0,
    "latitude": 10,
    "longitude": 100,
    "min_soc_in_mwh": 0,
    "max_soc_in_mwh": 5,
    "soc_in_mwh": 2.5,
    "soc_datetime": "2015-01-01T00:00:00+00:00",
    "soc_udi_event_id": 203,
}


@blueprint.get("/assets")
@described(
    query=AssetQuery(), answers={200: partial(asset_schema, StoredAsset, many=True)}, refusals=(403, 422)
)
@answers_user
def list_assets(user: User) -> Response:
    """The user's assets (admin: all, or one owner's), newest first."""
    try:
        owner_id = AssetQuery().load(request.args)["owner_id"]
    except ValidationError as error:
        raise unprocessable("query", error) from None
    if not user.is_admin and owner_id not in (None, user.id):
        raise Refused("INVALID_SENDER", f"You may not see the assets of user {owner_id}.")
    query = select(Asset).order_by(Asset.id.desc())
    if not user.is_admin:
        query = query.where(Asset.owner_id == user.id)
    elif owner_id is not None:
        query = query.where(Asset.owner_id == owner_id)
    schema = stored_asset()
    return answer([schema.dump_asset(asset) for asset in db.session.scalars(query)])


@blueprint.post("/assets")
@described(
    body=asset_schema,
    examples={"battery": ASSET},
    answers={201: stored_asset},
    refusals=(400, 403, 413, 422),
)
@answers_user
def create_asset(user: User) -> Response:
    """A new asset, by an admin."""
    check_role(user, ())
    data = body()
    with writing():
        asset = validated(lambda: master_data.create_asset(data))
    return answer(stored_asset().dump_asset(asset), 201)


@blueprint.get("/asset/<asset_id>")
@described(answers={200: stored_asset}, refusals=(400, 403, 404))
@answers_user
def get_asset(user: User, asset_id: str) -> Response:
    """One asset, for its owner or an admin."""
    return answer(stored_asset().dump_asset(thing_of(Asset, user, asset_id, "read")))


@blueprint.patch("/asset/<asset_id>")
@described(
    body=partial(asset_schema, partial=True),
    examples={"place": {"latitude": 11.1, "longitude": 99.9}},
    answers={200: stored_asset},
    refusals=(400, 403, 404, 413, 422),
)
@answers_user
def change_asset(user: User, asset_id: str) -> Response:
    """Change any fields of an asset (id is ignored); the owner can be changed by an admin only."""
    thing_of(Asset, user, asset_id, "update")
    data = body()
    with writing():
        asset = thing_of(Asset, user, asset_id, "update")
        owner_id = asset.owner_id
        # Before the rest is looked at, whose errors would tell what another owner has; and whatever was read.
        _check_owner(user, owner_id, data.get("owner_id", data.get("owner")))
        asset = validated(lambda: master_data.update_asset(asset, data))
        _check_owner(user, owner_id, asset.owner_id)
    return answer(stored_asset().dump_asset(asset))


def _check_owner(user: User, owner_id: int | None, given: object) -> None:
    """Refused with INVALID_SENDER when an asset is given to another owner by who may not."""
    if isinstance(given, int) and given != owner_id and not user.is_admin:
        raise Refused("INVALID_SENDER", "You may not give an asset to another owner; an admin may.")


@blueprint.delete("/asset/<asset_id>")
@described(answers={204: None}, refusals=(400, 403, 404))
@answers_user
def delete_asset(user: User, asset_id: str) -> Response:
    """Delete an asset with all that is known about it."""
    with writing():
        sensors.delete_sensor(thing_of(Asset, user, asset_id, "delete"))
    return Response(status=204)
