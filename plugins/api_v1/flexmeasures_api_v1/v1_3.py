"""Version 1.3: targets, charging stations, and plans that are made by jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures_api.blueprint import FlexibilityRules
from flexmeasures_api.openapi.messages import SOC, SOC_WITH_TARGETS
from flexmeasures_api.services.flexibility import STORAGE_TYPES
from flexmeasures_api_v1.v1_2 import V1_2

if TYPE_CHECKING:
    from flask import Blueprint

    from flexmeasures_api.hookspecs import ApiVersion

__all__ = ["V1_3", "register_api_versions", "register_blueprints"]

V1_3 = replace(
    V1_2,
    name="v1_3",
    number="1.3",
    flexibility=FlexibilityRules(event_types=(SOC, SOC_WITH_TARGETS), asset_types=STORAGE_TYPES),
)


@hookimpl
def register_blueprints() -> list[Blueprint]:
    """Bring everything below /api/v1_3."""
    return [V1_3.blueprint()]


@hookimpl
def register_api_versions() -> list[ApiVersion]:
    """List v1_3 at GET /api/."""
    return [V1_3.listed()]
