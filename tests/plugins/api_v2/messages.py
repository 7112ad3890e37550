"""A message of meter data, as the tests of data post it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.plugins.conftest import World


START = "2015-01-01T00:00:00Z"


POWER = {"start": START, "duration": "PT1H30M", "unit": "MW"}


SIX = [306.66, 306.66, 0.0, 0.0, 306.66, 306.66]


OTHER = [306.66, 0.0, 0.0, 0.0, 306.66, 306.66]


def meter(world: World, *names: str, **keys: Any) -> dict[str, Any]:
    """Keys of a meter data message of six values a connection."""
    connections = [world.address(name) for name in names]
    return POWER | {"connections": connections, "values": SIX, "horizon": "PT0M"} | keys


def status(response: Any) -> str:
    return str(response.json["status"])
