"""Tariffs: markets whose prices are computed from others, with taxes, network fees and bands of time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl
from flexmeasures.doors import door
from flexmeasures.hookspecs import MenuItem, RecurringJob

if TYPE_CHECKING:
    from flask import Blueprint, Flask

    from flexmeasures.jobs import Outcome
    from flexmeasures.models import Job, Sensor, Source, User
    from flexmeasures_tariffs.formula import Tariff as Tariff
    from flexmeasures_tariffs.managing import put_tariff as put_tariff
    from flexmeasures_tariffs.schema import tariff_of as tariff_of

COMPUTE = "compute tariffs"  # the job function, and the recurring job
QUEUE = "tariffs"

__all__, __getattr__ = door(
    __name__, {"formula": ("Tariff",), "managing": ("put_tariff",), "schema": ("tariff_of",)}
)


@hookimpl
def register_queues() -> list[str]:
    """Its own, so that no schedule waits for it."""
    return [QUEUE]


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """The resource `tariffs` of version 2.0 of the API, and the pages."""
    from flexmeasures_tariffs.api import blueprint
    from flexmeasures_tariffs.pages import make_blueprint
    from flexmeasures_translation import install

    install(app)
    return [blueprint, make_blueprint()]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """The page of tariffs, for admins; others see in it what they pay, by its address."""
    from flask import url_for

    from flexmeasures_translation import marked

    if not user.is_admin:
        return []
    return [MenuItem(name="tariffs", title=marked("Tariffs"), url=url_for("tariffs.tariffs"), icon="receipt")]


@hookimpl
def register_jobs() -> dict[str, Callable[..., Any]]:
    """The computation of prices."""
    return {COMPUTE: _compute}


def _compute(job: Job) -> Outcome:
    from flexmeasures_tariffs.job import compute_tariffs

    return compute_tariffs(job)


@hookimpl
def register_recurring_jobs() -> list[RecurringJob]:
    """Fixed prices are computed some days ahead, each day again."""
    return [RecurringJob(name=COMPUTE, every=timedelta(days=1), function=COMPUTE, queue=QUEUE, at_once=False)]


@hookimpl
def on_beliefs_stored(sensor: Sensor, source: Source, start: datetime, end: datetime) -> None:
    """What is computed from a market follows its prices."""
    del source
    if sensor.kind == "market":
        from flexmeasures_tariffs.job import follow

        follow(sensor, start, end)
