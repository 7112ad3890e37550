"""Magnitudes that an asset can hardly have: sentences for users, who most likely took the wrong unit (decision D18).

What devices send is stored as sent; whoever takes it in tells these sentences.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Asset, Sensor
    from flexmeasures.timeseries import Floats

POWER_TIMES = 10.0  # a power above so many times the capacity is more likely a slip of unit than a power
STATE_SHARE = 0.1  # by more than this share of the store no state of charge is outside of its limits


def power(sensor: Sensor, values: Floats) -> str | None:
    """About power that the asset cannot have; None where all of it is plausible, or the sensor is no asset.

    values: MW, shape (n,), NaN is unknown.
    """
    import numpy as np

    capacity: float | None = getattr(sensor, "capacity_in_mw", None)
    if not capacity:
        return None
    sizes = np.abs(values)
    wrong = int(np.count_nonzero(sizes > POWER_TIMES * capacity))
    if not wrong:
        return None
    largest = int(np.nanargmax(sizes))
    return (
        f"{wrong} of {len(sizes)} values are more than {POWER_TIMES:g} times the capacity of asset {sensor.name}:"
        f" the largest is {values[largest]:g} MW, {sizes[largest] / capacity:,.0f} times its {capacity:g} MW."
        " Was the unit right?"
    )


def state(asset: Asset, soc_in_mwh: float | None, targets: Iterable[float] = ()) -> list[str]:
    """About a state of charge that the asset's store cannot have, and targets that do not fit into it.

    soc_in_mwh: None where it is not known. targets: MWh.
    """
    most, least = asset.max_soc_in_mwh, asset.min_soc_in_mwh or 0.0
    if not most:
        return []
    found, slack = [], STATE_SHARE * most
    if soc_in_mwh is not None and not least - slack <= soc_in_mwh <= most + slack:
        found.append(
            f"The state of charge of asset {asset.name}, {soc_in_mwh:g} MWh, is not between its limits of"
            f" {least:g} and {most:g} MWh{_times(soc_in_mwh, most)}. Was the unit right?"
        )
    highest = max(targets, default=0.0)
    if highest > most:
        found.append(
            f"A target of asset {asset.name}, {highest:g} MWh, is above the most that it stores, {most:g} MWh"
            f"{_times(highest, most)}. Was the unit right?"
        )
    return found


def _times(value: float, most: float) -> str:
    return f" ({value / most:,.0f} times the largest)" if value > 2 * most else ""
