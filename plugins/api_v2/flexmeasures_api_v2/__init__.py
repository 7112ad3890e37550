"""Version 2.0 of the API: data by belief time, flexibility by jobs, assets, users and charts.

What is particular to the version stands in `version.py`; the endpoints of resources in files of their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures import hookimpl

if TYPE_CHECKING:
    from flask import Blueprint

    from flexmeasures_api.hookspecs import ApiVersion

__all__ = ["register_api_versions", "register_blueprints"]


@hookimpl
def register_blueprints() -> list[Blueprint]:
    """Bring everything below /api/v2_0."""
    from flexmeasures_api_v2 import accuracy, assets, charts, schedules, sites, users
    from flexmeasures_api_v2.version import V2_0

    resources = (assets, users, charts, schedules, sites, accuracy)
    return [V2_0.blueprint(), *(each.blueprint for each in resources)]


@hookimpl
def register_api_versions() -> list[ApiVersion]:
    """List v2_0 at GET /api/."""
    from flexmeasures_api_v2.version import V2_0

    return [V2_0.listed()]
