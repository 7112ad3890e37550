"""What the endpoints of resources (assets, users, charts) share: who asks, the body, the id in the path."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, request
from marshmallow import ValidationError
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import NotFound

from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.models import Asset, Site, User
from flexmeasures_api.blueprint import refused
from flexmeasures_api.messages.access import check_size, require_may, require_user
from flexmeasures_api.messages.addresses import LARGEST_ID
from flexmeasures_api.messages.parsing import read_json
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import Refused, shown

Thing = TypeVar("Thing", Asset, Site, User)
Result = TypeVar("Result")


def answers_user(view: Callable[..., Response]) -> Callable[..., Response]:
    """Ask for a user (401), give it to the view, and word what the view refuses."""

    @wraps(view)
    def guarded(**arguments: Any) -> Response:
        try:
            check_size(request)
            return view(require_user(), **arguments)
        except Refused as refusal:
            return refused(refusal)
        except InputError as error:
            return answer({"message": str(error), "status": 400}, 400)
        except IntegrityError:
            detail = "name and display_name of assets, email and username of users have to be unique"
            return answer({"message": "The database refuses this.", "detail": detail, "status": 400}, 400)

    return guarded


def thing_of(kind: type[Thing], user: User, text: str, action: str) -> Thing:
    """The asset or user of that id: 400 for what is no id, 404 for an unknown one, 403 for somebody else's."""
    word = kind.__name__.lower()
    if not (text.isascii() and text.isdigit()):
        message = f"The {word} id {shown(text)} is not understood. Accepted: a whole number."
        raise Refused("REQUIRED_INFO_MISSING", message)
    found = db.session.get(kind, int(text)) if len(text) < 11 and int(text) <= LARGEST_ID else None
    if found is None:
        raise NotFound(f"{kind.__name__} {shown(text)} not found.")
    require_may(user, action, found, f"{word} {found.id}")
    return found


def body() -> dict[str, Any]:
    """The JSON object of the request."""
    data = read_json(request.get_data(cache=False))
    if not isinstance(data, dict):
        raise unprocessable("json", ValidationError({"_schema": ["Invalid input type."]}))
    return data


def validated(change: Callable[[], Result]) -> Result:
    """What `change` gives; its ValidationError is refused with all fields."""
    try:
        return change()
    except ValidationError as error:
        raise unprocessable("json", error) from None


def unprocessable(location: str, error: ValidationError) -> Refused:
    """The 422 answer, by location and field."""
    messages = error.normalized_messages()  # type: ignore[no-untyped-call]
    return Refused("UNPROCESSABLE_ENTITY", {location: messages})
