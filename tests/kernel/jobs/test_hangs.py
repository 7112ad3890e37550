"""Jobs that hang, in C code and against signals, are ended at the time limit; nothing is stored twice."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from flexmeasures import jobs, sources
from flexmeasures.db import db, writing
from flexmeasures.jobs import Outcome, claiming, leases, returning
from flexmeasures.models import Job, JobState, Source
from flexmeasures.server import Workers

PATIENCE = 15  # seconds
LIMIT = timedelta(seconds=0.7)
LONG = 60_000_000  # microseconds


def hang_in_c(job: Job) -> Outcome:
    """At first in C code that lets other threads run."""
    if job.attempt == 1:
        ctypes.CDLL(None).usleep(LONG)
    return Outcome(result={"pid": os.getpid()})


def hang_with_the_lock(job: Job) -> Outcome:
    """At first in C code that keeps Python's lock: no other thread of the process runs, nor a signal handler."""
    if job.attempt == 1:
        ctypes.PyDLL(None).usleep(LONG)
    return Outcome(result={"pid": os.getpid()})


def ignore_signals(job: Job) -> Outcome:
    if job.attempt == 1:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            time.sleep(1)
    return Outcome(result={"pid": os.getpid()})


def pause_with_the_lock(job: Job) -> Outcome:
    """At first without renewing the lease for much longer than it lasts; each attempt would store."""
    attempt = job.attempt
    if attempt == 1:
        ctypes.PyDLL(None).usleep(2_500_000)
    return Outcome(
        store=lambda job: sources.get_source(f"attempt {attempt}", "script"), result={"attempt": attempt}
    )


FUNCTIONS = {
    "c": hang_in_c,
    "lock": hang_with_the_lock,
    "signals": ignore_signals,
    "pause": pause_with_the_lock,
}


@pytest.fixture
def app(app, monkeypatch, warm):
    app.config["FLEXMEASURES_JOBS"] = ""
    monkeypatch.setattr(app.extensions["flexmeasures"], "job_functions", FUNCTIONS)
    return app


def ask(app, function) -> int:
    with app.app_context(), writing():
        return jobs.enqueue(function, {}, queue="scheduling").id


def wait_for(app, job_id, *states) -> Job:
    until = time.monotonic() + PATIENCE
    while True:
        with app.app_context():
            job = db.session.get_one(Job, job_id)
        if job.state in states or time.monotonic() > until:
            break
        time.sleep(0.02)
    assert job.state in states, (job.state, job.error)
    return job


def worker_of(app, job_id) -> int:
    return int(wait_for(app, job_id, JobState.RUNNING).worker.rpartition(":")[2])


@pytest.mark.parametrize("how", ["c", "lock", "signals"])
def test_a_job_that_hangs_costs_its_worker_at_the_limit_and_is_run_again(app, how):
    app.config["FLEXMEASURES_JOB_TIMEOUT"] = LIMIT
    job_id = ask(app, how)
    with Workers(app, 1):
        hanging = worker_of(app, job_id)
        job = wait_for(app, job_id, JobState.FINISHED)
    assert job.attempt == 2
    assert job.result["pid"] != hanging
    with pytest.raises(ProcessLookupError):
        os.kill(hanging, 0)


@pytest.mark.parametrize("how", ["c", "lock", "signals"])
def test_a_job_that_always_hangs_fails_with_the_reason_and_the_next_one_runs(app, how, monkeypatch):
    app.config["FLEXMEASURES_JOB_TIMEOUT"] = LIMIT
    monkeypatch.setattr(returning, "MAX_ATTEMPTS", 1)
    first = ask(app, how)
    with Workers(app, 1):
        job = wait_for(app, first, JobState.FAILED)
        assert job.error == "JobError: gave up after 1 attempts, because it took longer than 0.7 seconds"


def test_a_worker_that_hangs_with_the_lock_is_ended_although_it_has_lost_its_job(app, monkeypatch):
    """The lease is not renewed, so another worker has the job before the limit: only shared memory tells then."""
    app.config["FLEXMEASURES_JOB_TIMEOUT"] = timedelta(seconds=3)
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=0.5))
    monkeypatch.setattr(returning, "WAITS", (timedelta(0), timedelta(0)))
    job_id = ask(app, "lock")
    with Workers(app, 2):
        hanging = worker_of(app, job_id)
        assert wait_for(app, job_id, JobState.FINISHED).attempt == 2
        os.kill(hanging, 0)  # still there
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and os.path.exists(f"/proc/{hanging}"):
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{hanging}")


def test_a_lease_that_c_code_did_not_let_renew_does_not_lead_to_double_storing(app, monkeypatch):
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=0.5))
    monkeypatch.setattr(leases, "RENEW_EVERY", timedelta(seconds=0.1))
    job_id = ask(app, "pause")
    with Workers(app, 2):
        job = wait_for(app, job_id, JobState.FINISHED)
        assert job.result == {"attempt": 2}
        time.sleep(2.5)  # the first one has come back to life and has tried to store
        assert wait_for(app, job_id, JobState.FINISHED).result == {"attempt": 2}
    with app.app_context():
        names = select(Source.name).where(Source.name.startswith("attempt"))
        assert db.session.scalars(names).all() == ["attempt 2"]


def test_a_lease_is_not_renewed_beyond_the_limit(app, monkeypatch):
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=0.4))
    monkeypatch.setattr(leases, "RENEW_EVERY", timedelta(seconds=0.1))
    app.config["FLEXMEASURES_JOB_TIMEOUT"] = timedelta(seconds=0.5)
    job_id = ask(app, "c")
    with app.app_context():
        job = claiming.claim(["scheduling"], "somebody")
        with leases.renewing(job_id, job.lease_token):
            time.sleep(0.3)
            assert returning.sweep() == 0
            time.sleep(1)
            assert returning.sweep() == 1


def test_a_worker_without_a_supervisor_is_ended_by_the_operating_system(tmp_path):
    code = (
        "import ctypes; from datetime import timedelta; from flexmeasures.jobs import counting, timed_by\n"
        "from flexmeasures.server import AlarmClock\n"
        "with timed_by(AlarmClock(timedelta(seconds=0.3))):\n"
        "    with counting(): pass\n"
        "    __import__('time').sleep(0.5)\n"
        "    print('idle is no crime', flush=True)\n"
        "    with counting(): ctypes.PyDLL(None).usleep(60_000_000)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGALRM, "idle is no crime\n")


def test_jobs_of_workers_without_a_supervisor_are_given_back_by_the_supervisor_of_this_machine(app):
    with Workers(app, 1, ["scheduling"]):
        dead = os.fork()
        if dead == 0:
            os._exit(0)
        os.waitpid(dead, 0)
        with app.app_context(), writing() as session:
            job = jobs.enqueue("c", {}, queue="elsewhere")
            names = {"state": JobState.RUNNING, "worker": jobs.worker_name(dead), "lease_token": "x"}
            session.execute(update(Job).where(Job.id == job.id).values(**names, attempt=1))
        wait_for(app, job.id, JobState.QUEUED)


def test_a_process_id_of_another_container_is_not_taken_for_one_of_this_machine(monkeypatch):
    here = jobs.machine.__wrapped__
    monkeypatch.setattr(os, "readlink", lambda path: "pid:[4026531836]")
    host = here()
    monkeypatch.setattr(os, "readlink", lambda path: "pid:[4026532901]")
    assert here() == f"{host}/4026532901"
    assert not f"{here()}:17".startswith(f"{host}:")
