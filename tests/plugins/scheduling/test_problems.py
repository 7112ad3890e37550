"""The problem that a scheduler is asked: its window, prices, state of charge, and what else it may read."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select

import flexmeasures_scheduling as scheduling
from flexmeasures import jobs
from flexmeasures.db import db, writing
from flexmeasures.models import (
    Job,
    JobState,
    Market,
    WeatherSensor,
)
from flexmeasures_scheduling import Target

from .conftest import HOUR, QUARTER, SLOTS, START, Steady, error_of, make_battery, make_market, post, price

pytestmark = pytest.mark.usefixtures("schedulers")


def test_the_scheduler_is_asked_about_the_window_with_prices_on_the_slots_of_the_asset(battery, market):
    price(market, [10, 20, 99])
    target = Target(value=1.5, datetime=START + HOUR)
    post(battery, soc=0.8, targets=[target])
    (problem,) = Steady.asked
    assert (problem.start, problem.resolution) == (START, QUARTER)
    assert problem.prices.tolist() == [10] * 4 + [20] * 4
    assert (problem.price_unit, problem.soc_at_start, problem.targets) == ("EUR/MWh", 0.8, (target,))
    assert (problem.belief_time, problem.prefer_charging_sooner) == (START, True)
    assert (problem.asset.id, problem.asset.capacity_in_mw) == (battery.id, 0.5)


@pytest.mark.contract("15.8")
def test_an_event_within_a_slot_is_planned_from_the_start_of_that_slot(battery, market):
    price(market, [10, 20, 30])
    at = START + timedelta(minutes=50)
    job = post(battery, at=at)
    (problem,) = Steady.asked
    assert (problem.start, problem.belief_time) == (START + 3 * QUARTER, at)
    assert problem.prices.tolist() == [10] + [20] * 4 + [30] * 3
    assert scheduling.find_schedule(battery, 1).job_id == job.id


def test_finer_prices_are_averaged(prosumer):
    market = make_market(timedelta(minutes=5), "intraday")
    price(market, np.arange(24.0))
    post(make_battery(market, prosumer))
    assert Steady.asked[0].prices.tolist() == [1, 4, 7, 10, 13, 16, 19, 22]


def test_a_slot_of_a_year_gives_its_price_to_every_slot(prosumer):
    dummy = db.session.scalars(select(Market).where(Market.name == "dummy-tou")).one()
    post(make_battery(dummy, prosumer))
    (problem,) = Steady.asked
    assert (len(problem.prices), set(problem.prices)) == (SLOTS, {50.0})


@pytest.mark.contract("16.5")
def test_prices_are_the_newest_beliefs_of_any_source_also_those_recorded_after_the_event(battery, market):
    price(market, [10, 10], horizon=timedelta(days=1))
    price(market, [20], horizon=HOUR, source="forecaster")
    price(market, [30], start=START + HOUR, belief_time=START + timedelta(days=30), source="corrections")
    post(battery)
    assert Steady.asked[0].prices.tolist() == [20] * 4 + [30] * 4


@pytest.mark.contract("16.5")
def test_resolutions_that_do_not_divide_each_other_are_told(prosumer):
    market = make_market(timedelta(minutes=20), "odd")
    price(market, [1] * 6)
    error = error_of(make_battery(market, prosumer))
    assert error.startswith(
        "AlgorithmError: Prices of market odd are per PT20M, asset battery is planned per PT15M"
    )


def test_without_prices_the_job_says_prices_unknown(battery):
    assert error_of(battery) == (
        "UnknownPrices: Prices unknown: market day_ahead has none between 2026-03-01T10:00:00Z and"
        " 2026-03-01T12:00:00Z."
    )


def test_without_market_the_job_names_the_asset(prosumer):
    assert error_of(make_battery(None, prosumer)) == (
        "AlgorithmError: The asset battery has no market, so there are no prices to plan by."
    )


@pytest.mark.contract("16.6")
def test_unknown_prices_at_the_edges_shorten_the_schedule(prosumer):
    market = make_market(QUARTER, "quarterly")
    price(market, [1, 2, 3], start=START + 2 * QUARTER)
    inside = Target(value=1.2, datetime=START + 4 * QUARTER)
    battery = make_battery(market, prosumer)
    post(battery, targets=[inside])
    (problem,) = Steady.asked
    assert (problem.start, problem.prices.tolist()) == (START + 2 * QUARTER, [1, 2, 3])
    assert problem.targets == (inside,)
    stored = scheduling.find_schedule(battery, 1)
    assert (stored.start, len(stored.values)) == (START + 2 * QUARTER, 3)
    known = "from 2026-03-01T10:30:00Z until 2026-03-01T11:15:00Z"
    assert stored.warnings == [
        f"Prices of market quarterly are known only {known}: the schedule covers that time only.",
        "It is only steady.",
    ]


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ([2], "a gap of 1 slot of PT15M, the slot 2026-03-01T10:30:00Z."),
        (
            [1, 3, 4],
            "a gap of 3 slots of PT15M, from the slot 2026-03-01T10:15:00Z to the slot 2026-03-01T11:00:00Z.",
        ),
    ],
)
@pytest.mark.contract("16.6")
def test_a_gap_between_prices_fails_the_job_and_is_located(prosumer, missing, told):
    market = make_market(QUARTER, "holes")
    values = np.ones(SLOTS)
    values[missing] = np.nan
    price(market, values)
    assert error_of(make_battery(market, prosumer)) == (
        f"UnknownPrices: Prices unknown in between: market holes has {told}"
    )


@pytest.mark.parametrize(("hours_ago", "expected"), [(0, 0.6), (1, 0.0)])
@pytest.mark.contract("16.9")
def test_without_a_stated_soc_the_one_of_that_time_counts_else_zero(battery, market, hours_ago, expected):
    price(market, [1, 1])
    with writing():
        battery.soc_in_mwh, battery.soc_datetime = 0.6, START - hours_ago * HOUR
        jobs.enqueue("schedule", {"datetime": START.isoformat()}, queue="scheduling", sensor_id=battery.id)
    assert Steady.asked[0].soc_at_start == expected


def test_what_the_problem_held_is_recorded_on_the_job(battery, market):
    price(market, [10, 20])
    job = post(battery, soc=0.8, targets=[Target(value=1.5, datetime=START + HOUR)])
    assert job.inputs == {
        "start": "2026-03-01T10:00:00Z",
        "resolution": "PT15M",
        "belief_time": "2026-03-01T10:00:00Z",
        "market": market.id,
        "price_unit": "EUR/MWh",
        "prices": [10] * 4 + [20] * 4,
        "soc_at_start": 0.8,
        "targets": [{"value": 1.5, "datetime": "2026-03-01T11:00:00Z"}],
        "limits": {"capacity_in_mw": 0.5, "min_soc_in_mwh": 0.1, "max_soc_in_mwh": 2},
        "prefer_charging_sooner": True,
        "flexibility": {},
        "reads": [],
    }


class Curious(Steady):
    name = "curious"
    wish: object = None
    got: list = []

    def compute(self, problem):
        self.got.append(problem.read(self.wish, START, START + HOUR))
        return super().compute(problem)


def reading(schedulers, battery, market, wish) -> Job:
    schedulers.add(Curious)
    Curious.wish = wish
    Curious.got.clear()
    with writing():
        battery.attributes = {"custom-scheduler": "curious"}
    price(market, [10, 20])
    return post(battery)


def test_a_scheduler_reads_more_as_known_at_the_time_of_the_event_and_it_is_recorded(
    schedulers, battery, market, prosumer
):
    meter = make_battery(market, prosumer, "meter")
    price(meter, [1, 2, 3, 4], horizon=timedelta(days=1))
    price(meter, [9, 9], start=START - QUARTER)  # recorded when they ended: of two the second came too late
    job = reading(schedulers, battery, market, meter.id)
    assert job.state == JobState.FINISHED
    assert Curious.got[0].values.tolist() == [1, 2, 3, 4]
    (entry,) = job.inputs["reads"]
    assert (entry["sensor"], entry["prior"], entry["count"]) == (meter.id, "2026-03-01T10:00:00Z", 4)
    assert len(entry["sha256"]) == 64


def test_weather_is_open_to_every_scheduler(schedulers, battery, market):
    with writing() as session:
        weather = WeatherSensor(name="sun", unit="kW/m²", event_resolution=QUARTER)
        session.add(weather)
    job = reading(schedulers, battery, market, weather)
    assert (job.state, np.isnan(Curious.got[0].values).all()) == (JobState.FINISHED, True)


def test_a_scheduler_may_not_read_what_its_owner_may_not(schedulers, battery, market, make_user):
    other = make_battery(market, make_user("other", "Prosumer"), "other")
    job = reading(schedulers, battery, market, other)
    assert job.error == (
        f"AlgorithmError: The algorithm asks for sensor {other.id}, which is none that the owner of sensor"
        f" {battery.id} may read."
    )


def test_a_scheduler_that_asks_for_no_sensor_fails_with_the_id(schedulers, battery, market):
    assert "sensor 999999, which is none that the owner" in reading(schedulers, battery, market, 999999).error
