"""The installed providers, and the one that is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app

from flexmeasures.errors import InputError, SettingsError
from flexmeasures_weather.base import WeatherProvider

if TYPE_CHECKING:
    from flask import Flask

EXTENSION = "flexmeasures_weather"
PROVIDER = "FLEXMEASURES_WEATHER_PROVIDER"


def collect(app: Flask) -> None:
    """Gather what plugins bring by the hook register_weather_providers."""
    found: dict[str, type[WeatherProvider]] = {}
    app.extensions[EXTENSION] = found
    plugins = app.extensions["flexmeasures"].plugins
    for plugin, brought in plugins.asked("register_weather_providers"):
        with plugins.guarding(plugin):
            for provider in brought:
                plugins.claim("weather provider", provider.name, plugin)
                found[provider.name] = provider
                plugin.undo.append(lambda name=provider.name: found.pop(name, None))


def installed() -> dict[str, type[WeatherProvider]]:
    """Providers by name, in order of registration."""
    found: dict[str, type[WeatherProvider]] = current_app.extensions[EXTENSION]
    return found


def provider_named(name: str | None = None) -> WeatherProvider:
    """The provider of that name; by default that of FLEXMEASURES_WEATHER_PROVIDER, else the first that is configured.

    InputError for a name that is not installed, SettingsError where what it needs is not configured.
    """
    known = installed()
    wanted = name or current_app.config[PROVIDER]
    if wanted:
        if wanted not in known:
            accepted = ", ".join(known) or "none is installed; install flexmeasures-openmeteo, for example"
            raise InputError(f"There is no weather provider {wanted!r}.", "provider", accepted)
        return known[wanted].from_settings(current_app.config)
    reasons = []
    for kind in known.values():
        try:
            return kind.from_settings(current_app.config)
        except SettingsError as error:
            reasons.append(str(error))
    raise SettingsError(
        " ".join(reasons) or "No weather provider is installed, such as flexmeasures-openmeteo."
    )
