"""Sensors that somebody's wishes name: whether they are there, of the right kind, and open to the owner.

What is unknown and what belongs to somebody else is refused in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flexmeasures.auth import may
from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.flexibility import MARKET_KEYS, SENSOR_KEYS
from flexmeasures.models.sensors import Market, Sensor

if TYPE_CHECKING:
    from flexmeasures.models.users import User

PUBLIC_KINDS = ("market", "weather_sensor")


def is_open(sensor: Sensor, owner: User | None) -> bool:
    """Whether an owner's algorithms may read a sensor: markets and weather anybody's, others by the owner's rights."""
    return sensor.kind in PUBLIC_KINDS or may(owner, "read", sensor)


def check_wishes(wishes: Mapping[str, Any], owner: User | None, market: Market | None) -> None:
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
