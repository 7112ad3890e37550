"""Fields that other packages add to assets, such as what an asset asks of its schedules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields

from flexmeasures.db import db
from flexmeasures.runtime import runtime

if TYPE_CHECKING:
    from flexmeasures.models import Asset


@dataclass(frozen=True, kw_only=True)
class AssetField:
    """A field of assets whose value is stored among their attributes.

    name: of the field and of the attribute; field: how it is read; check: what is stored for a value, given the
    asset as it is to be; it raises marshmallow.ValidationError. checked_with: other fields whose change has the
    value checked again.
    """

    name: str
    field: fields.Field[Any]
    check: Callable[[Asset, Any], Any] | None = None
    checked_with: frozenset[str] = frozenset()


def asset_fields() -> list[AssetField]:
    """Those of all plugins."""
    return [field for brought in runtime().ask("register_asset_fields") for field in brought]


def check_fields(asset: Asset, changed: set[str]) -> None:
    """Check and store the fields that a change of an asset concerns; marshmallow.ValidationError for a bad one."""
    attributes = dict(asset.attributes or {})
    with db.session.no_autoflush:
        for field in asset_fields():
            if field.check is None or not {field.name, *field.checked_with} & changed:
                continue
            try:
                value = field.check(asset, attributes.get(field.name))
            except ValidationError as error:
                raise ValidationError({field.name: error.messages}) from None
            if field.name in attributes:
                attributes[field.name] = value
    if attributes != (asset.attributes or {}):
        asset.attributes = attributes
