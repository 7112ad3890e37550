"""Entity addresses in requests: the kernel reads them, a wrong one refuses the request with INVALID_DOMAIN."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from flexmeasures.errors import InputError
from flexmeasures.utils import entity_address_utils
from flexmeasures.utils.entity_address_utils import (
    LARGEST_ID,
    EventAddress,
    WeatherAddress,
    build_connection,
)
from flexmeasures_api.messages.status_codes import Refused

__all__ = [
    "LARGEST_ID",
    "EventAddress",
    "WeatherAddress",
    "build_connection",
    "connection",
    "event",
    "market",
    "simplified_connection",
    "weather_sensor",
]

Entity = TypeVar("Entity")


def _refusing(read: Callable[[object], Entity]) -> Callable[[object], Entity]:
    def read_or_refuse(address: object) -> Entity:
        try:
            return read(address)
        except InputError as error:
            raise Refused("INVALID_DOMAIN", str(error)) from None

    return read_or_refuse


connection = _refusing(entity_address_utils.connection)
event = _refusing(entity_address_utils.event)
market = _refusing(entity_address_utils.market)
weather_sensor = _refusing(entity_address_utils.weather_sensor)


def simplified_connection(address: object) -> int:
    """Asset id of a connection that may also be written as "<owner>:<asset>" or "<asset>", as v1.0 allows."""
    if isinstance(address, str) and re.fullmatch(r"(\d+:)?\d+", address, re.ASCII):
        return int(address.rpartition(":")[2][:20])
    return connection(address)
