"""A solve that takes long ends when its job is cancelled, its worker stops, or its time is over (decision D20)."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from flexmeasures import jobs
from flexmeasures.db import db, writing
from flexmeasures.errors import AlgorithmError
from flexmeasures.jobs import Outcome
from flexmeasures.models import Job, JobState
from flexmeasures.server import Workers, supervisor
from flexmeasures_scheduler_storage import StorageScheduler, dynamic
from flexmeasures_scheduling import Connection, Flexibility, Status

SLOTS = 192
LOSSES = Flexibility(charge_efficiency=0.95, discharge_efficiency=0.95)
PATIENCE = 20  # seconds
# The shortest time in which a worker notices and ends, on a machine that does other things as well.
SOON = 6


@pytest.fixture
def hard(make_problem, monkeypatch):
    """A problem whose directions are searched for by whole numbers, without end."""
    monkeypatch.setattr(dynamic, "can_plan", lambda problem: False)
    problem = make_problem([300.0] * SLOTS, capacity=0.005, limits=(0.0, 0.01), start=0.005)
    return replace(problem, production_prices=np.full(SLOTS, 430.0), flexibility=LOSSES)


@pytest.fixture
def app(app, monkeypatch, hard):
    app.config["FLEXMEASURES_JOBS"] = ""
    app.config["FLEXMEASURES_SOLVER_TIME_LIMIT"] = timedelta(seconds=60)
    functions = {"solve": lambda job: solve(hard), "pid": lambda job: Outcome(result={"pid": os.getpid()})}
    monkeypatch.setattr(app.extensions["flexmeasures"], "job_functions", functions)
    supervisor._warm(app)
    return app


def solve(problem) -> Outcome:
    StorageScheduler().compute(problem)
    return Outcome()


def ask(app, function) -> int:
    with app.app_context(), writing():
        return jobs.enqueue(function, {}, queue="scheduling").id


def wait_for(app, job_id, state) -> Job:
    until = time.monotonic() + PATIENCE
    while (job := look(app, job_id)).state != state and time.monotonic() < until:
        time.sleep(0.01)
    assert job.state == state, (job.state, job.error)
    return job


def look(app, job_id) -> Job:
    with app.app_context():
        return db.session.get_one(Job, job_id)


def begun(app) -> int:
    """The id of a job whose solver has been at work for a while."""
    job_id = ask(app, "solve")
    wait_for(app, job_id, JobState.RUNNING)
    time.sleep(0.5)  # nobody tells from outside that whole numbers are searched for
    assert look(app, job_id).state == JobState.RUNNING
    return job_id


def test_a_cancelled_job_stops_its_solver_and_the_next_one_runs(app):
    with Workers(app, 1):
        job_id = begun(app)
        with app.app_context():
            jobs.cancel(job_id)
        cancelled = time.monotonic()
        wait_for(app, ask(app, "pid"), JobState.FINISHED)
        assert time.monotonic() - cancelled < SOON
        assert look(app, job_id).state == JobState.CANCELLED


def test_a_worker_that_is_to_end_stops_its_solver_and_gives_the_job_back(app):
    crew = Workers(app, 1)
    crew.start()
    job_id = begun(app)
    stopped = time.monotonic()
    crew.stop()

    assert time.monotonic() - stopped < SOON
    job = look(app, job_id)
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)


@pytest.mark.contract("D20")
def test_at_the_time_limit_the_best_plan_counts_with_its_proven_gap(hard, app):
    app.config["FLEXMEASURES_SOLVER_TIME_LIMIT"] = timedelta(seconds=1)
    with app.app_context():
        schedule = StorageScheduler().compute(hard)

    assert schedule.status is Status.OPTIMAL
    assert "may cost up to" in schedule.warnings[0]
    assert "more than the cheapest" in schedule.warnings[0]
    assert schedule.objective <= 0


@pytest.mark.parametrize("site", [False, True])
def test_without_any_plan_at_the_time_limit_the_job_fails_with_the_setting_named(make_problem, app, site):
    app.config["FLEXMEASURES_SOLVER_TIME_LIMIT"] = timedelta(0)
    problem = make_problem([10.0] * 8)
    connection = Connection(base=np.zeros(8), consumption_limit=3.0, production_limit=3.0)
    with app.app_context(), pytest.raises(AlgorithmError, match="FLEXMEASURES_SOLVER_TIME_LIMIT"):
        if site:
            StorageScheduler().compute_site([problem], connection)
        else:
            StorageScheduler().compute(problem)


def test_the_time_limit_leaves_the_job_time_to_store_its_plan(app):
    from flexmeasures_scheduler_storage.scheduler import time_limit

    app.config["FLEXMEASURES_JOB_TIMEOUT"] = timedelta(seconds=5)
    with app.app_context():
        assert time_limit() == pytest.approx(4.0)
    assert time_limit() == 10.0
