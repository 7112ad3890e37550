"""Jobs: claimed once, run outside of transactions, stored while the lease is held, and failed with a reason."""

from __future__ import annotations

import os
import threading

import pytest
from sqlalchemy import func, select, text

from flexmeasures import jobs
from flexmeasures.db import db, writing
from flexmeasures.errors import AlgorithmError, JobError
from flexmeasures.jobs import Outcome, claiming
from flexmeasures.models import Job, JobState, Source

from .conftest import QUEUE, ask, notes, reread


def test_a_job_is_run_and_its_outcome_is_noted_on_the_row(functions):
    def function(job):
        return Outcome(result={"answer": 42}, algorithm="adder", because="it can", inputs={"a": [1, 2]})

    functions["add"] = function
    job = ask(function="add")
    assert jobs.work(burst=True) == 1
    reread(job)
    assert (job.state, job.attempt, job.error) == (JobState.FINISHED, 1, None)
    assert (job.result, job.algorithm, job.because) == ({"answer": 42}, "adder", "it can")
    assert job.inputs == {"a": [1, 2]}
    assert job.created_at <= job.started_at <= job.finished_at
    assert job.lease_token is None


def test_the_oldest_job_of_the_asked_queues_is_claimed_first(functions):
    ask("other", queue="scheduling")
    first, second = ask("first"), ask("second")
    claimed = [claiming.claim([QUEUE], "me") for _ in range(3)]
    assert [job and job.id for job in claimed] == [first.id, second.id, None]
    assert claiming.claim(jobs.QUEUES, "me").arguments == {"name": "other"}


def test_a_job_is_not_there_before_the_transaction_that_causes_it_commits(functions):
    def cause():
        with writing():
            ask()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cause()
    assert jobs.work(burst=True) == 0
    assert db.session.scalar(select(func.count(Job.id))) == 0


def test_of_many_workers_exactly_one_gets_each_job(functions, in_app):
    for k in range(30):
        ask(str(k))

    def burst():
        with in_app.app_context():
            jobs.work(burst=True)

    threads = [threading.Thread(target=burst) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(notes(), key=int) == [str(k) for k in range(30)]
    assert set(db.session.scalars(select(Job.attempt))) == {1}


def test_no_transaction_is_open_while_the_function_computes(functions, in_app):
    seen = {}

    def function(job):
        seen["in_transaction"] = db.session.in_transaction()

        def write_elsewhere():
            with in_app.app_context(), writing() as session:
                session.add(Source(name="elsewhere", type="note"))

        thread = threading.Thread(target=write_elsewhere)
        thread.start()
        thread.join(5)
        seen["blocked"] = thread.is_alive()
        return Outcome()

    functions["look"] = function
    ask(function="look")
    jobs.work(burst=True)
    assert seen == {"in_transaction": False, "blocked": False}


def test_a_failing_job_says_why_and_plugins_are_told(functions, failures):
    def function(job):
        raise AlgorithmError("Prices unknown today.")

    functions["plan"] = function
    job = ask(function="plan")
    jobs.work(burst=True)
    reread(job)
    assert (job.state, job.error) == (JobState.FAILED, "AlgorithmError: Prices unknown today.")
    assert failures == ["failed AlgorithmError: Prices unknown today."]


def test_a_bug_in_a_function_fails_the_job_and_is_logged_with_its_traceback(functions, caplog):
    functions["bug"] = lambda job: 1 / 0
    job = ask(function="bug")
    jobs.work(burst=True)
    assert reread(job).error == "ZeroDivisionError: division by zero"
    assert any(record.exc_info and record.levelname == "ERROR" for record in caplog.records)


def test_what_a_database_refuses_is_told_without_the_statement_and_its_values(functions):
    def store(job):
        db.session.add(Source(name=None, type="a secret"))
        db.session.flush()

    functions["refused"] = lambda job: Outcome(store=store)
    job = ask(function="refused")
    jobs.work(burst=True)
    assert reread(job).error == (
        "What the job wanted to store breaks a rule of the tables, so nothing was stored; see the log."
    )


def test_a_statement_that_is_wrong_is_told_in_a_sentence_without_it(functions):
    def store(job):
        db.session.execute(text("SELECT secret FROM nowhere"))

    functions["wrong"] = lambda job: Outcome(store=store)
    job = ask(function="wrong")
    jobs.work(burst=True)
    error = reread(job).error
    assert error.endswith("so nothing was stored; see the log.")
    assert not {"SELECT", "secret", "nowhere", "Error"} & set(error.split())


def test_an_unknown_function_fails_the_job_and_names_the_known_ones(functions):
    job = ask(function="nonsense")
    jobs.work(burst=True)
    assert reread(job).error == "JobError: No job function 'nonsense' is registered (registered: note)."


def test_a_failing_store_leaves_nothing_behind(functions):
    def half(job):
        db.session.add(Source(name="half", type="note"))
        db.session.flush()
        raise AlgorithmError("the other half does not fit")

    functions["half"] = lambda job: Outcome(store=half)
    job = ask(function="half")
    jobs.work(burst=True)
    assert reread(job).state == JobState.FAILED
    assert notes() == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(2), "SystemExit: 2"),
        (KeyboardInterrupt("mine"), "KeyboardInterrupt: mine"),
        (GeneratorExit("odd"), "GeneratorExit: odd"),
        (BaseException("of its own"), "BaseException: of its own"),
    ],
)
def test_whatever_a_function_raises_fails_its_job_and_the_worker_goes_on(functions, error, reason):
    def leave(job):
        raise error

    functions["leave"] = leave
    job, other = ask(function="leave"), ask("other")
    assert jobs.work(burst=True) == 2
    assert (reread(job).state, job.attempt, job.error) == (JobState.FAILED, 1, reason)
    assert reread(other).state == JobState.FINISHED


class Mute(Exception):
    def __str__(self):
        raise ValueError("no")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("a\0b"), "ValueError: a\N{REPLACEMENT CHARACTER}b"),
        (JobError("a\udc80b"), "JobError: a?b"),
        (Mute(), "Mute: (it cannot say more)"),
    ],
    ids=["nul", "half a character", "mute"],
)
def test_an_error_whose_text_no_database_takes_is_a_reason_all_the_same(functions, error, reason):
    def leave(job):
        raise error

    functions["leave"] = leave
    job = ask(function="leave")
    assert jobs.work(burst=True) == 1
    assert (reread(job).state, job.error) == (JobState.FAILED, reason)


@pytest.mark.parametrize("ends", ["returns", "raises"])
def test_a_process_that_a_job_forks_is_no_second_worker(functions, ends):
    def fork(job):
        child = os.fork()
        if child == 0:
            if ends == "raises":
                raise SystemExit
            return Outcome(result={"by": "the child"})
        os.waitpid(child, 0)
        return Outcome(result={"by": "the worker"})

    functions["fork"] = fork
    job = ask(function="fork")
    assert jobs.work(burst=True) == 1
    assert (reread(job).state, job.result) == (JobState.FINISHED, {"by": "the worker"})
