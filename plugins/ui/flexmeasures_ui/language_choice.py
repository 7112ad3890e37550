"""/language/<code>: pages in that language from now on, kept in a cookie, and back to the page that was shown."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import abort, current_app, redirect, request
from werkzeug import Response

from flexmeasures_translation import COOKIE, languages

YEAR_IN_SECONDS = 365 * 86400


def choose(code: str) -> Response:
    """Keep the choice and go to `next`, a path on this server; 404 for a language that there is not."""
    if code not in languages():
        abort(404)
    response = redirect(_local(request.args.get("next", "")))
    response.set_cookie(
        COOKIE,
        code,
        max_age=YEAR_IN_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
    )
    return response


def here() -> str:
    """The path to come back to after a choice: this page, or the first one after a form."""
    return request.full_path.rstrip("?") if request.method == "GET" else "/"


def _local(path: str) -> str:
    """The path if it is one of this server, else the first page."""
    parts = urlsplit(path)
    foreign = parts.scheme or parts.netloc or "\\" in path or path.startswith("//")
    return path if path.startswith("/") and not foreign else "/"
