"""Who may use an endpoint: body limit, then authentication (401), then role (403); nothing is parsed before."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from flask import Request, current_app
from werkzeug.exceptions import RequestEntityTooLarge

from flexmeasures_api.messages.status_codes import Refused

if TYPE_CHECKING:
    from flexmeasures.models import User

ADMIN = "admin"
ANONYMOUS = "anonymous"  # the visitor of a demo: refused wherever something could be read or changed


def check_size(request: Request) -> None:
    """Raise RequestEntityTooLarge (413) for a body above MAX_CONTENT_LENGTH, before anything is read of it."""
    most = current_app.config.get("MAX_CONTENT_LENGTH")
    if most is not None and (request.content_length or 0) > most:
        raise RequestEntityTooLarge(f"The body has {request.content_length} bytes. Accepted: at most {most}.")


def require_user() -> User:
    """The user of the request; Refused with UNAUTHORIZED when there is none."""
    from flexmeasures.auth import current_user

    user = current_user()
    if user is None:
        raise Refused("UNAUTHORIZED")
    return user


def check_role(user: User, accepted: Collection[str]) -> None:
    """Refused with INVALID_SENDER unless the user is admin or has an accepted role; anonymous never passes."""
    roles = user.role_names
    if ANONYMOUS not in roles and (ADMIN in roles or roles & set(accepted)):
        return
    yours = ", ".join(sorted(roles)) or "none"
    services_of = ", ".join([*accepted, *(() if ADMIN in accepted else (ADMIN,))])
    raise Refused("INVALID_SENDER", f"Your roles ({yours}) may not use this. Accepted: {services_of}.")


def require_may(user: User, action: str, thing: object, what: str) -> None:
    """Refused with INVALID_SENDER unless the user may do `action` with the thing (owner and admin may)."""
    from flexmeasures.auth import may

    if not may(user, action, thing):
        raise Refused("INVALID_SENDER", f"You may not {action} {what}.")
