"""Which units each kind of data may come in. Nothing is converted but state of charge from kWh to MWh."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flexmeasures.models.sensors import PRICE_UNIT
from flexmeasures_api.messages.status_codes import Refused, shown

POWER = ("MW",)
PRICES = ("EUR/MWh", "KRW/kWh")
STATE_OF_CHARGE = ("kWh", "MWh")
WEATHER = {
    "temperature": ("°C", "0C"),
    "radiation": ("kW/m²", "kW/m2"),
    "wind_speed": ("m/s",),
}
WEATHER_UNITS = tuple(unit for units in WEATHER.values() for unit in units)


def required_unit(message: dict[str, Any], quantity: str, accepted: Sequence[str]) -> str:
    """The message's unit; Refused with INVALID_UNIT when it is missing or not accepted."""
    unit = message.get("unit")
    if isinstance(unit, str) and unit in accepted:
        return unit
    raise wrong_unit(unit, quantity, accepted)


def required_price_unit(message: dict[str, Any]) -> str:
    """The message's unit of prices, of any currency; Refused with INVALID_UNIT otherwise."""
    unit = message.get("unit")
    if isinstance(unit, str) and re.fullmatch(PRICE_UNIT, unit):
        return unit
    raise wrong_unit(unit, "prices", PRICES, " or another currency per MWh or kWh")


def wrong_unit(unit: object, quantity: str, accepted: Sequence[str], more: str = "") -> Refused:
    """The refusal that names the quantity and the accepted units. more: what else is accepted, in words."""
    what = "is missing" if unit is None else f"{shown(unit)} is not accepted"
    choices = " or ".join(f"'{name}'" for name in accepted)
    return Refused(
        "INVALID_UNIT", f"unit {what} for {quantity.replace('_', ' ')}. Accepted: {choices}{more}."
    )


def to_mwh(energy: float, unit: str) -> float:
    """Energy in MWh, of kWh or MWh."""
    return energy / 1000 if unit == "kWh" else energy
