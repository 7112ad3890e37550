"""The units in which files may come, and what makes the sensor's own unit of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats
    from flexmeasures_ingestion.spans import Slots

# Power in MW, whatever unit an asset shows.
POWER = {"W": Fraction(1, 10**6), "kW": Fraction(1, 1000), "MW": Fraction(1), "GW": Fraction(1000)}
# Energy of one slot in MWh; divided by the slot's length it is the slot's mean power.
ENERGY = {f"{unit}h": factor for unit, factor in POWER.items()}
# Prices per energy, by what follows the currency.
PER_ENERGY = {"/MWh": Fraction(1), "/kWh": Fraction(1000), "/Wh": Fraction(10**6)}
# Weather: groups of units of one quantity, each with its factor to the group's first.
WEATHER = (
    {"kW/m²": Fraction(1), "kW/m2": Fraction(1), "W/m²": Fraction(1, 1000), "W/m2": Fraction(1, 1000)},
    {"°C": Fraction(1), "0C": Fraction(1)},
    {"m/s": Fraction(1), "km/h": Fraction(10, 36)},
)


@dataclass(frozen=True)
class Conversion:
    """factor: from the file's unit to the sensor's; energies are to be divided by the slot's hours."""

    factor: Fraction
    energy: bool = False

    def apply(self, slots: Slots) -> None:
        """Convert the values, in place: means over the slots, or energies of them, to the sensor's unit."""
        import numpy as np

        from flexmeasures_ingestion.spans import runs_of

        if not self.energy:
            self._scale(slots.values, self.factor)
            return
        for length in np.unique(slots.lengths[runs_of(slots.lengths)[0]]):
            same = slots.lengths == length
            part = slots.values[same]
            self._scale(part, self.factor / Fraction(int(length), 3_600_000))
            slots.values[same] = part

    @staticmethod
    def _scale(values: Floats, factor: Fraction) -> None:
        # Multiplied and divided apart, so that 1500 kW is exactly 1.5 MW.
        values *= float(factor.numerator)
        values /= float(factor.denominator)


def conversion(sensor: Any, unit: str) -> Conversion:
    """How values in `unit` become values of that sensor; InputError names the accepted units."""
    from flexmeasures.errors import InputError

    accepted = accepted_units(sensor)
    try:
        return accepted[unit]
    except KeyError:
        what = {"asset": "power or energy", "market": "a price", "weather_sensor": sensor.type_name}
        quantity = what.get(sensor.kind, "this sensor").replace("_", " ")
        text = f"--unit {unit!r} is not accepted for {quantity} of {sensor.name!r}."
        raise InputError(text, "--unit", ", ".join(accepted)) from None


def accepted_units(sensor: Any) -> dict[str, Conversion]:
    """Units in which values of that sensor may come, with their conversion."""
    if sensor.kind == "asset":
        powers = {unit: Conversion(factor) for unit, factor in POWER.items()}
        return powers | {unit: Conversion(factor, energy=True) for unit, factor in ENERGY.items()}
    for suffix, own in PER_ENERGY.items():
        if sensor.kind == "market" and sensor.unit.endswith(suffix):
            currency = sensor.unit.removesuffix(suffix)
            return {f"{currency}{each}": Conversion(factor / own) for each, factor in PER_ENERGY.items()}
    for group in WEATHER:
        if sensor.unit in group:
            return {unit: Conversion(factor / group[sensor.unit]) for unit, factor in group.items()}
    return {sensor.unit: Conversion(Fraction(1))}
