"""What becomes of jobs whose worker lost its lease, died or was stopped, and of the next ones."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from flexmeasures import jobs
from flexmeasures.db import db, writing
from flexmeasures.errors import AlgorithmError
from flexmeasures.jobs import claiming, leases, returning, runner, table, worker
from flexmeasures.models import Job, JobState
from flexmeasures_db_ops import backups

from .conftest import QUEUE, ask, note, notes, reread


def let_lease_expire(job: Job) -> None:
    with writing() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(Job).where(Job.id == job.id).values(lease_until=past))


def test_what_a_worker_computed_after_losing_its_lease_is_not_stored(functions):
    def slow(job):
        let_lease_expire(job)
        assert returning.sweep() == 1
        return note(job)

    functions["slow"] = slow
    job = ask("late", function="slow")
    runner.run(claiming.claim([QUEUE], "first"))
    assert notes() == []
    assert (reread(job).state, job.attempt) == (JobState.QUEUED, 1)
    functions["slow"] = note
    runner.run(claiming.claim([QUEUE], "second"))
    assert (notes(), reread(job).state) == (["late"], JobState.FINISHED)


def test_a_cancelled_job_stores_nothing(functions):
    def cancelled_meanwhile(job):
        with writing() as session:
            session.execute(update(Job).where(Job.id == job.id).values(state=JobState.CANCELLED))
        return note(job)

    functions["slow"] = cancelled_meanwhile
    job = ask(function="slow")
    jobs.work(burst=True)
    assert (notes(), reread(job).state) == ([], JobState.CANCELLED)


@pytest.mark.contract("D9")
@pytest.mark.parametrize("data", [True, False])
def test_a_job_under_which_a_backup_is_loaded_stores_nothing(functions, tmp_path, data):
    def restored_meanwhile(job):
        backups.load(tmp_path / "backup")
        return note(job)

    functions["slow"] = restored_meanwhile
    job_id = ask(function="slow").id
    backups.save(tmp_path / "backup", data=data)
    runner.run(claiming.claim([QUEUE], "mortal"))
    assert notes() == []
    assert db.session.scalar(select(Job.state).where(Job.id == job_id)) == (JobState.QUEUED if data else None)


def test_after_three_lost_leases_a_job_fails_with_the_reason(functions, failures):
    job = ask()
    for attempt in (1, 2, 3):
        assert claiming.claim([QUEUE], "mortal").attempt == attempt
        assert returning.sweep() == 0
        let_lease_expire(job)
        assert returning.sweep() == 1
    assert reread(job).state == JobState.FAILED
    assert job.error == "JobError: gave up after 3 attempts, because its worker died or lost contact"
    assert failures == [f"failed {job.error}"]
    assert claiming.claim([QUEUE], "mortal") is None


def test_jobs_of_a_worker_known_to_be_dead_are_given_back_at_once(functions):
    ask("a"), ask("b")
    mine, other = claiming.claim([QUEUE], "dead"), claiming.claim([QUEUE], "alive")
    assert jobs.give_back(["dead"], "its worker died") == 1
    assert (reread(mine).state, reread(other).state) == (JobState.QUEUED, JobState.RUNNING)


def test_the_lease_is_renewed_while_the_function_runs(functions, monkeypatch):
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=0.4))
    monkeypatch.setattr(leases, "RENEW_EVERY", timedelta(seconds=0.1))
    swept = []

    def slow(job):
        for _ in range(8):
            time.sleep(0.1)
            swept.append(returning.sweep())
        return note(job)

    functions["slow"] = slow
    job = ask(function="slow")
    jobs.work(burst=True)
    assert swept == [0] * 8
    assert (reread(job).state, job.attempt) == (JobState.FINISHED, 1)


def test_a_job_in_the_middle_of_which_the_process_is_to_stop_is_handed_back_as_if_never_claimed(functions):
    def interrupted(job):
        raise jobs.StopNow

    functions["slow"] = interrupted
    job = ask(function="slow")
    with pytest.raises(jobs.StopNow):
        jobs.work(burst=True)
    assert (reread(job).state, job.attempt, job.worker) == (JobState.QUEUED, 0, None)


def test_a_job_whose_worker_died_waits_longer_each_time_while_others_run(functions, monkeypatch):
    monkeypatch.setattr(returning, "WAITS", (timedelta(seconds=20), timedelta(seconds=300)))
    job = ask("deadly")
    for wait in returning.WAITS:
        assert claiming.claim([QUEUE], "dead").id == job.id
        before = datetime.now(UTC)
        assert jobs.give_back(["dead"], "its worker died") == 1
        assert reread(job).state == JobState.QUEUED
        assert wait <= job.not_before - before < wait + timedelta(seconds=10)
        other = ask(f"other {wait}")
        assert jobs.work(burst=True) == 1
        assert reread(other).state == JobState.FINISHED
        with writing():  # the time passes
            db.session.execute(update(Job).where(Job.id == job.id).values(not_before=datetime.now(UTC)))
    assert claiming.claim([QUEUE], "dead").not_before is None
    jobs.give_back(["dead"], "its worker died")
    assert reread(job).error == "JobError: gave up after 3 attempts, because its worker died"


def test_a_worker_that_was_asked_to_stop_used_up_no_attempt_of_its_job(functions):
    job = ask()
    claiming.claim([QUEUE], "stopped")
    assert jobs.give_back(["stopped"], "its worker was stopped", counted=False) == 1
    assert (reread(job).state, job.attempt, job.not_before) == (JobState.QUEUED, 0, None)


def test_a_worker_stops_when_it_is_told_to_between_jobs_and_hands_back_what_it_has_claimed(functions):
    ask("a")
    second = ask("b")
    answers = iter([False, True])
    assert jobs.work(stopping=lambda: next(answers)) == 1
    assert notes() == ["a"]
    reread(second)
    assert (second.state, second.attempt, second.worker) == (JobState.QUEUED, 0, None)
    assert second.lease_token is None


def test_with_the_end_of_a_job_the_next_one_is_claimed_and_with_its_failure_none(functions):
    def fail(job):
        raise AlgorithmError("no")

    functions["fail"] = fail
    ask("a"), ask("b", function="fail"), ask("elsewhere", queue="scheduling"), ask("c")
    second = runner.run(claiming.claim([QUEUE], "busy"), [QUEUE])
    assert (second.arguments["name"], second.state, second.attempt) == ("b", JobState.RUNNING, 1)
    assert second.worker == "busy"
    assert runner.run(second, [QUEUE]) is None
    third = claiming.claim([QUEUE], "busy")
    assert third.arguments["name"] == "c"
    assert runner.run(third, [QUEUE]) is None
    assert notes() == ["a", "c"]


def test_a_lost_lease_claims_no_next_job(functions):
    first = ask("a")
    second = ask("b")
    claimed = claiming.claim([QUEUE], "slow")
    let_lease_expire(first)
    returning.sweep()
    assert runner.run(claimed, [QUEUE]) is None
    assert reread(second).state == JobState.QUEUED


def test_an_idle_worker_never_takes_the_write_lock(functions, monkeypatch):
    returning.sweep()  # notes when recurring jobs are due, once
    for module in (table, returning):
        monkeypatch.setattr(module, "writing", lambda **_: pytest.fail("a write transaction for nothing"))
    assert claiming.claim(jobs.QUEUES, "idle") is None
    assert returning.sweep() == 0


def test_an_idle_worker_takes_up_a_new_job_long_before_its_next_sweep(functions, in_app):
    stop = SimpleNamespace(now=False)
    taken = []

    def idle():
        with in_app.app_context():
            jobs.work(stopping=lambda: stop.now)

    thread = threading.Thread(target=idle)
    thread.start()
    try:
        # Each is asked for right after the one before, so that a sweep would be a second away.
        for number in range(5):
            job = ask(f"soon {number}")
            deadline = time.monotonic() + 10
            while reread(job).state != JobState.FINISHED and time.monotonic() < deadline:
                time.sleep(0.005)
            assert job.state == JobState.FINISHED, job.error
            taken.append(job.started_at - job.created_at)
    finally:
        stop.now = True
        thread.join()
    assert min(taken) < worker.SWEEP_EVERY / 2
