"""The bell: RQ carries ids of rows and may be lost at any moment; posts do not wait for it, jobs are not lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import redis
from rq import Queue
from rq.job import Job as Ring
from rq.serializers import JSONSerializer

from flexmeasures import jobs
from flexmeasures.db import db, writing
from flexmeasures.jobs import Outcome, claiming, returning, runner
from flexmeasures.models import Job, JobState
from flexmeasures.runtime import runtime
from flexmeasures_jobs_rq import RedisNotifier
from flexmeasures_jobs_rq import notifier as bells

QUEUE = "scheduling"


@pytest.fixture
def app(app, bell, monkeypatch):
    app.config["FLEXMEASURES_JOBS"] = ""
    functions = {"note": lambda job: Outcome(), "fail": lambda job: 1 / 0}
    monkeypatch.setattr(app.extensions["flexmeasures"], "job_functions", functions)
    return app


@pytest.fixture
def in_app(app):
    with app.app_context():
        yield app


@pytest.fixture
def own_redis(app, tmp_path):
    """A Redis that the test may kill, with start() and kill(); the app's bell uses it."""
    socket = tmp_path / "socket"
    command = [
        "redis-server",
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--save",
        "",
        "--dir",
        str(tmp_path),
    ]
    server = SimpleNamespace(process=None)

    def start():
        server.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis(unix_socket_path=str(socket))
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                client.ping()
                break
            except redis.RedisError:
                time.sleep(0.01)
        client.close()

    def kill():
        server.process.kill()
        server.process.wait()

    try:
        server.start, server.kill = start, kill
        start()
    except FileNotFoundError:
        pytest.skip("there is no redis-server to kill")
    with app.app_context():
        engine = db.engine
    app.config["FLEXMEASURES_REDIS_URL"] = str(socket)
    before = app.extensions["flexmeasures"].notifier
    app.extensions["flexmeasures"].notifier = RedisNotifier(app.config, lambda: engine)
    yield server
    app.extensions["flexmeasures"].notifier = before
    server.process.send_signal(signal.SIGCONT)
    kill()


@pytest.fixture
def heard(monkeypatch):
    """Ids of the jobs that workers of this process were told of: a ring names its row, a look at the table none."""
    ids, claim = set(), claiming.claim

    def listening(queues, worker, job_id=None, **more):
        ids.add(job_id)
        return claim(queues, worker, job_id, **more)

    monkeypatch.setattr(claiming, "claim", listening)
    return ids


def ask(number: int = 1, function: str = "note") -> list[Job]:
    with writing():
        return [jobs.enqueue(function, {}, queue=QUEUE) for _ in range(number)]


def rings() -> list[str]:
    return list_of(runtime().notifier, QUEUE).get_job_ids()


def list_of(bell: RedisNotifier, queue: str) -> Queue:
    return Queue(bell.name_of(queue), connection=bell.connection, serializer=JSONSerializer)


def origin(bell: RedisNotifier, key: bytes) -> str:
    return (bell.connection.hget(key, "origin") or b"").decode()


def state(job: Job) -> str:
    db.session.refresh(job)
    db.session.commit()
    return job.state


def wait_for(job: Job, wanted: str = JobState.FINISHED, patience: float = 10) -> None:
    until = time.monotonic() + patience
    while state(job) != wanted and time.monotonic() < until:
        time.sleep(0.005)
    assert state(job) == wanted


@contextmanager
def a_worker(app, name="listener"):
    stop = SimpleNamespace(now=False)

    def live():
        with app.app_context():
            jobs.work([QUEUE], name, stopping=lambda: stop.now)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        stop.now = True
        thread.join()


def test_a_transaction_rings_once_for_all_its_jobs_with_their_row_ids(in_app, bell, monkeypatch):
    executed = []
    pipeline = bell.connection.pipeline
    monkeypatch.setattr(bell.connection, "pipeline", lambda **kw: executed.append(1) or pipeline(**kw))
    asked = ask(3)
    assert [bells.row_id(ring) for ring in rings()] == [job.id for job in asked]
    assert len(executed) == 1
    ring = Ring.fetch(rings()[0], connection=bell.connection, serializer=JSONSerializer)
    assert (ring.result_ttl, ring.args) == (0, [asked[0].id])
    assert ring.description == f"note, job {asked[0].id}"


