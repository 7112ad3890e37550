"""`flexmeasures jobs`: work on queues, clear them, and look at what became of jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from flexmeasures.cli.groups import CommandGroup
from flexmeasures.cli.options import with_app

STATES = ("queued", "running", "finished", "failed", "cancelled")
COLUMNS = ("id", "queue", "function", "state", "attempt", "age", "algorithm", "because", "error")
RECURRING_COLUMNS = ("name", "every", "queue", "function", "last_run", "next_due")
UNSET = dict.fromkeys(RECURRING_COLUMNS, "") | {"last_run": "never", "next_due": "at once"}
ERROR_WIDTH = 100  # characters of a job's error in the list; all of it stands in `jobs show JOB_ID`
EVERY_QUEUE = "forecasting|scheduling"


@click.group(cls=CommandGroup)
def jobs() -> None:
    """Work on jobs, clear queues, show what became of jobs."""


@jobs.command("run-worker")
@click.option(
    "--queue", default=EVERY_QUEUE, show_default=True, help="Queues to work on, separated by a pipe."
)
@click.option("--name", help="Name of the worker. Default: host and process number.")
@click.option("--burst", is_flag=True, help="Stop when nothing is waiting.")
@with_app
def run_worker(queue: str, name: str | None, burst: bool) -> None:
    """Start a worker for forecasting and/or scheduling jobs."""
    from flask import current_app

    from flexmeasures.jobs import timed_by, work, worker_name
    from flexmeasures.server import AlarmClock

    queues = _queues(queue)
    name = name or worker_name()
    click.echo(f"Worker {name} works on {' and '.join(queues)}. Stop it with Ctrl-C.")
    limit = AlarmClock(current_app.config["FLEXMEASURES_JOB_TIMEOUT"])  # nobody else ends a worker that hangs
    with _stop_signals() as asked, timed_by(limit):
        done = work(queues, name, burst=burst, stopping=lambda: bool(asked))
    click.echo(f"Worker {name} stopped after {done} jobs.")


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """A list that fills when the process is asked to stop, so that the current job can still be finished.

    One that can be stopped (a schedule that is solved) goes back to its queue at once; a second signal stops any job.
    """
    import signal

    from flexmeasures.jobs import StopNow, stop_all

    asked: list[int] = []

    def note(number: int, _: Any) -> None:
        if asked:
            raise StopNow
        asked.append(number)
        stop_all()

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@jobs.command("clear-queue")
@click.option(
    "--queue", required=True, help="Queues to clear, separated by a pipe, such as forecasting|scheduling."
)
@with_app
def clear_queue(queue: str) -> None:
    """Take the waiting jobs out of a queue."""
    from flexmeasures.jobs import clear, counts

    for each in _queues(queue):
        cleared = clear(each)
        waiting = counts([each])[each].get("queued", 0)
        click.echo(f"Cleared {cleared} jobs from queue {each}; {waiting} remain.")


def _queues(text: str) -> list[str]:
    """Names of queues, separated by a pipe; InputError names the known ones."""
    from flexmeasures.errors import InputError
    from flexmeasures.jobs import queue_names

    known = queue_names()
    names = list(dict.fromkeys(name.strip() for name in text.split("|")))
    for name in names:
        if name not in known:
            accepted = f"{', '.join(known)}, or several with a pipe between them"
            raise InputError(f"There is no queue {name!r}.", "--queue", accepted)
    return names


@jobs.command("show")
@click.argument("job_id", required=False, type=int)
@click.option("--state", type=click.Choice(STATES), help="Only jobs in that state.")
@click.option(
    "--limit", default=25, show_default=True, type=click.IntRange(1), help="So many, the newest first."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app
def show(job_id: int | None, state: str | None, limit: int, as_json: bool) -> None:
    """List the newest jobs, or show the one with JOB_ID in full."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.errors import NotFound
    from flexmeasures.models import Job

    if job_id is not None:
        job = db.session.get(Job, job_id)
        if job is None:
            accepted = "an id that `flexmeasures jobs show` lists"
            raise NotFound(f"There is no job {job_id}.", "JOB_ID", accepted)
        facts = _facts(job)
        click.echo(json.dumps(facts, indent=2) if as_json else _in_full(facts))
        return
    query = select(Job).order_by(Job.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Job.state == state)
    found = list(db.session.scalars(query))
    if as_json:
        click.echo(json.dumps([_facts(job) for job in found], indent=2))
    else:
        click.echo(_table([_row(job) for job in found]) if found else "There are no such jobs.")


