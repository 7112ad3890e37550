"""Schedules: asked for by events, solved, verified, stored and explained."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl
from flexmeasures.doors import door

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.config import Setting
    from flexmeasures_scheduling.activations import activation as activation
    from flexmeasures_scheduling.backtest import run_backtest as run_backtest
    from flexmeasures_scheduling.base import TARGET_KINDS as TARGET_KINDS
    from flexmeasures_scheduling.base import Binding as Binding
    from flexmeasures_scheduling.base import Connection as Connection
    from flexmeasures_scheduling.base import Explanation as Explanation
    from flexmeasures_scheduling.base import Schedule as Schedule
    from flexmeasures_scheduling.base import Scheduler as Scheduler
    from flexmeasures_scheduling.base import SchedulingProblem as SchedulingProblem
    from flexmeasures_scheduling.base import SitePlan as SitePlan
    from flexmeasures_scheduling.base import Status as Status
    from flexmeasures_scheduling.base import Target as Target
    from flexmeasures_scheduling.explanation import explain as explain
    from flexmeasures_scheduling.explanation import what_if as what_if
    from flexmeasures_scheduling.flexibility import ATTRIBUTE as ATTRIBUTE
    from flexmeasures_scheduling.flexibility import KEYS as KEYS
    from flexmeasures_scheduling.flexibility import MARKET_KEYS as MARKET_KEYS
    from flexmeasures_scheduling.flexibility import MEANINGS as MEANINGS
    from flexmeasures_scheduling.flexibility import SENSOR_KEYS as SENSOR_KEYS
    from flexmeasures_scheduling.flexibility import SITE_KEYS as SITE_KEYS
    from flexmeasures_scheduling.flexibility import Flexibility as Flexibility
    from flexmeasures_scheduling.flexibility import described as described
    from flexmeasures_scheduling.flexibility import read_flexibility as read_flexibility
    from flexmeasures_scheduling.job import plan_now as plan_now
    from flexmeasures_scheduling.job import schedule_job as schedule_job
    from flexmeasures_scheduling.job import solve_for_job as solve_for_job
    from flexmeasures_scheduling.price_slope import preference_for_sooner as preference_for_sooner
    from flexmeasures_scheduling.price_slope import prices_per_mwh as prices_per_mwh
    from flexmeasures_scheduling.problem_builder import build_problem as build_problem
    from flexmeasures_scheduling.queries import UnknownSchedule as UnknownSchedule
    from flexmeasures_scheduling.queries import find_schedule as find_schedule
    from flexmeasures_scheduling.queries import newest_job as newest_job
    from flexmeasures_scheduling.queries import newest_schedule as newest_schedule
    from flexmeasures_scheduling.queries import schedule_before as schedule_before
    from flexmeasures_scheduling.references import check_flexibility as check_flexibility
    from flexmeasures_scheduling.sessions import Session as Session
    from flexmeasures_scheduling.sessions import SessionsResult as SessionsResult
    from flexmeasures_scheduling.sessions import plan_sessions as plan_sessions
    from flexmeasures_scheduling.sites import SITE_FUNCTION as SITE_FUNCTION
    from flexmeasures_scheduling.sites import State as State
    from flexmeasures_scheduling.sites import change_flexibility as change_flexibility
    from flexmeasures_scheduling.sites import change_site as change_site
    from flexmeasures_scheduling.sites import create_site as create_site
    from flexmeasures_scheduling.sites import schedule_site as schedule_site
    from flexmeasures_scheduling.sites import trigger_site as trigger_site
    from flexmeasures_scheduling.solving import solve_site as solve_site
    from flexmeasures_scheduling.solving import verify as verify
    from flexmeasures_scheduling.storing import save_schedule as save_schedule
    from flexmeasures_scheduling.triggering import FUNCTION as FUNCTION
    from flexmeasures_scheduling.triggering import record_state as record_state
    from flexmeasures_scheduling.triggering import trigger_schedule as trigger_schedule

__all__, __getattr__ = door(
    __name__,
    {
        "activations": ("activation",),
        "backtest": ("run_backtest",),
        "base": (
            "Binding",
            "Connection",
            "Explanation",
            "Schedule",
            "Scheduler",
            "SchedulingProblem",
            "SitePlan",
            "Status",
            "TARGET_KINDS",
            "Target",
        ),
        "explanation": (
            "explain",
            "what_if",
        ),
        "flexibility": (
            "ATTRIBUTE",
            "Flexibility",
            "KEYS",
            "MARKET_KEYS",
            "MEANINGS",
            "SENSOR_KEYS",
            "SITE_KEYS",
            "described",
            "read_flexibility",
        ),
        "job": (
            "plan_now",
            "solve_for_job",
            "schedule_job",
        ),
        "price_slope": (
            "preference_for_sooner",
            "prices_per_mwh",
        ),
        "problem_builder": ("build_problem",),
        "queries": (
            "UnknownSchedule",
            "find_schedule",
            "newest_job",
            "newest_schedule",
            "schedule_before",
        ),
        "references": ("check_flexibility",),
        "sessions": (
            "Session",
            "SessionsResult",
            "plan_sessions",
        ),
        "sites": (
            "SITE_FUNCTION",
            "State",
            "change_flexibility",
            "change_site",
            "create_site",
            "trigger_site",
            "schedule_site",
        ),
        "solving": (
            "solve_site",
            "verify",
        ),
        "storing": ("save_schedule",),
        "triggering": (
            "FUNCTION",
            "trigger_schedule",
            "record_state",
        ),
    },
)


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Who brings schedulers, and who is told of schedules."""
    from flexmeasures_scheduling import hookspecs

    return [hookspecs]


@hookimpl
def register_settings() -> list[Setting]:
    """How far ahead is planned, how strictly, and by which scheduler."""
    from flexmeasures_scheduling.settings import SETTINGS

    return SETTINGS


@hookimpl
def set_up(app: Flask) -> None:
    """Collect the schedulers."""
    from flexmeasures_algorithms import collect

    collect(app, "scheduler", "register_schedulers")


@hookimpl
def register_jobs() -> dict[str, Callable[..., Any]]:
    """The schedule of an asset, and those of a site."""
    from flexmeasures_scheduling.job import schedule_job
    from flexmeasures_scheduling.sites import SITE_FUNCTION, schedule_site
    from flexmeasures_scheduling.triggering import FUNCTION

    return {FUNCTION: schedule_job, SITE_FUNCTION: schedule_site}


@hookimpl
def register_asset_fields() -> list[Any]:
    """What an asset asks of its schedules."""
    from flexmeasures_scheduling.references import flexibility_field

    return [flexibility_field()]
