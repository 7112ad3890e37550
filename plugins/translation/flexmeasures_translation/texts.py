"""Texts in the language of the request; in English outside of requests, and where no page plugin is active."""

from __future__ import annotations

import flask_babel
from babel.support import NullTranslations
from flask import current_app, has_request_context


def gettext(text: str, /, **values: object) -> str:
    """The text; with values, each %(name)s in it becomes the value of that name."""
    found = unfilled(text)
    return found % values if values else found


def ngettext(one: str, several: str, num: int, /, **values: object) -> str:
    """The first text for a num of 1, else the second; %(num)s in them is the number."""
    return unfilled_plural(one, several, num) % ({"num": num} | values)


def marked(text: str) -> str:
    """The text as it is: where it stands it is only known to be translated later, by `gettext` of what holds it."""
    return text


def unfilled(text: str) -> str:
    """The translation of a text, whose values are still to be filled in."""
    return str(_catalog().ugettext(text)) if text else ""  # of "" a catalog tells its own header


def unfilled_plural(one: str, several: str, num: int) -> str:
    """As `unfilled`, of the text for that number."""
    return str(_catalog().ungettext(one, several, num))


def _catalog() -> NullTranslations:
    if not has_request_context() or "babel" not in current_app.extensions:
        return NullTranslations()
    found: NullTranslations = flask_babel.get_translations()
    return found