@jobs.command("requeue")
@click.argument("job_id", type=int)
@with_app
def requeue(job_id: int) -> None:
    """Let the job with JOB_ID, which has ended, run again."""
    from flexmeasures.jobs import requeue as run_again

    job = run_again(job_id)
    click.echo(f"Job {job.id} waits in queue {job.queue} again.")


@jobs.command("cancel")
@click.argument("job_id", type=int)
@with_app
def cancel(job_id: int) -> None:
    """End the job with JOB_ID, which waits or runs; what it computes is not stored."""
    from flexmeasures.jobs import cancel as end

    click.echo(f"Job {end(job_id).id} is cancelled.")


@jobs.command("recurring")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app
def recurring(as_json: bool) -> None:
    """List the jobs that workers ask for once a period: how often, the last time and the next."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Recurrence
    from flexmeasures.runtime import runtime
    from flexmeasures.timing import iso_duration, iso_time

    rows = {row.name: row for row in db.session.scalars(select(Recurrence))}
    found = []
    for job in runtime().recurring_jobs.values():
        row = rows.get(job.name)
        last, due = (row.last_run, row.next_due) if row else (None, None)
        moments = [iso_time(moment) if moment else None for moment in (last, due)]
        values = (job.name, iso_duration(job.every), job.queue, job.function, *moments)
        found.append(dict(zip(RECURRING_COLUMNS, values, strict=True)))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    lines = [[each[name] or UNSET[name] for name in RECURRING_COLUMNS] for each in found]
    click.echo(_table(lines, RECURRING_COLUMNS) if lines else "No plugin brings recurring jobs.")


def _facts(job: Any) -> dict[str, Any]:
    """Every column of a job, times in ISO 8601, ready for JSON; the lease's secret token stays out."""
    names = [column.key for column in job.__table__.columns if column.key != "lease_token"]
    values = {name: getattr(job, name) for name in names}
    times = {name: value.isoformat() for name, value in values.items() if isinstance(value, datetime)}
    return values | times


def _row(job: Any) -> list[str]:
    first_line = next(iter((job.error or "").strip().splitlines()), "")
    too_long = len(first_line) > ERROR_WIDTH
    cells = {
        "age": age(job.created_at),
        "error": f"{first_line[: ERROR_WIDTH - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
        if too_long
        else first_line,
    }
    return [cells.get(name, str(getattr(job, name, None) or "")) for name in COLUMNS]


def age(moment: datetime) -> str:
    """How long ago that was (real time), in the largest fitting unit."""
    from datetime import UTC

    seconds = int((datetime.now(UTC) - moment).total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{max(seconds, 0)} s"


def _table(rows: list[list[str]], columns: Sequence[str] = COLUMNS) -> str:
    """Columns of text under their names; the last is as wide as it needs to be."""
    everything = [list(columns), *rows]
    widths = [max(len(row[k]) for row in everything) for k in range(len(columns))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in everything
    ]
    return "\n".join(line.rstrip() for line in lines)


def _in_full(facts: dict[str, Any]) -> str:
    """A line for each column that says something; what is nested as JSON below its name."""
    lines = []
    for name, value in facts.items():
        if value in (None, "", {}, []):
            continue
        nested = isinstance(value, (dict, list))
        lines.append(f"{name}: {json.dumps(value, indent=2) if nested else value}")
    return "\n".join(lines)
