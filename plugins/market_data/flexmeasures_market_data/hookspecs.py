"""Hooks about prices."""

from __future__ import annotations

from flexmeasures.markers import hookspec
from flexmeasures_market_data.base import PriceProvider


@hookspec
def register_price_providers() -> list[type[PriceProvider]]:  # type: ignore[empty-body]
    """Called once in create(): classes of services that know prices."""
