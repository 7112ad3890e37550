"""Weather from Open-Meteo, or a server of one's own that runs it: without a key, radiation given, days back too."""

from __future__ import annotations

from datetime import timedelta

from flexmeasures import hookimpl
from flexmeasures.config import Setting
from flexmeasures_weather import WeatherProvider


@hookimpl
def register_settings() -> list[Setting]:
    """Where the service is, what it is asked for, and the key of its customers."""
    model = "Weather model that Open-Meteo is asked for; its own choice by default."
    return [
        Setting("FLEXMEASURES_OPENMETEO_URL", "https://api.open-meteo.com", str, "Where Open-Meteo is."),
        Setting(
            "FLEXMEASURES_OPENMETEO_PREVIOUS_RUNS_URL",
            "https://previous-runs-api.open-meteo.com",
            str,
            "Where forecasts of days past are, as they were made then; empty: they are not asked for.",
        ),
        Setting("FLEXMEASURES_OPENMETEO_MODEL", "best_match", str, model),
        Setting(
            "FLEXMEASURES_OPENMETEO_RESOLUTION",
            timedelta(hours=1),
            timedelta,
            "Length of the slots that Open-Meteo is asked for; new sensors get it. PT15M is its own in Central"
            " Europe and North America, elsewhere filled in from hours.",
            choices=(timedelta(hours=1), timedelta(minutes=15)),
        ),
        Setting("OPENMETEO_API_KEY", None, str, "Key of Open-Meteo's paying customers."),
    ]


@hookimpl
def register_weather_providers() -> list[type[WeatherProvider]]:
    """The provider "Open-Meteo"."""
    from flexmeasures_openmeteo.provider import OpenMeteo

    return [OpenMeteo]
