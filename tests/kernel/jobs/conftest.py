"""Functions that jobs name, on SQLite and PostgreSQL, and jobs that ask for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from flexmeasures import hookimpl, jobs
from flexmeasures.db import db, writing
from flexmeasures.jobs import Outcome, returning
from flexmeasures.models import Job, Source
from flexmeasures.runtime import runtime

QUEUE = "forecasting"


@pytest.fixture
def functions(in_app, monkeypatch, transport):
    """The job functions, which a test may add to; jobs wait for workers."""
    in_app.config["FLEXMEASURES_JOBS"] = ""
    monkeypatch.setattr(runtime(), "job_functions", {"note": note})
    monkeypatch.setattr(
        returning, "WAITS", (timedelta(0), timedelta(0))
    )  # between attempts; a test has its own
    return runtime().job_functions


@pytest.fixture
def failures(in_app):
    """Reasons of the failures that plugins are told of."""
    heard: list[str] = []

    class Listener:
        @hookimpl
        def on_job_failed(self, job, error):
            heard.append(f"{job.state} {error}")

    listener = Listener()
    manager = runtime().plugins.manager
    manager.register(listener, "listener")
    yield heard
    manager.unregister(name="listener")


def note(job: Job) -> Outcome:
    """Store a source, which tests can count."""
    return Outcome(store=lambda job: db.session.add(Source(name=job.arguments["name"], type="note")))


def ask(name: str = "one", function: str = "note", queue: str = QUEUE, **options) -> Job:
    with writing():
        return jobs.enqueue(function, {"name": name}, queue=queue, **options)


def notes() -> list[str]:
    found = db.session.scalars(select(Source.name).where(Source.type == "note").order_by(Source.id)).all()
    db.session.commit()
    return list(found)


def reread(job: Job) -> Job:
    db.session.refresh(job)
    db.session.commit()
    return job
