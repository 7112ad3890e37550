"""Which languages there are, and which one a request is answered in.

In templates, `_` and `ngettext` are for texts that stand there, the filter `translated` for those in variables.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import flask_babel
from babel import Locale, UnknownLocaleError
from babel.support import Translations
from flask import current_app, g, has_request_context, request

from flexmeasures.runtime import runtime
from flexmeasures_translation.texts import unfilled, unfilled_plural

if TYPE_CHECKING:
    from flask import Flask

COOKIE = "language"
ENGLISH = "en"
EXTENSION = "flexmeasures-languages"  # of the app: what languages() tells
# With the country by which Flask-Security calls its own catalogs.
LOCALES = {"de": "de_DE", "nl": "nl_NL"}
FOLDER = "translations"
OURS = Path(__file__).parent / FOLDER


def install(app: Flask) -> None:
    """Let the app's templates and forms be translated; once an app, whoever asks first."""
    if "babel" in app.extensions:
        return
    folders = _folders(app)
    flask_babel.Babel(
        app, default_translation_directories=";".join(map(str, folders)), locale_selector=_locale
    )
    app.jinja_env.install_gettext_callables(unfilled, unfilled_plural, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.filters["translated"] = lambda text: unfilled(str(text))
    codes = sorted({path.parent.parent.name for folder in folders for path in folder.glob("*/*/*.mo")})
    names = {code: name for code in codes if code != ENGLISH and (name := _own_name(code))}
    app.extensions[EXTENSION] = {ENGLISH: "English", **names}


def languages() -> dict[str, str]:
    """The languages of which there are texts, by code, each by its own name; English first."""
    found: dict[str, str] = current_app.extensions.get(EXTENSION, {ENGLISH: "English"})
    return found


def language() -> str:
    """The code of the language of this request: the one that was chosen, else the browser's; English elsewhere.

    What programs are answered (all below /api/) is English.
    """
    if not has_request_context():
        return ENGLISH
    if "language" not in g:
        g.language = _asked() if not request.path.startswith("/api/") else ENGLISH
    code: str = g.language
    return code


def _asked() -> str:
    offered = languages()
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in offered else request.accept_languages.best_match(offered, ENGLISH) or ENGLISH


def _locale() -> str:
    code = language()
    return LOCALES.get(code, code)


def _own_name(code: str) -> str | None:
    """What a language calls itself; None for a folder that is called otherwise."""
    try:
        return (Locale.parse(code).get_display_name() or code).capitalize()
    except (UnknownLocaleError, ValueError):
        return None


def _folders(app: Flask) -> list[Path]:
    """The catalogs of this package, then those of the active plugins."""
    with app.app_context():
        modules = [plugin.module for plugin in runtime().plugins.active]
    files = [Path(file) for module in modules if (file := getattr(module, "__file__", None))]
    found = dict.fromkeys(file.parent / FOLDER for file in files)
    return [OURS, *(each for each in found if each.is_dir() and each != OURS and _can_be_read(each, app))]


def _can_be_read(folder: Path, app: Flask) -> bool:
    """Whether all catalogs of a folder are some; a broken one would break every page in its language."""
    for path in folder.glob("*/*/*.mo"):
        try:
            with path.open("rb") as file:
                Translations(file)
        except (OSError, ValueError, LookupError, struct.error) as error:
            app.logger.warning(
                "The texts in %s are left out: %s cannot be read (%r).", folder, path.name, error
            )
            return False
    return True
