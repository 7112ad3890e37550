"""Day-ahead prices of the ENTSO-E transparency platform."""

from __future__ import annotations

from flexmeasures import hookimpl
from flexmeasures.config import Setting
from flexmeasures_market_data import PriceProvider


@hookimpl
def register_settings() -> list[Setting]:
    """Where the platform is, and the token of its users."""
    return [
        Setting(
            "FLEXMEASURES_ENTSOE_URL", "https://web-api.tp.entsoe.eu", str, "Where ENTSO-E's platform is."
        ),
        Setting(
            "ENTSOE_API_TOKEN", None, str, "Security token of a user of ENTSO-E's transparency platform."
        ),
    ]


@hookimpl
def register_price_providers() -> list[type[PriceProvider]]:
    """The provider "ENTSO-E"."""
    from flexmeasures_entsoe.provider import Entsoe

    return [Entsoe]
