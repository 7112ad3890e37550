"""Version 1.1: prognoses, prices, weather, and the list of connections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures_api.services.catalogue import DATA
from flexmeasures_api_v1.v1 import V1

if TYPE_CHECKING:
    from flask import Blueprint

    from flexmeasures_api.hookspecs import ApiVersion

__all__ = ["V1_1", "register_api_versions", "register_blueprints"]

V1_1 = replace(
    V1,
    name="v1_1",
    number="1.1",
    simplified_addresses=False,
    forecasts_from_prognoses=True,
    services=DATA,
)


@hookimpl
def register_blueprints() -> list[Blueprint]:
    """Bring everything below /api/v1_1."""
    return [V1_1.blueprint()]


@hookimpl
def register_api_versions() -> list[ApiVersion]:
    """List v1_1 at GET /api/."""
    return [V1_1.listed()]
