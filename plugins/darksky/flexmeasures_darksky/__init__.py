"""Weather from services that speak as the Dark Sky API did, which is gone; Pirate Weather is one that lives."""

from __future__ import annotations

from flexmeasures import hookimpl
from flexmeasures.config import Setting
from flexmeasures_weather import WeatherProvider


@hookimpl
def register_settings() -> list[Setting]:
    """Where the service is, and its key."""
    text = "Where the service is that speaks as the Dark Sky API did (its key: DARK_SKY_API_KEY)."
    return [
        Setting(
            "DARK_SKY_API_KEY",
            None,
            str,
            "Token of the Dark-Sky-compatible weather service.",
            chapter="2.4.1",
        ),
        Setting("FLEXMEASURES_DARKSKY_URL", "https://api.pirateweather.net", str, text),
    ]


@hookimpl
def register_weather_providers() -> list[type[WeatherProvider]]:
    """The provider "DarkSky"."""
    from flexmeasures_darksky.provider import DarkSky

    return [DarkSky]
