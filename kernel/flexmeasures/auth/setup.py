"""Who is it, and what may they do: Flask-Security's login and tokens, roles, may().

The header of the token is named by SECURITY_TOKEN_AUTHENTICATION_HEADER (a bare token, no prefix). Tokens
are read from that header only, and a broken database travels to a 503 instead of looking like a missing
login. Requests of a browser's session need a CSRF token, requests with a header token do not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import flask_login
from flask import Flask, abort, current_app, g, request
from flask_security import FSQLALiteUserDatastore, Security
from flask_wtf import CSRFProtect
from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload

from flexmeasures.auth.permissions import current_user
from flexmeasures.db import db, writing
from flexmeasures.errors import WrongAnswer
from flexmeasures.models.users import Role, User
from flexmeasures.runtime import FAILURES, runtime

# Made once: every request asks it, and to make it takes as long as to ask it.
_BY_UNIQUIFIER = (
    select(User).where(User.fs_uniquifier == bindparam("uniquifier")).options(joinedload(User.roles))
)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
DEFAULTS: dict[str, Any] = {
    "SECURITY_PASSWORD_HASH": "bcrypt",
    "SECURITY_PASSWORD_SCHEMES": ["bcrypt"],
    "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [],
    "SECURITY_RECOVERABLE": True,
    "SECURITY_RESET_URL": "/reset",
    "SECURITY_AUTO_LOGIN_AFTER_RESET": False,
    "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},
    "SECURITY_LOGOUT_METHODS": ["GET", "POST"],
    "SECURITY_POST_LOGIN_VIEW": "/",
    "SECURITY_POST_LOGOUT_VIEW": "/login",
    "SECURITY_UNAUTHORIZED_VIEW": None,
    "SECURITY_CSRF_IGNORE_UNAUTH_ENDPOINTS": False,
    "REMEMBER_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "WTF_CSRF_CHECK_DEFAULT": False,
    "WTF_CSRF_TIME_LIMIT": None,
}

_csrf = CSRFProtect()


def init(app: Flask) -> None:
    """Set Flask-Security up: pages /login, /logout, /reset; sessions; header tokens; CSRF."""
    for name, value in DEFAULTS.items():
        if app.config.get(name) is None:  # Flask itself sets some to None
            app.config[name] = value
    app.config.setdefault(
        "SECURITY_RETURN_GENERIC_RESPONSES", bool(app.config["FLEXMEASURES_HIDE_UNKNOWN_USERS"])
    )
    _csrf.init_app(app)
    datastore = FSQLALiteUserDatastore(db, User, Role)
    Security(app, datastore, register_blueprint=True)
    app.login_manager.request_loader(_user_of_request)  # type: ignore[attr-defined]
    flask_login.user_logged_in.connect(_note_login, app)
    app.before_request(_protect_sessions)
    app.before_request(_check_json_forms)


def new_token(user: User) -> str:
    """A fresh token for the user, valid for SECURITY_TOKEN_MAX_AGE seconds."""
    return str(user.get_auth_token())


def _user_of_request(req: Any) -> User | None:
    user = _user_of_token(req.headers.get(current_app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]))
    if user is not None:
        g.flexmeasures_authenticated_by = "token"
        return user
    for name, call in runtime().plugins.callers("authenticate"):
        try:
            found = call(request=req)
            if found is not None and not isinstance(found, User):
                raise WrongAnswer(f"hook authenticate answers {found!r:.80}. Accepted: a User or None.")
        except FAILURES as error:
            runtime().plugins.note_failure(name, "authenticate", error, "the request is nobody's")
            return None
        runtime().plugins.note_success(name, "authenticate")
        if found is not None:
            g.flexmeasures_authenticated_by = "plugin"
            return found
    return None


def _user_of_token(token: str | None) -> User | None:
    from flask_security.utils import parse_auth_token
    from itsdangerous import BadData

    if not token:
        return None
    try:
        content = parse_auth_token(token)
    except (BadData, ValueError, TypeError, KeyError, IndexError):
        return None
    found = db.session.scalars(_BY_UNIQUIFIER, {"uniquifier": str(content["uid"])})
    user = found.unique().one_or_none()
    return user if user is not None and user.active else None


def _protect_sessions() -> None:
    """A session's cookie is sent by browsers also with requests that other sites start: ask for the CSRF token."""
    if request.method in SAFE_METHODS or not current_app.config.get("WTF_CSRF_ENABLED", True):
        return
    if request.endpoint and request.endpoint.startswith("security."):
        return  # the forms of Flask-Security check their own token
    if current_user() is not None and getattr(g, "flexmeasures_authenticated_by", "session") == "session":
        _csrf.protect()


def _check_json_forms() -> None:
    """Flask-Security takes its forms as JSON, too, and stumbles over JSON that is no object."""
    if not (request.endpoint or "").startswith("security.") or not request.is_json:
        return
    form = request.get_json(silent=True)
    if form is not None and not isinstance(form, dict):
        abort(400, "The body is JSON, but not a JSON object with the fields of the form.")


def _note_login(app: Flask, user: User, **_: Any) -> None:
    with writing():
        user.last_login_at = datetime.now(UTC)
        user.login_count = (user.login_count or 0) + 1
