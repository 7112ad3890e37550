"""Events: what they change, and which schedule they get."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

import flexmeasures_scheduling as scheduling
from flexmeasures import jobs
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError
from flexmeasures.jobs import claiming, runner
from flexmeasures.models import (
    Job,
    StoredSchedule,
)
from flexmeasures_scheduling import Target

from .conftest import HOUR, QUARTER, START, Steady, error_of, post, price

pytestmark = pytest.mark.usefixtures("schedulers")


@pytest.mark.contract("15.7")
def test_an_event_updates_the_asset_and_asks_for_one_job(battery, in_app):
    in_app.config["FLEXMEASURES_JOBS"] = ""
    at = datetime(2026, 3, 1, 11, 5, tzinfo=UTC)
    job = post(battery, event_id=203, soc=0.7, at=at, targets=[Target(value=1.0, datetime=at + HOUR)])
    db.session.refresh(battery)
    assert (battery.soc_in_mwh, battery.soc_datetime, battery.soc_udi_event_id) == (0.7, at, 203)
    assert db.session.scalar(select(func.count(Job.id))) == 1
    assert (job.queue, job.function, job.sensor_id, job.event_id) == (
        "scheduling",
        "schedule",
        battery.id,
        203,
    )
    assert job.arguments["targets"] == [{"value": 1.0, "datetime": "2026-03-01T12:05:00Z"}]
    assert (job.algorithm, job.because) == ("steady", "first scheduler that accepts the asset type battery")


def test_the_targets_of_a_plain_soc_event_are_ignored(battery, market):
    price(market, [1, 1])
    post(battery, event_type="soc", targets=[Target(value=1.0, datetime=START + HOUR)])
    assert Steady.asked[0].targets == ()


def test_an_event_without_utc_offset_is_refused(battery):
    with pytest.raises(InputError, match="datetime has no UTC offset"):
        post(battery, at=datetime(2026, 3, 1, 10))  # noqa: DTZ001 (this is what is refused)


def test_an_asset_whose_job_fails_has_its_state_of_charge_all_the_same(battery):
    error_of(battery, event_id=5, soc=0.3)
    db.session.refresh(battery)
    assert (battery.soc_udi_event_id, battery.soc_in_mwh) == (5, 0.3)


def reason(asset, event_id) -> tuple[str, bool]:
    with pytest.raises(scheduling.UnknownSchedule) as caught:
        scheduling.find_schedule(asset, event_id)
    return caught.value.reason, caught.value.known


def test_an_event_that_nobody_sent_is_not_known(battery):
    assert reason(battery, 77) == (f"Event 77 of asset {battery.id} is unknown.", False)


def test_the_state_of_an_unfinished_job_is_told(battery, in_app):
    in_app.config["FLEXMEASURES_JOBS"] = ""
    post(battery)
    assert reason(battery, 1) == ("The scheduling job waits in the queue (queued).", True)
    job = claiming.claim(["scheduling"], "busy")
    assert reason(battery, 1) == ("The scheduling job is in progress.", True)
    runner.run(job)
    text, known = reason(battery, 1)
    assert text.startswith("The scheduling job failed with UnknownPrices: Prices unknown")
    assert known
    post(battery, event_id=2)
    jobs.clear("scheduling")
    assert reason(battery, 2) == ("The scheduling job was cancelled.", True)


def test_a_finished_job_without_schedule_is_told(battery, market):
    price(market, [1, 1])
    post(battery)
    with writing() as session:
        session.execute(update(StoredSchedule).values(job_id=None))
    assert reason(battery, 1) == ("The scheduling job is done, but no values were found.", True)


@pytest.mark.contract("15.14", "D12")
def test_the_newest_job_of_an_event_answers(battery, market):
    price(market, [1, 1])
    post(battery, event_id=1, soc=1)
    newest = post(battery, event_id=1, soc=2)
    assert scheduling.find_schedule(battery, 1).job_id == newest.id


def grow_old(days: float) -> None:
    with writing() as session:
        session.execute(update(Job).values(finished_at=datetime.now(UTC) - timedelta(days=days)))


@pytest.mark.contract("15.13", "27.14")
def test_finished_events_are_forgotten_after_their_time_to_live_but_not_the_assets_last(
    battery, market, in_app
):
    price(market, [1, 1, 1])
    first, last = post(battery, event_id=1), post(battery, event_id=2, at=START + QUARTER)
    grow_old(6.9)
    assert scheduling.find_schedule(battery, 1).job_id == first.id
    grow_old(7.1)
    assert reason(battery, 1) == (f"Event 1 of asset {battery.id} is unknown.", False)
    assert scheduling.find_schedule(battery, 2).job_id == last.id
    in_app.config["FLEXMEASURES_PLANNING_TTL"] = timedelta(days=-1)
    assert scheduling.find_schedule(battery, 1).job_id == first.id


def test_the_assets_last_event_without_job_and_schedule_is_known_but_has_none(battery):
    with writing():
        battery.soc_udi_event_id, battery.soc_datetime = 12, START
    assert reason(battery, 12) == (f"No schedule is known for event 12 of asset {battery.id}.", True)
