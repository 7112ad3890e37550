"""Hooks about weather."""

from __future__ import annotations

from flexmeasures.markers import hookspec
from flexmeasures_weather.base import WeatherProvider


@hookspec
def register_weather_providers() -> list[type[WeatherProvider]]:  # type: ignore[empty-body]
    """Called once in create(): classes of services that forecast weather."""
