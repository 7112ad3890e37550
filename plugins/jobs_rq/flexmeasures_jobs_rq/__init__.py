"""Workers hear of jobs through Redis, where RQ and its dashboard see them too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.doors import door

if TYPE_CHECKING:
    from flask import Blueprint, Flask
    from sqlalchemy import Engine

    from flexmeasures.hookspecs import JobNotifier
    from flexmeasures_jobs_rq.notifier import RedisNotifier as RedisNotifier

__all__, __getattr__ = door(
    __name__,
    {
        "notifier": ("RedisNotifier",),
    },
)


@hookimpl
def job_notifier(app: Flask) -> JobNotifier | None:
    """Tell of jobs through Redis, where there is one."""
    if app.config["FLEXMEASURES_REDIS_URL"] is None:
        return None
    from flexmeasures.db import db
    from flexmeasures_jobs_rq.notifier import RedisNotifier

    def engine() -> Engine:
        with app.app_context():
            return db.engine

    return RedisNotifier(app.config, engine)


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """RQ's dashboard, where there is Redis."""
    if app.config["FLEXMEASURES_REDIS_URL"] is None:
        return []
    from flexmeasures_jobs_rq.dashboard import blueprint

    return [blueprint]
