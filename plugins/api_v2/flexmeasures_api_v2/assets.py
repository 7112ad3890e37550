"""Assets: list, create, get, change, delete."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from flask import Blueprint, Response, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import BadRequest, NotFound

from flexmeasures import structure
from flexmeasures.db import db, writing
from flexmeasures.models import Asset, User
from flexmeasures.schemas import AssetSchema
from flexmeasures_api.addresses import LARGEST_ID
from flexmeasures_api.answers import answer
from flexmeasures_api.permissions import check_role, check_size, require_may, require_user
from flexmeasures_api.statuses import Refused, shown
from flexmeasures_api.versions import refused

blueprint = Blueprint("api_v2_0_assets", __name__, url_prefix="/api/v2_0")


class AssetQuery(Schema):
    """The query string of GET /assets."""

    class Meta:
        unknown = EXCLUDE

    owner_id = fields.Integer(load_default=None, validate=validate.Range(min=0, max=LARGEST_ID))


def _answers_user(view: Callable[..., Response]) -> Callable[..., Response]:
    """Ask for a user (401), give it to the view, and word what the view refuses."""

    @wraps(view)
    def guarded(**arguments: Any) -> Response:
        try:
            check_size(request)
            return view(require_user(), **arguments)
        except Refused as refusal:
            return refused(refusal)
        except IntegrityError:
            detail = "name and display_name have to be unique among assets"
            return answer({"message": "The database refuses this.", "detail": detail, "status": 400}, 400)

    return guarded


@blueprint.get("/assets")
@_answers_user
def list_assets(user: User) -> Response:
    """The user's assets (admin: all, or one owner's), newest first."""
    try:
        owner_id = AssetQuery().load(request.args)["owner_id"]
    except ValidationError as error:
        raise _unprocessable("query", error) from None
    if not user.is_admin and owner_id not in (None, user.id):
        raise Refused("INVALID_SENDER", f"You may not see the assets of user {owner_id}.")
    query = select(Asset).order_by(Asset.id.desc())
    if not user.is_admin:
        query = query.where(Asset.owner_id == user.id)
    elif owner_id is not None:
        query = query.where(Asset.owner_id == owner_id)
    schema = AssetSchema()
    return answer([schema.dump_asset(asset) for asset in db.session.scalars(query)])


@blueprint.post("/assets")
@_answers_user
def create_asset(user: User) -> Response:
    """A new asset, by an admin."""
    check_role(user, ())
    data = _body()
    with writing():
        asset = _validated(lambda: structure.create_asset(data))
    return answer(AssetSchema().dump_asset(asset), 201)


@blueprint.get("/asset/<asset_id>")
@_answers_user
def get_asset(user: User, asset_id: str) -> Response:
    """One asset, for its owner or an admin."""
    return answer(AssetSchema().dump_asset(_asset(user, asset_id, "read")))


@blueprint.patch("/asset/<asset_id>")
@_answers_user
def change_asset(user: User, asset_id: str) -> Response:
    """Change any fields of an asset (id is ignored); the owner can be changed by an admin only."""
    _asset(user, asset_id, "update")
    data = _body()
    with writing():
        asset = _asset(user, asset_id, "update")
        owner_id = asset.owner_id
        asset = _validated(lambda: structure.update_asset(asset, data))
        if asset.owner_id != owner_id and not user.is_admin:
            raise Refused("INVALID_SENDER", "You may not give an asset to another owner; an admin may.")
    return answer(AssetSchema().dump_asset(asset))


@blueprint.delete("/asset/<asset_id>")
@_answers_user
def delete_asset(user: User, asset_id: str) -> Response:
    """Delete an asset with all that is known about it."""
    with writing():
        structure.delete_sensor(_asset(user, asset_id, "delete"))
    return Response(status=204)


def _asset(user: User, text: str, action: str) -> Asset:
    """The asset of that id: 400 for what is no id, 404 for an unknown one, 403 for somebody else's."""
    if not (text.isascii() and text.isdigit()):
        message = f"The asset id {shown(text)} is not understood. Accepted: a whole number."
        raise Refused("REQUIRED_INFO_MISSING", message)
    asset = db.session.get(Asset, int(text)) if len(text) < 11 and int(text) <= LARGEST_ID else None
    if asset is None:
        raise NotFound(f"Asset {shown(text)} not found.")
    require_may(user, action, asset, f"asset {asset.id}")
    return asset


def _body() -> dict[str, Any]:
    try:
        data = orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    if not isinstance(data, dict):
        raise _unprocessable("json", ValidationError({"_schema": ["Invalid input type."]}))
    return data


def _validated(change: Callable[[], Asset]) -> Asset:
    try:
        return change()
    except ValidationError as error:
        raise _unprocessable("json", error) from None


def _unprocessable(location: str, error: ValidationError) -> Refused:
    return Refused("UNPROCESSABLE_ENTITY", {location: error.messages})
