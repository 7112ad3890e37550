"""The batteries that benchmarks schedule."""

from __future__ import annotations

from datetime import timedelta

from flexmeasures_algorithms import SensorFacts

QUARTER = timedelta(minutes=15)


def battery(capacity: float, most: float, least: float = 0.0) -> SensorFacts:
    """A battery with slots of 15 minutes: capacity in MW, limits of its stock in MWh."""
    return SensorFacts(
        id=1,
        name="battery",
        kind="asset",
        type="battery",
        unit="MW",
        resolution=QUARTER,
        capacity_in_mw=capacity,
        min_soc_in_mwh=least,
        max_soc_in_mwh=most,
    )
