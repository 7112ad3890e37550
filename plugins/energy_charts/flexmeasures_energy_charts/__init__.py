"""Day-ahead prices of energy-charts.info (Fraunhofer ISE), without a key."""

from __future__ import annotations

from flexmeasures import hookimpl
from flexmeasures.config import Setting
from flexmeasures_market_data import PriceProvider


@hookimpl
def register_settings() -> list[Setting]:
    """Where the service is."""
    return [
        Setting(
            "FLEXMEASURES_ENERGY_CHARTS_URL", "https://api.energy-charts.info", str, "Where Energy-Charts is."
        )
    ]


@hookimpl
def register_price_providers() -> list[type[PriceProvider]]:
    """The provider "Energy-Charts"."""
    from flexmeasures_energy_charts.provider import EnergyCharts

    return [EnergyCharts]
