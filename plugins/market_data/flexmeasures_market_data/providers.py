"""The installed providers, and the one that is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app

from flexmeasures.errors import InputError, SettingsError
from flexmeasures_market_data.base import PriceProvider

if TYPE_CHECKING:
    from flask import Flask

EXTENSION = "flexmeasures_market_data"
PROVIDER = "FLEXMEASURES_PRICE_PROVIDER"


def collect(app: Flask) -> None:
    """Gather what plugins bring by the hook register_price_providers."""
    found: dict[str, type[PriceProvider]] = {}
    app.extensions[EXTENSION] = found
    plugins = app.extensions["flexmeasures"].plugins
    for plugin, brought in plugins.asked("register_price_providers"):
        with plugins.guarding(plugin):
            for provider in brought:
                plugins.claim("price provider", provider.name, plugin)
                found[provider.name] = provider
                plugin.undo.append(lambda name=provider.name: found.pop(name, None))


def installed() -> dict[str, type[PriceProvider]]:
    """Providers by name, in order of registration."""
    found: dict[str, type[PriceProvider]] = current_app.extensions[EXTENSION]
    return found


def provider_named(name: str | None = None) -> PriceProvider:
    """The provider of that name; by default that of FLEXMEASURES_PRICE_PROVIDER, else the first that is configured.

    InputError for a name that is not installed, SettingsError where what it needs is not configured.
    """
    known = installed()
    wanted = name or current_app.config[PROVIDER]
    if wanted:
        if wanted not in known:
            accepted = (
                ", ".join(known) or "none is installed; install flexmeasures-energy-charts, for example"
            )
            raise InputError(f"There is no price provider {wanted!r}.", "provider", accepted)
        return known[wanted].from_settings(current_app.config)
    reasons = []
    for kind in known.values():
        try:
            return kind.from_settings(current_app.config)
        except SettingsError as error:
            reasons.append(str(error))
    raise SettingsError(
        " ".join(reasons) or "No price provider is installed, such as flexmeasures-energy-charts."
    )
