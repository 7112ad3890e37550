"""Jobs: claimed once, run outside of transactions, stored while the lease is held, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select, text, update

from flexmeasures import hookimpl, jobs
from flexmeasures.db import db, writing
from flexmeasures.errors import AlgorithmError, JobError
from flexmeasures.jobs import Outcome, claiming, leases, returning, runner, table, worker
from flexmeasures.models import Job, JobState, Source
from flexmeasures.runtime import runtime
from flexmeasures_db_ops import backups

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
def inline(functions, in_app):
    in_app.config["FLEXMEASURES_JOBS"] = "inline"


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


def let_lease_expire(job: Job) -> None:
    with writing() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(Job).where(Job.id == job.id).values(lease_until=past))


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


def widen(old, new):
    return {"name": old["name"] + new["name"]}


def test_a_waiting_job_of_the_same_key_is_widened(functions):
    first, second = ask("a", merge_key="k", merge=widen), ask("b", merge_key="k", merge=widen)
    other = ask("c", merge_key="other", merge=widen)
    assert (second.id, second.arguments) == (first.id, {"name": "ab"})
    assert other.id != first.id
    assert jobs.work(burst=True) == 2
    assert notes() == ["ab", "c"]


def test_a_job_that_runs_already_is_not_widened(functions):
    first = ask("a", merge_key="k", merge=widen)
    claiming.claim([QUEUE], "busy")
    second = ask("b", merge_key="k", merge=widen)
    assert second.id != first.id
    assert jobs.give_back(["busy"], "its worker died") == 1  # beside the one that waits under the same key
    assert jobs.work(burst=True) == 2
    assert sorted(notes()) == ["a", "b"]


def test_concurrent_requests_of_one_key_become_one_row_with_all_arguments(functions, in_app):
    def post(letter):
        with in_app.app_context():
            ask(letter, merge_key="k", merge=widen)

    threads = [threading.Thread(target=post, args=(letter,)) for letter in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (job,) = db.session.scalars(select(Job)).all()
    assert sorted(job.arguments["name"]) == list("abcdefgh")


def test_inline_jobs_run_after_commit_and_are_done_when_the_transaction_returns(inline):
    with writing():
        job = jobs.enqueue("note", {"name": "now"}, queue=QUEUE)
        assert (notes_inside(), job.state) == ([], JobState.QUEUED)
    assert (notes(), job.state) == (["now"], JobState.FINISHED)


def notes_inside() -> list[str]:
    return list(db.session.scalars(select(Source.name).where(Source.type == "note")))


def test_an_inline_job_that_fails_does_not_disturb_who_asked_for_it(inline, functions):
    functions["bug"] = lambda job: 1 / 0
    with writing() as session:
        mine = Source(name="mine", type="note")
        session.add(mine)
        job = jobs.enqueue("bug", {}, queue=QUEUE)
    assert (job.state, mine.name, notes()) == (JobState.FAILED, "mine", ["mine"])


def test_an_inline_job_may_ask_for_another(inline, functions):
    functions["parent"] = lambda job: Outcome(store=lambda job: ask_for_child())

    def ask_for_child():
        jobs.enqueue("note", {"name": "child"}, queue=QUEUE)

    ask(function="parent")
    assert notes() == ["child"]


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


def test_clearing_a_queue_cancels_what_waits_and_leaves_the_rest(functions):
    running, waiting, other = ask("a"), ask("b"), ask("c", queue="scheduling")
    claiming.claim([QUEUE], "busy")
    assert jobs.clear(QUEUE) == 1
    assert [reread(job).state for job in (running, waiting, other)] == ["running", "cancelled", "queued"]
    assert jobs.counts(jobs.QUEUES) == {
        "forecasting": {"running": 1, "cancelled": 1},
        "scheduling": {"queued": 1},
    }


def test_plugins_bring_queues_of_their_own(functions):
    class Plugin:
        @hookimpl
        def register_queues(self):
            return ["ours", "scheduling"]

    plugin, manager = Plugin(), runtime().plugins.manager
    manager.register(plugin, "queues")
    try:
        names = jobs.queue_names()
        assert names[:2] == ["forecasting", "scheduling"]
        assert names.count("scheduling") == names.count("ours") == 1
    finally:
        manager.unregister(name="queues")


def test_the_newest_job_about_an_event_is_found(functions):
    from flexmeasures.models import Sensor

    with writing() as session:
        sensor = Sensor(name="device", event_resolution=timedelta(minutes=15))
        session.add(sensor)
    ask(sensor_id=sensor.id, event_id=7)
    second = ask(sensor_id=sensor.id, event_id=7)
    ask(sensor_id=sensor.id, event_id=8)
    assert jobs.newest(sensor.id, 7).id == second.id
    assert jobs.newest(sensor.id, 9) is None
