"""Hooks about assets."""

from __future__ import annotations

from flexmeasures.markers import hookspec
from flexmeasures_master_data.asset_fields import AssetField


@hookspec
def register_asset_fields() -> list[AssetField]:  # type: ignore[empty-body]
    """Called once in create(): fields that the package adds to assets, stored among their attributes."""
