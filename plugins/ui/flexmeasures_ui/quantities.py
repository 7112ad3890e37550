"""Powers and energies as people type them: "0.011" in the field's own unit, or "11 kW"."""

from __future__ import annotations

import re

from flexmeasures_ingestion import ENERGY, POWER
from flexmeasures_translation import with_point

_TYPED = re.compile(r"([-+\u2212]?(?:[0-9][0-9.,]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z]*)")
UNITS = {"MW": POWER, "MWh": ENERGY}


def quantity(text: str, unit: str = "") -> float:
    """The number that was typed, in `unit` (MW or MWh; "" for a plain number). ValueError for what is none."""
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a number of that unit")
    value = float(with_point(found[1].replace("\u2212", "-")))
    if not found[2]:
        return value
    factors = {name.casefold(): factor for name, factor in UNITS.get(unit, {}).items()}
    if found[2].casefold() not in factors:
        raise ValueError(f"{text!r} is not a number of that unit")
    return float(value * factors[found[2].casefold()])
