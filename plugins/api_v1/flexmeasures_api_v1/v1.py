"""Version 1.0: meter data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures_api.blueprint import Version
from flexmeasures_api.messages.times import AnchoredTiming
from flexmeasures_api.services import catalogue

if TYPE_CHECKING:
    from flask import Blueprint

    from flexmeasures_api.hookspecs import ApiVersion

__all__ = ["V1", "register_api_versions", "register_blueprints"]

V1 = Version(
    name="v1",
    number="1.0",
    successor="v2_0",
    timing=AnchoredTiming(),
    simplified_addresses=True,
    services=(catalogue.GET_OR_POST_FOR_METER_DATA, catalogue.POST_METER_DATA),
)


@hookimpl
def register_blueprints() -> list[Blueprint]:
    """Bring everything below /api/v1."""
    return [V1.blueprint()]


@hookimpl
def register_api_versions() -> list[ApiVersion]:
    """List v1 at GET /api/."""
    return [V1.listed()]
