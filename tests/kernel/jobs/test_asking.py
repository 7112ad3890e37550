"""Jobs of one key become one, inline jobs run after the commit, queues are cleared and brought by plugins."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from flexmeasures import hookimpl, jobs
from flexmeasures.db import db, writing
from flexmeasures.jobs import Outcome, claiming
from flexmeasures.models import Job, JobState, Source
from flexmeasures.runtime import runtime

from .conftest import QUEUE, ask, notes, reread


@pytest.fixture
def inline(functions, in_app):
    in_app.config["FLEXMEASURES_JOBS"] = "inline"


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
