"""The pages of tasks: what runs, what failed and why, over the job table; with Redis also RQ's own dashboard.

For admins, and in demo mode for everybody who has logged in; only admins let a job run again or cancel it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import orjson
from flask import Blueprint, abort, current_app, flash, redirect, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from flexmeasures import jobs
from flexmeasures.auth import current_user, login_required
from flexmeasures.db import db
from flexmeasures.errors import InputError, NotFound
from flexmeasures.jobs import queue_names
from flexmeasures.models import Job, JobState, Sensor, User
from flexmeasures.timing import iso_time
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts import formatting
from flexmeasures_charts.list_files import asked_file
from flexmeasures_charts.reader import readers_zone
from flexmeasures_translation import gettext, marked

SHOWN = 100
ICONS = {
    JobState.QUEUED: "hourglass",
    JobState.RUNNING: "play-circle",
    JobState.FINISHED: "check-circle",
    JobState.FAILED: "x-circle",
    JobState.CANCELLED: "slash-circle",
}
STATE_WORDS = {JobState.QUEUED: marked("waiting")}
COLUMNS = (
    "id",
    "function",
    "queue",
    "sensor",
    "state",
    "asked",
    "started",
    "ended",
    "algorithm",
    "because",
    "error",
)
COUNTED = (JobState.FAILED, JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True)
class Row:
    """One job as the table shows it."""

    id: int
    what: str
    sensor: Sensor | None
    state: str
    icon: str
    when: str
    took: str
    how: str
    error: str


def make_blueprint() -> Blueprint:
    """A new blueprint of the pages of tasks."""
    blueprint = Blueprint("ui_tasks", __name__)
    for rule, name, view in (
        ("/tasks/", "tasks", tasks),
        ("/tasks/forecasting", "forecasting", forecasting),
        ("/tasks/schedules", "schedules", schedules),
        ("/tasks/<int:job_id>", "job", job),
    ):
        blueprint.add_url_rule(rule, name, for_viewers(view), strict_slashes=False)
    for rule, name, act in (
        ("/tasks/<int:job_id>/requeue", "requeue", requeue),
        ("/tasks/<int:job_id>/cancel", "cancel", cancel),
    ):
        blueprint.add_url_rule(rule, name, for_viewers(act), methods=["POST"])
    for rule, name, lead in (
        ("/rq/", "to_tasks", to_tasks),
        ("/tasks/scheduling", "to_schedules", to_schedules),
    ):
        blueprint.add_url_rule(rule, name, login_required(lead), strict_slashes=False)
    return blueprint


def may_look(user: User | None) -> bool:
    """Whether the pages of tasks are for this user."""
    return user is not None and (user.is_admin or current_app.config["FLEXMEASURES_MODE"] == "demo")


def for_viewers(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let only those in who may look; visitors are sent to the login."""

    @wraps(view)
    def guarded(**arguments: Any) -> Any:
        if not may_look(current_user()):
            abort(403)
        return view(**arguments)

    return login_required(guarded)


def to_tasks() -> Response:
    """The address of earlier versions leads to the tasks."""
    return redirect(url_for("ui_tasks.tasks"))


def to_schedules() -> Response:
    """The queue's own name leads to its page."""
    return redirect(url_for("ui_tasks.schedules"))


# -- pages ---------------------------------------------------------------------------------------------


def tasks() -> str | Response:
    """Jobs of all queues."""
    return _list(gettext("Tasks"), queue_names())


def forecasting() -> str | Response:
    """Jobs that make forecasts."""
    return _list(gettext("Forecasting tasks"), ["forecasting"])


def schedules() -> str | Response:
    """Jobs that make schedules."""
    return _list(gettext("Scheduling tasks"), ["scheduling"])


def _list(title: str, queues: Sequence[str]) -> str | Response:
    now = datetime.now(UTC)
    found = db.session.scalars(
        select(Job).where(Job.queue.in_(queues)).order_by(Job.id.desc()).limit(SHOWN)
    ).all()
    ids = {job.sensor_id for job in found if job.sensor_id is not None}
    sensors = {each.id: each for each in db.session.scalars(select(Sensor).where(Sensor.id.in_(ids)))}
    file = asked_file("tasks", COLUMNS, lambda: (_fields(job, sensors) for job in found))
    if file is not None:
        return file
    counted, oldest = _counts(queues)
    return render_flexmeasures_template(
        "ui/tasks.html",
        active_page="tasks",
        title=title,
        counts=[
            (name, counted.get(name, 0), ICONS[name], gettext(STATE_WORDS.get(name, name)))
            for name in COUNTED
        ],
        oldest=None if oldest is None else formatting.duration(now - oldest),
        rows=[_row(job, sensors, now) for job in found],
        shown=SHOWN,
        has_dashboard="rq_dashboard" in current_app.blueprints,
    )


