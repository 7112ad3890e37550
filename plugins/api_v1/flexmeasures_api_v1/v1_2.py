"""Version 1.2: the state of batteries, and plans that are made when they are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures_api.blueprint import FlexibilityRules
from flexmeasures_api.openapi.messages import SOC
from flexmeasures_api.services.catalogue import FLEXIBILITY
from flexmeasures_api_v1.v1_1 import V1_1

if TYPE_CHECKING:
    from flask import Blueprint

    from flexmeasures_api.hookspecs import ApiVersion

__all__ = ["V1_2", "register_api_versions", "register_blueprints"]

V1_2 = replace(
    V1_1,
    name="v1_2",
    number="1.2",
    services=(*V1_1.services, *FLEXIBILITY),
    flexibility=FlexibilityRules(event_types=(SOC,), asset_types=("battery",), by_job=False, later_only=True),
)


@hookimpl
def register_blueprints() -> list[Blueprint]:
    """Bring everything below /api/v1_2."""
    return [V1_2.blueprint()]


@hookimpl
def register_api_versions() -> list[ApiVersion]:
    """List v1_2 at GET /api/."""
    return [V1_2.listed()]
