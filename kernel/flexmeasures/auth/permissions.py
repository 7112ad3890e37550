"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import flask_login
from flask import abort, current_app

from flexmeasures.models.users import User
from flexmeasures.runtime import FAILURES, runtime

View = TypeVar("View", bound=Callable[..., Any])


def current_user() -> User | None:
    """Who makes this request, None for a visitor."""
    user = flask_login.current_user
    return cast(User, user._get_current_object()) if user and user.is_authenticated else None


def login_required(view: View) -> View:
    """Let only logged-in users in; a browser is sent to the login page."""
    return cast(View, flask_login.login_required(view))


def roles_required(*names: str) -> Callable[[View], View]:
    """Let only users in who have one of the roles (or are admin); others get 403, visitors the login page."""

    def decorate(view: View) -> View:
        import functools

        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            user = current_user()
            if user is None:
                return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
            if not user.is_admin and not user.role_names & set(names):
                abort(403)
            return view(*args, **kwargs)

        return cast(View, guarded)

    return decorate


def may(user: User | None, action: str, thing: Any) -> bool:
    """Whether the user may "read", "update", "delete" or "create" the thing.

    Plugins are asked first (hook may); one that raises means no. Else: an admin may all, an owner may all
    with what is theirs, everybody who is logged in may read markets and weather.
    """
    if user is None:
        return False
    for name, call in runtime().plugins.callers("may"):
        try:
            answer = runtime().plugins.checked("may", call(user=user, action=action, thing=thing))
        except FAILURES as error:
            runtime().plugins.note_failure(name, "may", error, "the answer is no")
            return False
        runtime().plugins.note_success(name, "may")
        if answer is not None:
            return bool(answer)
    if user.is_admin:
        return True
    if isinstance(thing, User):
        return thing.id == user.id and action in ("read", "update")
    owner_id = getattr(thing, "owner_id", None)
    if owner_id is not None:
        return bool(owner_id == user.id)
    return action == "read" and getattr(thing, "kind", "") in ("market", "weather_sensor")
