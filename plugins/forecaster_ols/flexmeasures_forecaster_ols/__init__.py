"""Forecasts every sensor: linear-OLS by regression on lags, calendar and weather; naive by the last known value,
seasonal-naive by that of a week or day before.

linear-OLS is registered first, so it is the one that a sensor gets unless something else is wished for it.
"""

from __future__ import annotations

from flexmeasures import hookimpl
from flexmeasures_forecasting import Forecaster


@hookimpl
def register_forecasters() -> list[type[Forecaster]]:
    """The forecasters; numpy is imported here, not when the plugin is found."""
    from flexmeasures_forecaster_ols.linear_ols import LinearOLS
    from flexmeasures_forecaster_ols.naive import Naive, SeasonalNaive

    return [LinearOLS, Naive, SeasonalNaive]
