"""Errors below /api that no endpoint answered itself: always JSON, never a traceback or a page."""

from __future__ import annotations

from typing import Any

from flask import Response
from werkzeug.exceptions import HTTPException

from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import Refused

RETRY_AFTER_SECONDS = "5"
_STATUS_OF = {401: "UNAUTHORIZED", 403: "INVALID_SENDER", 405: "INVALID_METHOD"}


def json_error(error: HTTPException) -> Response:
    """The JSON answer for an HTTP error; headers such as Allow and Retry-After stay."""
    response = answer(_body(error), error.code or 500)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    if error.code == 401:
        response.headers.setdefault("WWW-Authenticate", challenge())
    if error.code == 503:
        response.headers.setdefault("Retry-After", RETRY_AFTER_SECONDS)
    return response


def challenge() -> str:
    """The WWW-Authenticate header: which scheme a token has to be sent by (a header with the bare token)."""
    return 'Token realm="FlexMeasures"'


def _body(error: HTTPException) -> dict[str, Any]:
    status = _STATUS_OF.get(error.code or 500)
    if status == "INVALID_METHOD":
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        text = f"The HTTP method is not allowed here. Accepted: {allowed}." if allowed else None
        return Refused(status, text).body()
    if status is not None:
        return Refused(status).body()
    # Where tokens are given, what is wrong stands under errors.
    told = {"errors": [error.description]} if error.code == 429 else {}
    return told | {"message": error.description or error.name, "status": error.code}
