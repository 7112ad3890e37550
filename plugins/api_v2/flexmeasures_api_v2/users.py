"""Users: list, get, change, and reset a password. They are added and deleted by the command line only."""

from __future__ import annotations

from flask import Blueprint, Response, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields
from sqlalchemy import select
from werkzeug.exceptions import ServiceUnavailable

from flexmeasures import auth
from flexmeasures.auth import MailNotSent, UserSchema
from flexmeasures.db import db, writing
from flexmeasures.models import User
from flexmeasures_api.messages.access import ANONYMOUS, check_role
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import Refused
from flexmeasures_api.openapi.operations import described, json_object
from flexmeasures_api.resources import answers_user, body, thing_of, unprocessable, validated

blueprint = Blueprint("api_v2_0_users", __name__, url_prefix="/api/v2_0")

NOT_ON_ONESELF = ("active", "flexmeasures_roles")


class UserQuery(Schema):
    """The query string of GET /users."""

    class Meta:
        unknown = EXCLUDE

    include_inactive = fields.Boolean(load_default=False)


@blueprint.get("/users")
@described(
    query=UserQuery(),
    examples={"all": {"include_inactive": True}},
    answers={200: UserSchema(many=True)},
    refusals=(403, 422),
)
@answers_user
def list_users(user: User) -> Response:
    """All active users, for an admin; with `include_inactive` the others as well."""
    check_role(user, ())
    try:
        with_inactive = UserQuery().load(request.args)["include_inactive"]
    except ValidationError as error:
        raise unprocessable("query", error) from None
    query = select(User).order_by(User.id)
    if not with_inactive:
        query = query.where(User.active)
    return answer([UserSchema.dump_user(found) for found in db.session.scalars(query)])


@blueprint.get("/user/<user_id>")
@described(answers={200: UserSchema()}, refusals=(400, 403, 404))
@answers_user
def get_user(user: User, user_id: str) -> Response:
    """One user, for themself or an admin."""
    return answer(UserSchema.dump_user(thing_of(User, user, user_id, "read")))


@blueprint.patch("/user/<user_id>")
@described(
    body=UserSchema(partial=True),
    examples={"inactive": {"active": False}},
    answers={200: UserSchema()},
    refusals=(400, 403, 404, 413, 422),
)
@answers_user
def change_user(user: User, user_id: str) -> Response:
    """Change any fields of a user (id is ignored); nobody changes their own activity and roles."""
    if ANONYMOUS in user.role_names:
        raise Refused("INVALID_SENDER", "Visitors may not change users.")
    about = thing_of(User, user, user_id, "update")
    data = body()
    forbidden = [field for field in NOT_ON_ONESELF if field in data]
    if forbidden and about.id == user.id:
        raise Refused("INVALID_SENDER", f"You may not change {' and '.join(forbidden)} of yourself.")
    with writing():
        found = thing_of(User, user, user_id, "update")
        validated(lambda: auth.update_user(found, data))
    return answer(UserSchema.dump_user(found))


@blueprint.patch("/user/<user_id>/password-reset")
@described(answers={200: json_object(("status",), status={"type": "integer"})}, refusals=(400, 403, 404, 413))
@answers_user
def reset_password(user: User, user_id: str) -> Response:
    """Give a user a random password, end their sessions and tokens, and mail them a link; by an admin."""
    check_role(user, ())
    try:
        auth.reset_password(thing_of(User, user, user_id, "update"))
    except MailNotSent as error:
        raise ServiceUnavailable(f"{error}. Nothing was changed.") from None
    return answer({"status": 200})
