"""Forecasts every sensor: linear-OLS by regression on lags, calendar and weather; naive by the last known value,
seasonal-naive by that of a week or day before.

linear-OLS is registered first, so it is the one that a sensor gets unless something else is wished for it.
Once an hour, what was stored without asking for forecasts is forecast from.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.config import Setting
from flexmeasures.hookspecs import RecurringJob
from flexmeasures_forecasting import Forecaster

if TYPE_CHECKING:
    from flexmeasures.jobs import Outcome
    from flexmeasures.models.jobs import Job

HOURLY = "forecast new data"


@hookimpl
def register_settings() -> list[Setting]:
    """Whether sensors are forecast each hour."""
    words = "Whether workers ask each full hour for forecasts of sensors with data that nobody asked to forecast from."
    return [Setting("FLEXMEASURES_HOURLY_FORECASTS", True, bool, words)]


@hookimpl
def register_forecasters() -> list[type[Forecaster]]:
    """The forecasters; numpy is imported here, not when the plugin is found."""
    from flexmeasures_forecaster_ols.forecaster import LinearOLS
    from flexmeasures_forecaster_ols.naive import Naive, SeasonalNaive

    return [LinearOLS, Naive, SeasonalNaive]


@hookimpl
def register_jobs() -> dict[str, Callable[[Job], Outcome]]:
    """Asking for forecasts of new data."""
    return {HOURLY: _ask_for_new_data}


def _ask_for_new_data(job: Job) -> Outcome:
    from flexmeasures_forecaster_ols.hourly import ask_for_new_data

    return ask_for_new_data(job)


@hookimpl
def register_recurring_jobs() -> list[RecurringJob]:
    """The same, each full hour."""
    every = timedelta(hours=1)
    setting = "FLEXMEASURES_HOURLY_FORECASTS"
    return [RecurringJob(name=HOURLY, every=every, function=HOURLY, at_once=False, setting=setting)]
