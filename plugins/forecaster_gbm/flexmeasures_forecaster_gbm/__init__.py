"""Forecasts sensors for which it is wished: gbm, gradient-boosted trees on what a linear regression leaves.

Wish for it by the attribute custom-forecaster of a sensor, its owner or its type, or by the setting
FLEXMEASURES_FORECASTERS. No sensor gets it just because it is installed.
"""

from __future__ import annotations

from flexmeasures import hookimpl
from flexmeasures_forecasting import Forecaster


@hookimpl
def register_forecasters() -> list[type[Forecaster]]:
    """The forecaster; numpy is imported here, LightGBM when the first trees are grown."""
    from flexmeasures_forecaster_gbm.forecaster import GradientBoosting

    return [GradientBoosting]
