"""Forecasts: from what was known, by forecasters that plugins bring, stored and scored."""

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
    from flexmeasures_forecasting.accuracy import HORIZONS as HORIZONS
    from flexmeasures_forecasting.accuracy import Accuracy as Accuracy
    from flexmeasures_forecasting.accuracy import Score as Score
    from flexmeasures_forecasting.accuracy import accuracy_of as accuracy_of
    from flexmeasures_forecasting.accuracy import coverage_of as coverage_of
    from flexmeasures_forecasting.accuracy import scores as scores
    from flexmeasures_forecasting.accuracy import worse_than_repeating as worse_than_repeating
    from flexmeasures_forecasting.backfill import forecast_past as forecast_past
    from flexmeasures_forecasting.base import Forecast as Forecast
    from flexmeasures_forecasting.base import Forecaster as Forecaster
    from flexmeasures_forecasting.base import ForecastingProblem as ForecastingProblem
    from flexmeasures_forecasting.base import Regressor as Regressor
    from flexmeasures_forecasting.fallback import FallbackChain as FallbackChain
    from flexmeasures_forecasting.job import forecast_job as forecast_job
    from flexmeasures_forecasting.job import horizons_for as horizons_for
    from flexmeasures_forecasting.job import last_helps as last_helps
    from flexmeasures_forecasting.job import request_forecast as request_forecast
    from flexmeasures_forecasting.job import request_forecasts as request_forecasts
    from flexmeasures_forecasting.known_data import HISTORY as HISTORY
    from flexmeasures_forecasting.known_data import Knowledge as Knowledge
    from flexmeasures_forecasting.known_data import outcomes as outcomes
    from flexmeasures_forecasting.known_data import present_problem as present_problem
    from flexmeasures_forecasting.regressors import REGRESSORS as REGRESSORS
    from flexmeasures_forecasting.regressors import check_choice as check_choice
    from flexmeasures_forecasting.regressors import choose_regressors as choose_regressors
    from flexmeasures_forecasting.regressors import offered_regressors as offered_regressors
    from flexmeasures_forecasting.regressors import regressors_of as regressors_of
    from flexmeasures_forecasting.regressors import usual_regressors as usual_regressors

HOURLY = "forecast new data"

__all__, __getattr__ = door(
    __name__,
    {
        "accuracy": (
            "Accuracy",
            "Score",
            "HORIZONS",
            "accuracy_of",
            "coverage_of",
            "scores",
            "worse_than_repeating",
        ),
        "backfill": ("forecast_past",),
        "base": (
            "Forecast",
            "Forecaster",
            "ForecastingProblem",
            "Regressor",
        ),
        "fallback": ("FallbackChain",),
        "job": (
            "request_forecast",
            "request_forecasts",
            "forecast_job",
            "horizons_for",
            "last_helps",
        ),
        "known_data": (
            "HISTORY",
            "Knowledge",
            "outcomes",
            "present_problem",
        ),
        "regressors": (
            "check_choice",
            "choose_regressors",
            "REGRESSORS",
            "offered_regressors",
            "regressors_of",
            "usual_regressors",
        ),
    },
)


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Who brings forecasters."""
    from flexmeasures_forecasting import hookspecs

    return [hookspecs]


@hookimpl
def set_up(app: Flask) -> None:
    """Collect the forecasters."""
    from flexmeasures_algorithms import collect

    collect(app, "forecaster", "register_forecasters")


@hookimpl
def register_settings() -> list[Setting]:
    """By which forecaster, which quantiles are told, and whether sensors are forecast each hour."""
    from flexmeasures_forecasting.settings import SETTINGS

    words = "Whether workers ask each full hour for forecasts of sensors with data that nobody asked to forecast from."
    return [*SETTINGS, Setting("FLEXMEASURES_HOURLY_FORECASTS", True, bool, words)]


@hookimpl
def register_jobs() -> dict[str, Callable[..., Any]]:
    """Forecasts of a window of events, and asking for those of new data."""
    from flexmeasures_forecasting.job import FUNCTION, forecast_job

    return {FUNCTION: forecast_job, HOURLY: _ask_for_new_data}


def _ask_for_new_data(job: Job) -> Outcome:
    from flexmeasures_forecasting.new_data import ask_for_new_data

    return ask_for_new_data(job)


@hookimpl
def register_recurring_jobs() -> list[RecurringJob]:
    """Asking for forecasts of new data, each full hour."""
    every = timedelta(hours=1)
    setting = "FLEXMEASURES_HOURLY_FORECASTS"
    return [RecurringJob(name=HOURLY, every=every, function=HOURLY, at_once=False, setting=setting)]


@hookimpl
def register_asset_fields() -> list[Any]:
    """What explains an asset."""
    from flexmeasures_forecasting.regressors import regressors_field

    return [regressors_field()]
