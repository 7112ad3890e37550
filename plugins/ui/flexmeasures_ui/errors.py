"""Error pages: what failed, in the site's layout, with the way back."""

from __future__ import annotations

from typing import Any

from flask import jsonify, make_response, render_template, request

from flexmeasures_translation import gettext, marked

# The same for what is not there and for what is somebody else's, so that nobody learns which it is.
TEXTS = {
    401: (marked("Please log in"), marked("This page is for people who have logged in.")),
    403: (marked("Not allowed"), marked("Your account may not do this. Ask an administrator if it should.")),
    404: (marked("Not found"), marked("There is nothing here, or it is not yours to see.")),
    405: (marked("Not possible here"), marked("This page cannot be used in that way.")),
    413: (marked("Too large"), marked("What was sent is larger than this platform accepts.")),
    500: (marked("Something failed"), marked("The failure was logged. Nothing was changed by this request.")),
    503: (
        marked("Not available just now"),
        marked("The platform cannot answer at the moment. Please try again shortly."),
    ),
}

# Errors whose own words are meant for people.
OWN_WORDS = {400: marked("Not understood"), 429: marked("Too many attempts")}


def error_page(error: Any) -> Any:
    """A page for a werkzeug HTTPException, JSON for a JSON request; None for what is no error (redirects)."""
    if error.code is None or error.code < 400 or error.response is not None:
        return None
    title, text = TEXTS.get(error.code, (error.name, error.description or ""))
    if error.code in OWN_WORDS and error.description:
        title, text = OWN_WORDS[error.code], error.description
    if request.is_json:
        response = make_response(jsonify(message=text, status=error.code), error.code)
    else:
        page = render_template(
            "ui/error.html", title=gettext(title), text=gettext(text), code=error.code, here=lambda: "/"
        )
        response = make_response(page, error.code)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            response.headers[name] = value
    return response