def test_a_transaction_that_rolls_back_does_not_ring(in_app):
    def fail():
        with writing():
            ask()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert rings() == []


def test_names_in_redis_carry_the_database_and_are_the_same_for_every_app_of_it(in_app, bell):
    other = RedisNotifier(in_app.config, lambda: db.engine)
    assert bell.name_of(QUEUE) == other.name_of(QUEUE) != QUEUE
    assert bell.name_of(QUEUE).endswith(f"-{QUEUE}")


def test_a_rung_worker_hears_of_each_job_by_its_ring(app, in_app, heard):
    with a_worker(app):
        asked = [ask()[0] for _ in range(5)]
        for job in asked:
            wait_for(job)
        until = time.monotonic() + 10
        while {job.id for job in asked} - heard and time.monotonic() < until:
            time.sleep(0.005)
    assert {job.id for job in asked} <= heard


def test_a_backlog_is_worked_off_by_its_rings_and_not_past_them(in_app, bell, monkeypatch):
    ask(3)
    run, followed = runner.run, []
    monkeypatch.setattr(runner, "run", lambda job, next_of=(): followed.append(next_of) or run(job, next_of))
    assert jobs.work(burst=True) == 3
    assert followed == [(), (), ()]


def test_rings_of_jobs_that_are_done_leave_nothing_in_redis(app, in_app, bell):
    with a_worker(app):
        for job in ask(5):
            wait_for(job)
        time.sleep(0.3)
        assert rings() == []
        assert list_of(bell, QUEUE).started_job_registry.count == 0
    assert [
        key for key in bell.connection.scan_iter("rq:job:*") if origin(bell, key) == bell.name_of(QUEUE)
    ] == []


def test_a_failed_job_is_shown_by_rq_with_its_reason_for_a_while(app, in_app, bell):
    registry = list_of(bell, QUEUE).failed_job_registry
    with a_worker(app):
        for _ in range(5):  # one that the worker finds in the table is not RQ's to show
            job = ask(function="fail")[0]
            wait_for(job, JobState.FAILED)
            time.sleep(0.3)
            if registry.get_job_ids():
                break
    (ring_id,) = registry.get_job_ids()
    assert bells.row_id(ring_id) == job.id
    ring = Ring.fetch(ring_id, connection=bell.connection, serializer=JSONSerializer)
    assert "ZeroDivisionError" in ring.latest_result().exc_string
    assert 0 < bell.connection.ttl(ring.key) <= bells.KEPT.total_seconds()


def test_a_ring_that_is_heard_twice_runs_the_job_once(app, in_app, bell):
    job = ask()[0]
    bell.ring([job, job])
    with a_worker(app):
        wait_for(job)
        until = time.monotonic() + 5
        while rings() and time.monotonic() < until:
            time.sleep(0.01)
    assert (state(job), job.attempt, rings()) == (JobState.FINISHED, 1, [])


def test_what_others_put_into_the_queue_is_neither_run_nor_in_the_way(app, in_app, bell):
    list_of(bell, QUEUE).enqueue(os.kill, os.getpid(), signal.SIGKILL)
    job = ask()[0]
    with a_worker(app):
        wait_for(job)


def test_the_sweep_rings_again_for_jobs_that_redis_has_forgotten(in_app, bell, monkeypatch):
    asked = ask(3)
    list_of(bell, QUEUE).empty()
    returning.sweep()
    assert rings() == []  # it may be on its way yet
    time.sleep(1.1)
    returning.sweep()
    assert [bells.row_id(ring) for ring in rings()] == [job.id for job in asked]
    time.sleep(1.1)
    returning.sweep()
    assert len(rings()) == 3


