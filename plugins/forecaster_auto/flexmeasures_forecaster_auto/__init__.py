"""Forecasts each sensor and horizon by the installed forecaster that was best in the last weeks: auto.

Wish for it by the attribute custom-forecaster of a sensor, its owner or its type, or by the setting
FLEXMEASURES_FORECASTERS.
"""

from __future__ import annotations

from flexmeasures import hookimpl
from flexmeasures_forecasting import Forecaster


@hookimpl
def register_forecasters() -> list[type[Forecaster]]:
    """The forecaster; numpy is imported here."""
    from flexmeasures_forecaster_auto.forecaster import Auto

    return [Auto]
