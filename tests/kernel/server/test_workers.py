"""Worker processes: warm, watched, replaced when they die, gone with their parent. Real processes."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from flexmeasures import jobs, sources
from flexmeasures.db import db, is_sqlite, writing
from flexmeasures.jobs import Outcome, claiming, returning
from flexmeasures.models import Job, JobState, Source
from flexmeasures.server import Workers
from flexmeasures.server import supervisor as the_supervisor

PATIENCE = 15  # seconds


def tell_pid(job: Job) -> Outcome:
    return Outcome(result={"pid": os.getpid()})


def die_at_first(job: Job) -> Outcome:
    if job.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return tell_pid(job)


def sleep(job: Job) -> Outcome:
    time.sleep(job.arguments["seconds"])
    return tell_pid(job)


def bring_source(job: Job) -> Outcome:
    def store(job: Job) -> None:
        sources.get_source("newcomer", "script")
        time.sleep(0.3)

    return Outcome(store=store)


def leave(job):
    os._exit(2)


@pytest.fixture
def app(app, monkeypatch, transport, warm):
    app.config["FLEXMEASURES_JOBS"] = ""
    functions = {"pid": tell_pid, "die": die_at_first, "sleep": sleep, "source": bring_source, "leave": leave}
    monkeypatch.setattr(app.extensions["flexmeasures"], "job_functions", functions)
    return app


def ask(app, function, **arguments) -> int:
    with app.app_context(), writing():
        return jobs.enqueue(function, arguments, queue="scheduling").id


def look(app, job_id) -> Job:
    with app.app_context():
        return db.session.get_one(Job, job_id)


def wait_for(app, job_id, state=JobState.FINISHED, patience=PATIENCE) -> Job:
    until = time.monotonic() + patience
    while (job := look(app, job_id)).state != state and time.monotonic() < until:
        time.sleep(0.01)
    assert job.state == state, (job.state, job.error)
    return job


def is_alive(pid: int) -> bool:
    return the_supervisor._is_alive(f"host:{pid}")


def wait_until_dead(*pids: int) -> None:
    until = time.monotonic() + PATIENCE
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not [pid for pid in pids if is_alive(pid)]


def test_jobs_run_in_other_processes_which_end_with_stop(app):
    before = ask(app, "pid")
    with Workers(app, 2):
        ids = [before, *(ask(app, "pid") for _ in range(5))]
        pids = {wait_for(app, job_id).result["pid"] for job_id in ids}
        assert os.getpid() not in pids
        assert 1 <= len(pids) <= 2
    wait_until_dead(*pids)


def test_two_workers_run_two_jobs_at_the_same_time(app):
    with Workers(app, 2):
        pids = {
            wait_for(app, job).result["pid"] for job in [ask(app, "sleep", seconds=0.5) for _ in range(2)]
        }
    assert len(pids) == 2


def test_workers_serve_only_the_queues_that_they_are_given(app):
    with Workers(app, 1, ["forecasting"]):
        job_id = ask(app, "pid")
        time.sleep(0.5)
        assert look(app, job_id).state == JobState.QUEUED


def test_a_worker_that_dies_is_replaced_and_its_job_is_run_again_at_once(app):
    with Workers(app, 1):
        started = time.monotonic()
        job = wait_for(app, ask(app, "die"))
        assert job.attempt == 2
        assert time.monotonic() - started < 10  # the lease alone would have taken a minute


def test_a_job_that_kills_its_worker_each_time_ends_and_others_do_not_starve(app, monkeypatch):
    monkeypatch.setattr(returning, "WAITS", (timedelta(seconds=0.1), timedelta(seconds=0.2)))
    monkeypatch.setattr(the_supervisor, "YOUNG", 0)
    with Workers(app, 1):
        deadly, other = ask(app, "leave"), ask(app, "pid")
        assert wait_for(app, other).attempt == 1
        job = wait_for(app, deadly, JobState.FAILED)
        assert (job.attempt, job.error) == (3, "JobError: gave up after 3 attempts, because its worker died")


def test_stop_lets_a_worker_finish_its_job(app):
    with Workers(app, 1):
        job_id = ask(app, "sleep", seconds=1)
        wait_for(app, job_id, JobState.RUNNING)
    job = look(app, job_id)
    assert (job.state, job.attempt) == (JobState.FINISHED, 1)


def test_stop_gives_a_job_back_that_does_not_finish_in_time(app, monkeypatch):
    monkeypatch.setattr(the_supervisor, "GRACE", timedelta(seconds=0.2))
    with Workers(app, 1):
        job_id = ask(app, "sleep", seconds=60)
        wait_for(app, job_id, JobState.RUNNING)
    assert look(app, job_id).state == JobState.QUEUED


def test_a_job_that_overruns_its_deadline_is_killed_and_says_so(app):
    app.config["FLEXMEASURES_JOB_TIMEOUT"] = timedelta(seconds=0.5)
    job_id = ask(app, "sleep", seconds=60)
    with app.app_context(), writing() as session:
        session.execute(update(Job).values(attempt=returning.MAX_ATTEMPTS - 1))
    with Workers(app, 1):
        job = wait_for(app, job_id, JobState.FAILED)
        assert job.error == "JobError: gave up after 3 attempts, because it took longer than 0.5 seconds"
        wait_for(app, ask(app, "pid"))


def test_jobs_of_workers_that_are_no_more_are_given_back_when_workers_start(app):
    job_id = ask(app, "pid")
    dead = os.fork()
    if dead == 0:
        os._exit(0)
    os.waitpid(dead, 0)
    with app.app_context():
        claiming.claim(["scheduling"], jobs.worker_name(dead))
    with Workers(app, 1):
        assert wait_for(app, job_id, patience=20).attempt == 2  # leases are longer


def test_two_workers_may_bring_the_same_new_source_at_once(app):
    with Workers(app, 2):
        for job_id in [ask(app, "source") for _ in range(2)]:
            wait_for(app, job_id)
    with app.app_context():
        assert len(db.session.scalars(select(Source).where(Source.name == "newcomer")).all()) == 1


@pytest.fixture
def family(app, tmp_path):
    """Ids of a process of its own that started a worker, of the supervisor, and of the worker."""
    note = tmp_path / "supervisor"
    with app.app_context():
        db.engine.dispose()  # what the child closes would be closed for this process as well
    child = os.fork()
    if child == 0:
        try:
            crew = Workers(app, 1)
            crew.start()
            note.write_text(f"{crew.supervisor}\n")
            time.sleep(60)
        finally:
            os._exit(0)
    pids = [child]
    try:
        pids.append(wait_for(app, ask(app, "pid")).result["pid"])
        while not (note.exists() and note.read_text().endswith("\n")):
            time.sleep(0.01)
        pids.insert(1, int(note.read_text()))
        yield tuple(pids)
    finally:
        for pid in pids:
            the_supervisor._kill(pid, signal.SIGKILL)


def test_workers_die_with_the_process_that_started_them(family):
    child, supervisor, worker = family
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_until_dead(supervisor, worker)


def test_without_its_supervisor_the_whole_family_ends(family):
    child, supervisor, worker = family
    os.kill(supervisor, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM
    wait_until_dead(supervisor, worker)


def test_a_killed_family_leaves_its_job_to_the_next_one(app, family):
    job_id = ask(app, "sleep", seconds=1.5)
    wait_for(app, job_id, JobState.RUNNING)
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(family[0], 0)
    wait_until_dead(*family)
    started = datetime.now(UTC)
    with Workers(app, 1):
        job = wait_for(app, job_id)
    assert (job.attempt, job.started_at > started) == (2, True)


def test_workers_survive_the_loss_of_their_connections(app):
    with Workers(app, 1):
        pid = wait_for(app, ask(app, "pid")).result["pid"]
        with app.app_context():
            if is_sqlite():
                pytest.skip("SQLite has no connections that could be lost")
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            others += " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            assert len(db.session.execute(text(others)).all()) >= 1
            db.session.close()
            db.engine.dispose()  # the test's own are lost, too
        assert wait_for(app, ask(app, "pid")).result["pid"] == pid