def test_a_ring_that_a_worker_has_just_taken_is_not_rung_again(in_app, bell):
    ask()
    queue = list_of(bell, QUEUE)
    bell.connection.lmove(queue.key, queue.intermediate_queue_key)
    time.sleep(1.1)
    returning.sweep()
    assert rings() == []


def test_clearing_a_queue_clears_its_rings_too(in_app):
    ask(2)
    assert jobs.clear(QUEUE) == 2
    assert rings() == []


def test_a_job_that_is_requeued_is_rung_for(in_app):
    job = ask()[0]
    jobs.clear(QUEUE)
    jobs.requeue(job.id)
    assert [bells.row_id(ring) for ring in rings()] == [job.id]


def test_redis_away_neither_fails_nor_slows_who_asks_and_jobs_are_done(own_redis, app, in_app):
    own_redis.kill()
    started = time.monotonic()
    asked = [ask()[0] for _ in range(20)]
    assert time.monotonic() - started < 5
    with a_worker(app):
        wait_for(asked[-1])


def test_a_redis_that_hangs_slows_one_request_for_some_seconds_only(own_redis, in_app):
    ask()
    own_redis.process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    for _ in range(20):
        ask()
    assert bells.PATIENCE <= time.monotonic() - started < 5


def test_workers_are_rung_again_once_redis_is_back(own_redis, app, in_app, heard, monkeypatch):
    monkeypatch.setattr(bells, "SILENCE", 0.2)
    monkeypatch.setattr(bells, "DEAFNESS", 0.2)

    def is_rung() -> bool:
        job = ask()[0]
        wait_for(job)
        until = time.monotonic() + 1
        while job.id not in heard and time.monotonic() < until:
            time.sleep(0.005)
        return job.id in heard

    with a_worker(app):
        wait_for(ask()[0])
        own_redis.kill()
        assert not is_rung()
        own_redis.start()
        assert any(is_rung() for _ in range(10))  # those before both have noticed are found in the table
        runtime().notifier.connection.flushall()
        wait_for(ask()[0])


def test_a_redis_that_is_emptied_while_a_job_runs_does_not_end_the_worker(own_redis, app, in_app):
    def empty(job: Job) -> Outcome:
        runtime().notifier.connection.flushall()
        return Outcome()

    app.extensions["flexmeasures"].job_functions["empty"] = empty
    with a_worker(app):
        for function in ("empty", "note", "empty", "note"):
            wait_for(ask(function=function)[0])


def test_redis_is_imported_only_where_it_is_used(tmp_path):
    code = (
        "import sys; from flexmeasures.app import create;"
        f"create('testing', instance={str(tmp_path)!r});"
        "sys.exit('redis' in sys.modules or 'rq' in sys.modules)"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FLEXMEASURES_")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


@pytest.mark.parametrize(
    ("place", "options"),
    [
        ("queues.example.com", {"host": "queues.example.com", "port": 6380, "db": 2, "password": "secret"}),
        ("/run/redis.sock", {"path": "/run/redis.sock", "db": 2, "password": "secret"}),
        ("redis://other:1234/5", {"host": "other", "port": 1234, "db": 5, "password": "secret"}),
        ("unix:///run/redis.sock", {"path": "/run/redis.sock", "db": 2}),
    ],
)
def test_a_host_a_socket_and_whole_urls_are_accepted(place, options):
    settings = {
        "FLEXMEASURES_REDIS_URL": place,
        "FLEXMEASURES_REDIS_PORT": 6380,
        "FLEXMEASURES_REDIS_DB_NR": 2,
        "FLEXMEASURES_REDIS_PASSWORD": "secret",
    }
    found = bells.connect(settings).connection_pool.connection_kwargs
    assert {name: found[name] for name in options} == options


def test_a_url_of_another_kind_is_refused_by_name():
    from flexmeasures.errors import SettingsError

    settings = dict.fromkeys(("FLEXMEASURES_REDIS_DB_NR", "FLEXMEASURES_REDIS_PASSWORD"), 0)
    with pytest.raises(SettingsError, match="FLEXMEASURES_REDIS_URL"):
        bells.connect(settings | {"FLEXMEASURES_REDIS_URL": "http://localhost"})
