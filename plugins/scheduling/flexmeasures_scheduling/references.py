"""Sensors that flexibility names: whether they are there, of the right kind, and open to the owner.

What is unknown and what belongs to somebody else is refused in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields

from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.models import Asset, User
from flexmeasures.models.sensors import Market, Sensor
from flexmeasures_master_data import AssetField
from flexmeasures_scheduling.flexibility import ATTRIBUTE, MARKET_KEYS, SENSOR_KEYS, read_flexibility

if TYPE_CHECKING:
    from flexmeasures.models.users import User
from flexmeasures_algorithms.access import is_open


def check_flexibility(wishes: Mapping[str, Any], owner: User | None, market: Market | None) -> None:
    """InputError naming the wish (keys of flexibility) that names a sensor which the owner cannot use.

    market: whose unit other markets have to share, None for any.
    """
    for key in SENSOR_KEYS:
        if (wanted := wishes.get(key)) is None:
            continue
        found = db.session.get(Market if key in MARKET_KEYS else Sensor, wanted)
        if found is None or not is_open(found, owner):
            what = "market" if key in MARKET_KEYS else "sensor"
            text = f"{key} {wanted} is no {what} that can be used here."
            raise InputError(text, key, f"the id of a {what} that the owner may read")
        if key in MARKET_KEYS and market is not None and found.unit != market.unit:
            text = f"{key} {wanted} is a market in {found.unit}."
            raise InputError(text, key, f"a market in {market.unit}, as that of the asset")


class Wishes(fields.Dict):
    """What an asset asks of its schedules: the keys of `flexibility`, each named when it is not accepted."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        stated = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        try:
            read_flexibility(stated)
        except InputError as error:
            raise ValidationError({str(error.field): [str(error)]}) from None
        return {key: found for key, found in stated.items() if found is not None}


def flexibility_field() -> AssetField:
    """The field `flexibility` of assets."""
    return AssetField(
        name=ATTRIBUTE,
        field=Wishes(
            load_only=True, keys=fields.String(), metadata={"description": "What it asks of schedules."}
        ),
        check=_check,
        checked_with=frozenset({"owner_id", "owner", "market_id", "market"}),
    )


def _check(asset: Asset, wishes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    owner = db.session.get(User, asset.owner_id) if asset.owner_id is not None else None
    market = db.session.get(Market, asset.market_id) if asset.market_id is not None else None
    try:
        check_flexibility(wishes or {}, owner, market)
    except InputError as error:
        raise ValidationError({str(error.field): [str(error)]}) from None
    return wishes
