"""The API's common ground: its unversioned endpoints, JSON errors, and the message library that versions share.

A version is a plugin of its own, which states a `versions.Version` (services, timing rules, rules of
flexibility) and registers the blueprint made of it; see flexmeasures_api_v2 for an example.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl

if TYPE_CHECKING:
    from flask import Blueprint, Flask

    from flexmeasures.config import Setting

__all__ = ["register_blueprints", "register_hookspecs", "register_settings", "render_api_error"]


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Who brings versions of the API."""
    from flexmeasures_api import hookspecs

    return [hookspecs]


@hookimpl
def register_settings() -> list[Setting]:
    """Bring FLEXMEASURES_MAX_VALUES and FLEXMEASURES_DEPRECATED_API_VERSIONS."""
    from flexmeasures.config import Setting
    from flexmeasures_api.deprecation import DEFAULT
    from flexmeasures_api.settings import SETTINGS

    text = "Most values that one request to the API may be about; more are answered with 413."
    since = (
        "Since when (ISO date) which versions of the API are deprecated: their answers say so by the headers"
        " Deprecation and Link. An empty dictionary for none."
    )
    return [
        *SETTINGS,
        Setting("FLEXMEASURES_MAX_VALUES", 400_000, int, text),
        Setting("FLEXMEASURES_DEPRECATED_API_VERSIONS", DEFAULT, dict, since),
    ]


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """Bring /api/, /api/requestAuthToken, /api/ops and /api/dev, and in play mode restoreData."""
    from flexmeasures_api import dev, ops, tokens

    brought = [tokens.blueprint, ops.blueprint, dev.blueprint]
    if app.config.get("FLEXMEASURES_MODE") == "play":
        from flexmeasures_api import restore

        brought.append(restore.blueprint)
    return brought


@hookimpl
def render_api_error(error: Any) -> Any:
    """Answer every error below /api in JSON."""
    from flexmeasures_api.errors import json_error

    return json_error(error)
