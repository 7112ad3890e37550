"""What can be asked of a schedule beyond the documentation: by an asset's attributes and by keys of an event.

An asset states it under `flexibility` in its attributes, an event (version 2.0 of the API) beside its other
keys; the event wins. Every one is optional, and old clients never send any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from math import inf, isfinite
from typing import Any

from flexmeasures.errors import InputError, shown

ATTRIBUTE = "flexibility"


def _sensor(meaning: str) -> Any:
    """A field that takes the id of a sensor."""
    bounds = {"least": 1, "most": 2**31 - 1, "above": -inf}
    return field(default=None, metadata={"help": meaning, "bounds": bounds, "whole": True})


def _switch(default: bool, meaning: str) -> Any:
    return field(default=default, metadata={"help": meaning})


def _number(
    default: float | None, meaning: str, least: float = -inf, most: float = inf, above: float = -inf
) -> Any:
    """A field that takes numbers from `least` (or above `above`) up to `most`."""
    bounds = {"least": least, "most": most, "above": above}
    return field(default=default, metadata={"help": meaning, "bounds": bounds})


@dataclass(frozen=True, kw_only=True)
class Flexibility:
    """What is asked of one schedule; `MEANINGS` says what each means."""

    relax: bool = _switch(
        False, "Where limits and targets conflict, plan as near to the targets as can be, instead of failing."
    )
    prefer_charging_sooner: bool = _switch(
        True,
        "Of plans that cost the same and move as little, the one that charges sooner and discharges later.",
    )
    charge_efficiency: float | None = _number(
        None,
        "MWh stored for each MWh consumed (1 unless stated; above 1 as the coefficient of performance of a heat pump).",
        above=0,
        most=10,
    )
    discharge_efficiency: float | None = _number(
        None, "MWh produced for each MWh taken from the store (1 unless stated).", above=0, most=1
    )
    roundtrip_efficiency: float | None = _number(
        None, "Both efficiencies in one: each is its square root, where it is not stated.", above=0, most=1
    )
    charge_limit_in_mw: float | None = _number(
        None, "The largest power of consumption, where it is below capacity_in_mw.", least=0
    )
    discharge_limit_in_mw: float | None = _number(
        None, "The largest power of production, where it is below capacity_in_mw.", least=0
    )
    cost_per_mwh_cycled: float = _number(
        0.0,
        "Money for each MWh that goes through the device, half on the way in, half on the way out.",
        least=0,
    )
    end_value_per_mwh: float = _number(0.0, "Money that each MWh left at the end is worth.")
    production_price_per_mwh: float | None = _number(
        None, "Money that each MWh produced earns, where it is not the price of the market."
    )
    production_market_id: int | None = _sensor(
        "The market whose prices production earns, where it is not the asset's."
    )
    co2_market_id: int | None = _sensor(
        "The market whose prices (of the CO2 of an MWh) are added to those of the asset's market."
    )
    co2_weight: float = _number(1.0, "By what the prices of CO2 are multiplied.", least=0)
    peak_price_per_mw: float = _number(
        0.0, "Money for each MW by which the highest consumption is above peak_so_far_in_mw.", least=0
    )
    peak_so_far_in_mw: float = _number(0.0, "The highest consumption that is paid for already.", least=0)
    loss_per_hour: float = _number(
        0.0, "Share of the stored energy that is lost in an hour, as of a buffer of heat.", least=0, most=0.99
    )
    demand_in_mw: float = _number(
        0.0, "What is taken out of the store all the time, as heat from a buffer; negative for what comes in."
    )
    demand_sensor_id: int | None = _sensor(
        "The sensor whose MW leave the store by themselves, as forecast: the heat that a building takes from a buffer."
    )

    @property
    def asked(self) -> dict[str, Any]:
        """Only what is not at its default."""
        return {row.name: value for row in fields(self) if (value := getattr(self, row.name)) != row.default}


KEYS = tuple(row.name for row in fields(Flexibility))
# Keys that name another sensor, and those of them that name a market.
MARKET_KEYS = ("production_market_id", "co2_market_id")
SENSOR_KEYS = (*MARKET_KEYS, "demand_sensor_id")
# What a site can ask: of its net power, which no asset of it has alone.
SITE_KEYS = (
    "relax",
    "production_price_per_mwh",
    "production_market_id",
    "peak_price_per_mw",
    "peak_so_far_in_mw",
)
MEANINGS = {row.name: str(row.metadata["help"]) for row in fields(Flexibility)}


def described() -> dict[str, dict[str, Any]]:
    """The keys as JSON schemas."""
    return {
        row.name: {
            "type": "number" if "bounds" in row.metadata else "boolean",
            "description": row.metadata["help"],
        }
        for row in fields(Flexibility)
    }


def read_flexibility(*layers: Mapping[str, Any], accepted: Sequence[str] = KEYS) -> Flexibility:
    """What several layers state, the last wins; InputError naming the field for what is not accepted.

    accepted: which keys may be stated.
    """
    stated: dict[str, Any] = {}
    for layer in layers:
        stated |= {key: value for key, value in layer.items() if value is not None}
    unknown = sorted(stated.keys() - set(accepted))
    if unknown:
        raise InputError(f"{shown(unknown[0])} is not known.", unknown[0], f"any of {', '.join(accepted)}")
    return Flexibility(
        **{row.name: _read(row, stated[row.name]) for row in fields(Flexibility) if row.name in stated}
    )


def _read(row: Field[Any], value: Any) -> Any:
    if "bounds" not in row.metadata:
        if not isinstance(value, bool):
            raise InputError(f"{row.name} is {shown(value)}.", row.name, "true or false")
        return value
    least, most, above = (row.metadata["bounds"][name] for name in ("least", "most", "above"))
    number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else inf
    whole = "whole" in row.metadata
    if isfinite(number) and least <= number <= most and number > above and not (whole and number % 1):
        return int(number) if whole else number
    if whole:
        raise InputError(f"{row.name} is {shown(value)}.", row.name, "the id of a sensor")
    bounds = [f"at least {least:g}"] * isfinite(least) + [f"above {above:g}"] * isfinite(above)
    bounds += [f"at most {most:g}"] * isfinite(most)
    accepted = f"a number {' and '.join(bounds)}".strip()
    raise InputError(f"{row.name} is {shown(value)}.", row.name, accepted)
