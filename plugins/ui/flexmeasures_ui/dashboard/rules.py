"""Rules of an asset, by which the dashboard tells that a value is too high or too low: its field `alert_rules`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marshmallow import ValidationError, fields, validate

from flexmeasures.models import Asset
from flexmeasures_charts.formatting import number, power_unit, short
from flexmeasures_master_data.asset_fields import AssetField
from flexmeasures_translation import gettext, marked

FIELD = "alert_rules"


@dataclass(frozen=True)
class Rule:
    """A limit that somebody wants to be told of. of_power: of the newest power, else of the state of charge."""

    title: str
    help: str
    of_power: bool
    above: bool

    @property
    def unit(self) -> str:
        """In which it is kept."""
        return "MW" if self.of_power else "MWh"


CONSUMPTION_IS_POSITIVE = marked("Consumption is positive, production negative.")
RULES = {
    "power_above_in_mw": Rule(marked("Power above, MW"), CONSUMPTION_IS_POSITIVE, of_power=True, above=True),
    "power_below_in_mw": Rule(marked("Power below, MW"), CONSUMPTION_IS_POSITIVE, of_power=True, above=False),
    "soc_above_in_mwh": Rule(marked("State of charge above, MWh"), "", of_power=False, above=True),
    "soc_below_in_mwh": Rule(marked("State of charge below, MWh"), "", of_power=False, above=False),
}
PAIRS = (("power_below_in_mw", "power_above_in_mw"), ("soc_below_in_mwh", "soc_above_in_mwh"))


def rules_of(asset: Asset) -> dict[str, float]:
    """The limits of an asset, by the key of their rule, MW or MWh."""
    return dict((asset.attributes or {}).get(FIELD) or {})


def broken_rules(asset: Asset, power: float | None) -> list[str]:
    """What is beyond its limits now, in words. power: the newest, MW, consumption positive; None where unknown."""
    told = []
    unit, per_mw = power_unit(asset.capacity_in_mw or 1.0)
    for key, limit in rules_of(asset).items():
        rule = RULES[key]
        value = power if rule.of_power else asset.soc_in_mwh
        if value is None or not (value > limit if rule.above else value < limit):
            continue
        per, its_unit = (per_mw, unit) if rule.of_power else (1.0, "MWh")
        words = {"value": f"{number(value * per)} {its_unit}", "limit": f"{short(limit * per)} {its_unit}"}
        told.append(gettext(_sentence(rule), **words))
    return told


def _sentence(rule: Rule) -> str:
    if rule.of_power:
        if rule.above:
            return marked("Power is %(value)s, above the limit of %(limit)s.")
        return marked("Power is %(value)s, below the limit of %(limit)s.")
    if rule.above:
        return marked("The state of charge is %(value)s, above the limit of %(limit)s.")
    return marked("The state of charge is %(value)s, below the limit of %(limit)s.")


def rules_field() -> AssetField:
    """The field of assets."""
    return AssetField(
        name=FIELD,
        field=fields.Dict(
            keys=fields.String(validate=validate.OneOf(RULES)),
            values=fields.Float(allow_nan=False),
            allow_none=True,
            metadata={
                "description": "Limits that the dashboard tells of when the newest value is beyond them."
            },
        ),
        check=_check,
    )


def _check(asset: Asset, rules: Mapping[str, float] | None) -> Mapping[str, float] | None:
    for low, high in PAIRS:
        if rules and low in rules and high in rules and rules[low] >= rules[high]:
            raise ValidationError({high: [f"Must be above {low} ({rules[low]:g})."]})
    return rules