def job(job_id: int) -> str:
    """One job: what it was asked, what it used, what came of it."""
    found = db.session.get(Job, job_id) if job_id < 2**31 else None
    if found is None:
        abort(404)
    sensor = db.session.get(Sensor, found.sensor_id) if found.sensor_id is not None else None
    user = current_user()
    return render_flexmeasures_template(
        "ui/task.html",
        active_page="tasks",
        job=found,
        row=_row(found, {sensor.id: sensor} if sensor is not None else {}, datetime.now(UTC)),
        times=_times(found),
        details=[(name, _pretty(getattr(found, name))) for name in ("arguments", "inputs", "result")],
        may_act=user is not None and user.is_admin,
        is_open=found.state in JobState.OPEN,
    )


def requeue(job_id: int) -> Response:
    """Let a job run again."""
    return _act(jobs.requeue, job_id, marked("Task %(id)s waits to run again."))


def cancel(job_id: int) -> Response:
    """Cancel a job."""
    return _act(jobs.cancel, job_id, marked("Task %(id)s is cancelled."))


def _act(act: Callable[[int], Job], job_id: int, done: str) -> Response:
    user = current_user()
    if user is None or not user.is_admin:
        abort(403)
    try:
        flash(gettext(done, id=act(job_id).id))
    except NotFound:
        abort(404)
    except InputError as error:
        flash(str(error))
    return redirect(url_for("ui_tasks.job", job_id=job_id))


# -- what they show ------------------------------------------------------------------------------------


def _counts(queues: Sequence[str]) -> tuple[dict[str, int], datetime | None]:
    """How many jobs are in each state, and since when the oldest waits."""
    query = select(Job.state, func.count(), func.min(Job.created_at)).where(Job.queue.in_(queues))
    rows = db.session.execute(query.group_by(Job.state)).all()
    oldest = next((since for state, _, since in rows if state == JobState.QUEUED), None)
    return {state: count for state, count, _ in rows}, oldest


def _fields(job: Job, sensors: dict[int, Sensor]) -> dict[str, Any]:
    """A job as files have it, times in ISO 8601."""
    sensor = sensors.get(job.sensor_id) if job.sensor_id is not None else None
    moments = (job.created_at, job.started_at, job.finished_at)
    values = (
        job.id,
        job.function,
        job.queue,
        None if sensor is None else sensor.name,
        job.state,
        *(None if moment is None else iso_time(moment) for moment in moments),
        job.algorithm,
        job.because,
        job.error,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _row(job: Job, sensors: dict[int, Sensor], now: datetime) -> Row:
    how = " ".join(part for part in (job.algorithm, f"({job.because})" if job.because else "") if part)
    started, ended = job.started_at, job.finished_at
    return Row(
        id=job.id,
        what=gettext(job.function.replace("_", " ")),
        sensor=sensors.get(job.sensor_id) if job.sensor_id is not None else None,
        state=STATE_WORDS.get(job.state, job.state),
        icon=ICONS.get(job.state, "question-circle"),
        when=gettext("%(duration)s ago", duration=formatting.duration(now - job.created_at)),
        took=_took((ended - started).total_seconds()) if started and ended else "",
        how=how,
        error=next(iter((job.error or "").strip().splitlines()), ""),
    )


def _took(seconds: float) -> str:
    return f"{formatting.number(seconds * 1000)} ms" if seconds < 1 else f"{formatting.number(seconds)} s"


def _times(job: Job) -> list[tuple[str, str]]:
    zone = readers_zone()
    moments = (
        (gettext("Asked"), job.created_at),
        (gettext("Started"), job.started_at),
        (gettext("Ended"), job.finished_at),
    )
    return [(name, formatting.local(moment, zone)) for name, moment in moments if moment is not None]


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() if value else ""
