"""Which sensors an owner's algorithms may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures.auth import may
from flexmeasures.models.sensors import Sensor

if TYPE_CHECKING:
    from flexmeasures.models.users import User


PUBLIC_KINDS = ("market", "weather_sensor")


def is_open(sensor: Sensor, owner: User | None) -> bool:
    """Whether an owner's algorithms may read a sensor: markets and weather anybody's, others by the owner's rights."""
    return sensor.kind in PUBLIC_KINDS or may(owner, "read", sensor)
