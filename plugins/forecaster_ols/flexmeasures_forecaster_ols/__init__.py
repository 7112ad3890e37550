"""Forecasts every sensor: linear-OLS by regression on lags, calendar and weather; naive by the last known value.

linear-OLS is registered first, so it is the one that a sensor gets unless something else is wished for it.
"""

from __future__ import annotations

from flexmeasures import hookimpl
from flexmeasures.algorithms import Forecaster


@hookimpl
def register_forecasters() -> list[type[Forecaster]]:
    """Both forecasters; numpy is imported here, not when the plugin is found."""
    from flexmeasures_forecaster_ols.forecaster import LinearOLS
    from flexmeasures_forecaster_ols.naive import Naive

    return [LinearOLS, Naive]
