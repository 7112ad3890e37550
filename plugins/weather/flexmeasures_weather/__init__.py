"""Weather forecasts from services: asked for places, stored as beliefs of weather sensors, each hour by itself.

A plugin brings a WeatherProvider by the hook register_weather_providers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl
from flexmeasures.config import Setting
from flexmeasures.doors import door
from flexmeasures.hookspecs import RecurringJob

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.jobs import Outcome
    from flexmeasures.models import Job
    from flexmeasures_weather.base import CLOUD_COVER as CLOUD_COVER
    from flexmeasures_weather.base import UNITS as UNITS
    from flexmeasures_weather.base import Place as Place
    from flexmeasures_weather.base import WeatherForecast as WeatherForecast
    from flexmeasures_weather.base import WeatherProvider as WeatherProvider

IMPORT = "import weather"  # the job function, and the recurring job
QUEUE = "weather"

__all__, __getattr__ = door(
    __name__,
    {
        "base": (
            "CLOUD_COVER",
            "UNITS",
            "Place",
            "WeatherForecast",
            "WeatherProvider",
        ),
    },
)


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Who brings weather providers."""
    from flexmeasures_weather import hookspecs

    return [hookspecs]


@hookimpl
def register_settings() -> list[Setting]:
    """Which places are asked for each hour, and whom."""
    places = (
        'Places whose weather forecasts are imported each hour: "latitude,longitude" each. Empty: none; then only'
        " `flexmeasures add external-weather-forecasts` imports."
    )
    provider = "Name of the weather provider; empty: the first one that is configured."
    return [
        Setting("FLEXMEASURES_WEATHER_PLACES", [], list, places),
        Setting("FLEXMEASURES_WEATHER_PROVIDER", "", str, provider),
    ]


@hookimpl
def set_up(app: Flask) -> None:
    """Collect the providers."""
    from flexmeasures_weather.providers import PROVIDERS

    PROVIDERS.collect(app)


@hookimpl
def register_queues() -> list[str]:
    """A queue of its own, so that a slow service keeps no schedule waiting."""
    return [QUEUE]


@hookimpl
def register_jobs() -> dict[str, Callable[..., Any]]:
    """The import of the places that are configured."""
    return {IMPORT: _import_weather}


def _import_weather(job: Job) -> Outcome:
    from flexmeasures_weather.job import import_weather

    return import_weather(job)


@hookimpl
def register_recurring_jobs() -> list[RecurringJob]:
    """The same, each hour."""
    every, setting = timedelta(hours=1), "FLEXMEASURES_WEATHER_PLACES"
    return [RecurringJob(name=IMPORT, every=every, function=IMPORT, queue=QUEUE, setting=setting)]
