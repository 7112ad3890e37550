"""Recurring jobs: of many workers one asks for each period; on SQLite and PostgreSQL, with and without Redis."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest
from sqlalchemy import select, update

from flexmeasures import jobs
from flexmeasures.db import db, writing
from flexmeasures.hookspecs import RecurringJob
from flexmeasures.jobs import Outcome, recurring, returning
from flexmeasures.models import Job, Recurrence, Source
from flexmeasures.runtime import runtime
from flexmeasures.server import Workers
from flexmeasures.testing import make_app
from flexmeasures.timing import to_ms

HOURLY = RecurringJob(name="hourly", every=timedelta(hours=1), function="note", arguments={"a": 1})


@pytest.fixture
def hub(in_app, monkeypatch, transport, warm):
    in_app.config["FLEXMEASURES_JOBS"] = ""
    monkeypatch.setattr(runtime(), "job_functions", {"note": note})
    monkeypatch.setattr(runtime(), "recurring_jobs", {})
    return runtime()


def note(job: Job) -> Outcome:
    now = to_ms(datetime.now(UTC))
    return Outcome(store=lambda job: db.session.add(Source(name=f"{now}-{job.id}", type="tick")))


def asked() -> int:
    found = db.session.scalars(select(Job.id)).all()
    db.session.commit()
    return len(found)


def test_a_new_recurring_job_is_asked_for_at_once_and_then_not_before_its_next_period(hub):
    hub.recurring_jobs["hourly"] = HOURLY
    returning.sweep()
    returning.sweep()
    job = db.session.scalars(select(Job)).one()
    assert (job.function, job.queue, job.arguments) == ("note", "forecasting", {"a": 1})
    row = db.session.get_one(Recurrence, "hourly")
    assert (row.next_due.minute, row.next_due.second, row.next_due > row.last_run) == (0, 0, True)


def test_periods_that_nobody_saw_are_not_made_up_for(hub):
    hub.recurring_jobs["hourly"] = HOURLY
    returning.sweep()
    jobs.work(burst=True)
    with writing() as session:
        session.execute(update(Recurrence).values(next_due=datetime.now(UTC) - timedelta(days=3)))
    returning.sweep()
    returning.sweep()
    assert asked() == 2


def test_while_the_last_one_waits_no_second_one_is_asked_for(hub):
    hub.recurring_jobs["hourly"] = HOURLY
    for _ in range(3):
        returning.sweep()
        with writing() as session:
            session.execute(update(Recurrence).values(next_due=datetime.now(UTC)))
    assert asked() == 1


def test_a_shorter_period_counts_at_once(hub):
    hub.recurring_jobs["hourly"] = HOURLY
    returning.sweep()
    hub.recurring_jobs["hourly"] = RecurringJob(name="hourly", every=timedelta(minutes=1), function="note")
    returning.sweep()
    row = db.session.get_one(Recurrence, "hourly")
    db.session.refresh(row)
    assert row.every == timedelta(minutes=1)
    assert row.next_due - datetime.now(UTC) <= timedelta(minutes=1)


def test_of_many_who_claim_a_period_one_gets_it(hub, in_app):
    got = []

    def claim():
        with in_app.app_context(), writing() as session:
            got.append(recurring.claim(session, HOURLY))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_two_workers_run_each_period_once(hub, in_app):
    hub.recurring_jobs["tick"] = RecurringJob(name="tick", every=timedelta(seconds=1), function="note")
    with Workers(in_app, 2):
        until = time.monotonic() + 20
        while asked() < 5 and time.monotonic() < until:
            time.sleep(0.1)
    ticks = db.session.scalars(select(Job.created_at).order_by(Job.id)).all()
    periods = [int(tick.timestamp()) for tick in ticks[1:]]  # the first is asked for at once
    assert len(periods) >= 4
    # A job that a slow machine writes late stands in the next period beside its own: one more than there were, no more.
    assert len(periods) <= periods[-1] - periods[0] + 2
    assert len(db.session.scalars(select(Source).where(Source.type == "tick")).all()) >= len(ticks) - 1


def test_a_job_that_is_not_due_at_once_waits_for_its_first_multiple(hub):
    hub.recurring_jobs["later"] = RecurringJob(
        name="later", every=timedelta(hours=1), function="note", at_once=False
    )
    returning.sweep()
    returning.sweep()
    assert asked() == 0
    with writing() as session:
        session.execute(update(Recurrence).values(next_due=datetime.now(UTC)))
    returning.sweep()
    assert asked() == 1


def test_a_period_of_less_than_a_second_is_refused_with_the_name():
    with pytest.raises(ValueError, match="'hasty'"):
        RecurringJob(name="hasty", every=timedelta(milliseconds=10), function="note")


PLUGIN = """
    from datetime import timedelta
    from flexmeasures import hookimpl
    from flexmeasures.hookspecs import RecurringJob
    from flexmeasures.jobs import Outcome

    @hookimpl
    def register_jobs():
        return {"ticker.tick": lambda job: Outcome(result={"ticked": True})}

    @hookimpl
    def register_recurring_jobs():
        return [RecurringJob(name="ticker", every=timedelta(days=1), function="ticker.tick")]
"""


def test_a_plugin_brings_a_recurring_job(tmp_path):
    folder = tmp_path / "ticker"
    folder.mkdir()
    (folder / "__init__.py").write_text(dedent(PLUGIN))
    app = make_app(
        tmp_path / "instance",
        FLEXMEASURES_PLUGIN_PATHS=[str(folder)],
        FLEXMEASURES_JOBS="",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/ticker.db",
    )
    with app.app_context():
        assert jobs.work(burst=True) == 1
        assert db.session.scalars(select(Job.result)).one() == {"ticked": True}
        db.engine.dispose()


@pytest.mark.parametrize(
    ("setting", "state"), [("FLEXMEASURES_STRICT_PLUGINS", "active"), ("FLEXMEASURES_NONE", "broken")]
)
def test_a_setting_can_switch_a_recurring_job_off(tmp_path, setting, state):
    folder = tmp_path / f"ticker_{state}"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        dedent(PLUGIN).replace('name="ticker"', f'name="ticker", setting="{setting}"')
    )
    app = make_app(
        tmp_path / "instance", FLEXMEASURES_PLUGIN_PATHS=[str(folder)], FLEXMEASURES_STRICT_PLUGINS=False
    )
    with app.app_context():
        assert "ticker" not in runtime().recurring_jobs
        (plugin,) = [plugin for plugin in runtime().plugins.plugins if plugin.name == folder.name]
        assert plugin.state == state
        assert state == "active" or "'FLEXMEASURES_NONE', which is none" in plugin.reason
        db.engine.dispose()
