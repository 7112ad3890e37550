"""The unversioned endpoints: the list of versions, and authentication tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request
from sqlalchemy import func, select
from werkzeug.exceptions import BadRequest

import flexmeasures
from flexmeasures.auth import takes_password
from flexmeasures.db import db
from flexmeasures.models import User as UserTable
from flexmeasures_api.installed import installed_versions
from flexmeasures_api.messages.access import check_size
from flexmeasures_api.messages.parsing import read_json
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.openapi import docs_page
from flexmeasures_api.openapi.operations import described, json_object

if TYPE_CHECKING:
    from flexmeasures.models import User

blueprint = Blueprint("api", __name__, url_prefix="/api", template_folder="templates")
blueprint.add_url_rule("/docs/<name>", "docs_file", docs_page.static_file)


TEXT = {"type": "string"}
CREDENTIALS = json_object(
    ("email",),
    email=TEXT,
    password=TEXT | {"description": "Not needed by who is logged in by session."},
)
TOKEN = json_object(
    ("auth_token", "user_id", "status"),
    auth_token=TEXT,
    user_id={"type": "integer"},
    status={"type": "integer"},
)
NO_TOKEN = json_object(("errors",), errors={"type": "array", "items": TEXT})


@blueprint.get("/", strict_slashes=False)
@described(
    public=True,
    answers={
        200: json_object(
            ("versions", "message", "flexmeasures_version", "status"),
            versions={"type": "array", "items": {"type": "string"}},
            message={"type": "string"},
            flexmeasures_version={"type": "string"},
            status={"type": "integer"},
        )
    },
)
def list_versions() -> Response:
    """Public: the versions of the API that are installed."""
    message = (
        "For these API versions endpoints are available. A service listing is at /api/<version>/getService."
    )
    return answer(
        {
            "versions": installed_versions(),
            "message": message,
            "flexmeasures_version": flexmeasures.__version__,
            "status": 200,
        }
    )


@blueprint.post("/requestAuthToken")
@takes_password
@described(
    public=True,
    body=CREDENTIALS,
    examples={"password": {"email": "prosumer@example.com", "password": "a-password-for-tests"}},
    answers={200: TOKEN} | dict.fromkeys((400, 401, 404, 429), NO_TOKEN),
    refusals=(413,),
)
def request_auth_token() -> Response:
    """Public: a fresh authentication token for email and password, or for who is logged in by session."""
    from flexmeasures.auth import new_token

    check_size(request)
    try:
        user = _authenticated()
    except TokenRefused as refusal:
        return answer({"errors": [str(refusal)]}, refusal.http)
    return answer({"auth_token": new_token(user), "user_id": user.id, "status": 200})


class TokenRefused(Exception):
    """No token is given, with an HTTP code and a reason for the user."""

    def __init__(self, text: str, http: int = 400) -> None:
        self.http = http
        super().__init__(text)


def _authenticated() -> User:
    credentials = _credentials()
    email = credentials.get("email")
    if not isinstance(email, str) or not email.strip():
        raise TokenRefused("email is missing. Accepted: the email address of a user.")
    user = _user_by_session(email)
    if user is not None:
        return user
    password = credentials.get("password")
    if not isinstance(password, str) or not password:
        raise TokenRefused("password is missing. Accepted: the password of the user with that email.")
    return _user_by_password(email, password)


def _credentials() -> dict[str, Any]:
    if not request.is_json:
        raise TokenRefused("The content type is not JSON. Accepted: application/json.")
    try:
        credentials = read_json(request.get_data())
    except BadRequest as error:
        raise TokenRefused(str(error.description)) from None
    if not isinstance(credentials, dict):
        raise TokenRefused("The body is no JSON object. Accepted: one with the keys email and password.")
    return credentials


def _user_by_session(email: str) -> User | None:
    """Who is logged in with a session cookie and that email; a token alone cannot renew itself for ever."""
    from flexmeasures.auth import current_user

    if request.headers.get(current_app.config.get("SECURITY_TOKEN_AUTHENTICATION_HEADER", "Authorization")):
        return None
    user = current_user()
    return user if user is not None and user.email.lower() == email.strip().lower() else None


def _user_by_password(email: str, password: str) -> User:
    from flask_security.utils import hash_password, verify_password

    hide = bool(current_app.config.get("FLEXMEASURES_HIDE_UNKNOWN_USERS"))
    query = select(UserTable).where(func.lower(UserTable.email) == email.strip().lower())
    # Nobody's email holds a NUL, and PostgreSQL refuses to look for one.
    user = None if "\0" in email else db.session.scalars(query).first()
    if user is None:
        if not hide:
            raise TokenRefused(f"User with email {email} not found.", 404)
        hash_password(password)  # an unknown email must not be told by its quick answer
    if user is None or user.password is None or not verify_password(password, user.password):
        raise TokenRefused("Email and password do not match." if hide else "The password is wrong.", 401)
    if not user.active:
        raise TokenRefused("This user is not active.", 401)
    return user
