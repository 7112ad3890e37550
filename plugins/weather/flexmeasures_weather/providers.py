"""The installed weather providers, and the one that is configured."""

from __future__ import annotations

from flexmeasures_weather.base import WeatherProvider
from flexmeasures_web_services import Providers

PROVIDERS: Providers[WeatherProvider] = Providers(
    "weather provider",
    "register_weather_providers",
    "FLEXMEASURES_WEATHER_PROVIDER",
    "flexmeasures-openmeteo",
)
