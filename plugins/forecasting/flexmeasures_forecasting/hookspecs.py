"""Hooks about forecasts."""

from __future__ import annotations

from flexmeasures.markers import hookspec
from flexmeasures_forecasting.base import Forecaster


@hookspec
def register_forecasters() -> list[type[Forecaster]]:  # type: ignore[empty-body]
    """Called once in create(): forecaster classes."""
