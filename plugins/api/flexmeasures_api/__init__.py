"""The API's common ground: its unversioned endpoints, JSON errors, and the message library that versions share.

A version is a plugin of its own, which states a `versions.Version` (services, timing rules, rules of
flexibility) and registers the blueprint made of it; see flexmeasures_api_v2 for an example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl

if TYPE_CHECKING:
    from flask import Blueprint

    from flexmeasures.settings import Setting

__all__ = ["register_blueprints", "register_settings", "render_api_error"]


@hookimpl
def register_settings() -> list[Setting]:
    """Bring FLEXMEASURES_MAX_VALUES."""
    from flexmeasures.settings import Setting

    text = "Most values that one request to the API may be about; more are answered with 413."
    return [Setting("FLEXMEASURES_MAX_VALUES", 400_000, int, text)]


@hookimpl
def register_blueprints() -> list[Blueprint]:
    """Bring /api/, /api/requestAuthToken and /api/ops/ping."""
    from flexmeasures_api.public import blueprint

    return [blueprint]


@hookimpl
def render_api_error(error: Any) -> Any:
    """Answer every error below /api in JSON."""
    from flexmeasures_api.errors import json_error

    return json_error(error)
