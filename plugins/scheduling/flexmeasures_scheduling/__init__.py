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
    from flexmeasures_scheduling.backtest import roll as roll
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
    from flexmeasures_scheduling.explanation import explained as explained
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
    from flexmeasures_scheduling.job import planned as planned
    from flexmeasures_scheduling.job import schedule_job as schedule_job
    from flexmeasures_scheduling.price_slope import preference_for_sooner as preference_for_sooner
    from flexmeasures_scheduling.price_slope import prices_per_mwh as prices_per_mwh
    from flexmeasures_scheduling.problem_builder import question_about as question_about
    from flexmeasures_scheduling.queries import UnknownSchedule as UnknownSchedule
    from flexmeasures_scheduling.queries import find_schedule as find_schedule
    from flexmeasures_scheduling.queries import newest_job as newest_job
    from flexmeasures_scheduling.queries import newest_schedule as newest_schedule
    from flexmeasures_scheduling.references import check_wishes as check_wishes
    from flexmeasures_scheduling.sites import SITE_FUNCTION as SITE_FUNCTION
    from flexmeasures_scheduling.sites import State as State
    from flexmeasures_scheduling.sites import change_wishes as change_wishes
    from flexmeasures_scheduling.sites import create_site as create_site
    from flexmeasures_scheduling.sites import handle_site_event as handle_site_event
    from flexmeasures_scheduling.sites import site_job as site_job
    from flexmeasures_scheduling.solving import solve_site as solve_site
    from flexmeasures_scheduling.solving import verify as verify
    from flexmeasures_scheduling.storing import keep as keep
    from flexmeasures_scheduling.triggering import FUNCTION as FUNCTION
    from flexmeasures_scheduling.triggering import handle_event as handle_event
    from flexmeasures_scheduling.triggering import note_state as note_state

__all__, __getattr__ = door(
    __name__,
    {
        "activations": ("activation",),
        "backtest": ("roll",),
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
            "explained",
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
            "planned",
            "schedule_job",
        ),
        "price_slope": (
            "preference_for_sooner",
            "prices_per_mwh",
        ),
        "problem_builder": ("question_about",),
        "queries": (
            "UnknownSchedule",
            "find_schedule",
            "newest_job",
            "newest_schedule",
        ),
        "references": ("check_wishes",),
        "sites": (
            "SITE_FUNCTION",
            "State",
            "change_wishes",
            "create_site",
            "handle_site_event",
            "site_job",
        ),
        "solving": (
            "solve_site",
            "verify",
        ),
        "storing": ("keep",),
        "triggering": (
            "FUNCTION",
            "handle_event",
            "note_state",
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
    from flexmeasures_scheduling.sites import SITE_FUNCTION, site_job
    from flexmeasures_scheduling.triggering import FUNCTION

    return {FUNCTION: schedule_job, SITE_FUNCTION: site_job}


@hookimpl
def register_asset_fields() -> list[Any]:
    """What an asset asks of its schedules."""
    from flexmeasures_scheduling.references import flexibility_field

    return [flexibility_field()]
