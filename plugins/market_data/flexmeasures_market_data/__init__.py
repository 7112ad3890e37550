"""Day-ahead prices of bidding zones from services: asked for days, stored as beliefs of markets, each day by itself.

A plugin brings a PriceProvider by the hook register_price_providers.
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
    from flexmeasures_market_data.base import PriceProvider as PriceProvider
    from flexmeasures_market_data.base import Prices as Prices
    from flexmeasures_market_data.base import ZoneForecast as ZoneForecast

IMPORT = "import prices"  # the job function, and the recurring job
QUEUE = "prices"

__all__, __getattr__ = door(__name__, {"base": ("PriceProvider", "Prices", "ZoneForecast")})


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Who brings price providers."""
    from flexmeasures_market_data import hookspecs

    return [hookspecs]


@hookimpl
def register_settings() -> list[Setting]:
    """Which zones are asked for each day, and whom."""
    zones = (
        "Bidding zones, such as NL, whose day-ahead prices are imported each day from 13:00 (Europe/Brussels) on, until"
        " they are there. Empty: none; then only `flexmeasures add prices` imports."
    )
    provider = "Name of the price provider; empty: the first one that is configured."
    return [
        Setting("FLEXMEASURES_PRICE_ZONES", [], list, zones),
        Setting("FLEXMEASURES_PRICE_PROVIDER", "", str, provider),
    ]


@hookimpl
def set_up(app: Flask) -> None:
    """Collect the providers."""
    from flexmeasures_market_data.providers import PROVIDERS

    PROVIDERS.collect(app)


@hookimpl
def register_queues() -> list[str]:
    """A queue of its own, so that a slow service keeps no schedule waiting."""
    return [QUEUE]


@hookimpl
def register_jobs() -> dict[str, Callable[..., Any]]:
    """The import of the zones that are configured."""
    return {IMPORT: _import_prices}


def _import_prices(job: Job) -> Outcome:
    from flexmeasures_market_data.job import import_prices

    return import_prices(job)


@hookimpl
def register_recurring_jobs() -> list[RecurringJob]:
    """The same, each hour; it does nothing before the publication, and when all is there."""
    every, setting = timedelta(hours=1), "FLEXMEASURES_PRICE_ZONES"
    return [RecurringJob(name=IMPORT, every=every, function=IMPORT, queue=QUEUE, setting=setting)]
