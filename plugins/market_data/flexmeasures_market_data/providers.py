"""The installed price providers, and the one that is configured."""

from __future__ import annotations

from flexmeasures_market_data.base import PriceProvider
from flexmeasures_web_services import Providers

PROVIDERS: Providers[PriceProvider] = Providers(
    "price provider", "register_price_providers", "FLEXMEASURES_PRICE_PROVIDER", "flexmeasures-energy-charts"
)
