"""Which scheduler is chosen, and what becomes of its answer."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import func, select

import flexmeasures_scheduling as scheduling
from flexmeasures import beliefs, hookimpl, jobs, sources
from flexmeasures.db import db, writing
from flexmeasures.errors import UnknownAlgorithm
from flexmeasures.models import (
    Job,
    Source,
)
from flexmeasures.runtime import runtime
from flexmeasures_algorithms import choose
from flexmeasures_scheduling import Schedule, Status

from .conftest import HOUR, QUARTER, SLOTS, START, Steady, error_of, make_battery, make_market, post, price

pytestmark = pytest.mark.usefixtures("schedulers")


def planned(asset, start=START, count=SLOTS, **filters):
    return beliefs.search_one(asset, start, start + count * QUARTER, **filters).values.tolist()


def choice(asset) -> tuple[str, str]:
    found = choose("scheduler", asset)
    return found.algorithm.name, found.because


def test_wishes_are_asked_from_the_setting_to_the_hook_each_stronger_than_the_one_before(battery, in_app):
    wish = {"custom-scheduler": "calm"}
    assert choice(battery) == ("steady", "first scheduler that accepts the asset type battery")
    in_app.config["FLEXMEASURES_SCHEDULERS"] = {"default": "calm"}
    assert choice(battery) == ("calm", "setting FLEXMEASURES_SCHEDULERS['default']")
    in_app.config["FLEXMEASURES_SCHEDULERS"] = {"default": "steady", "battery": "calm"}
    assert choice(battery) == ("calm", "setting FLEXMEASURES_SCHEDULERS['battery']")
    in_app.config["FLEXMEASURES_SCHEDULERS"] = {"battery": "steady"}
    with db.session.no_autoflush:
        battery.type.attributes = wish
        assert choice(battery) == ("calm", "attribute custom-scheduler of type battery")
        battery.owner.attributes, battery.type.attributes = wish, {"custom-scheduler": "steady"}
        assert choice(battery) == ("calm", "attribute custom-scheduler of its owner")
        battery.attributes, battery.owner.attributes = wish, {"custom-scheduler": "steady"}
        assert choice(battery) == ("calm", "attribute custom-scheduler of sensor battery")
        battery.attributes = {"custom-scheduler": "steady"}

        class Plugin:
            @hookimpl
            def choose_algorithm(self, kind, sensor):
                return "calm" if (kind, sensor.id) == ("scheduler", battery.id) else None

        plugin, manager = Plugin(), runtime().plugins.manager
        manager.register(plugin, "chooser")
        try:
            assert choice(battery) == ("calm", "a plugin's choose_algorithm")
        finally:
            manager.unregister(name="chooser")
    db.session.rollback()


@pytest.mark.parametrize("wish", ["nonsense", 42])
def test_a_wish_that_is_not_installed_refuses_the_event(battery, wish):
    with writing():
        battery.attributes = {"custom-scheduler": wish}
    with pytest.raises(UnknownAlgorithm, match=str(wish)):
        post(battery, event_id=9)
    db.session.refresh(battery)
    assert battery.soc_udi_event_id is None
    assert db.session.scalar(select(func.count(Job.id))) == 0


def test_what_was_chosen_when_the_job_was_made_is_what_runs(battery, market, in_app):
    price(market, [1, 1])
    in_app.config["FLEXMEASURES_JOBS"] = ""
    in_app.config["FLEXMEASURES_SCHEDULERS"] = {"battery": "calm"}
    post(battery)
    in_app.config["FLEXMEASURES_SCHEDULERS"] = {"battery": "steady"}
    jobs.work(burst=True)
    stored = scheduling.find_schedule(battery, 1)
    assert (stored.algorithm, stored.because) == ("calm", "setting FLEXMEASURES_SCHEDULERS['battery']")


@pytest.mark.contract("15.16")
def test_a_schedule_is_stored_as_a_row_and_as_beliefs_of_the_scheduler(battery, market):
    price(market, [10, 20])
    job = post(battery, event_id=4, soc=1.0)
    stored = scheduling.find_schedule(battery, 4)
    assert (stored.job_id, stored.event_id, stored.status) == (job.id, 4, "optimal")
    assert (stored.start, stored.resolution, stored.belief_time) == (START, QUARTER, START)
    assert stored.values == [0.1] * SLOTS
    assert stored.prices == [10] * 4 + [20] * 4
    assert stored.soc == pytest.approx([1 + 0.025 * k for k in range(1, SLOTS + 1)])
    assert stored.baseline == [0] * SLOTS
    assert stored.costs["electricity"] == pytest.approx(3.0)
    assert (stored.baseline_costs, stored.objective) == ({"electricity": 0.0}, 1.5)
    assert stored.inputs == job.inputs
    source = db.session.get(Source, stored.source_id)
    assert (source.name, source.type, source.model, source.version) == (
        "Seita",
        "scheduling script",
        "steady",
        "3",
    )
    assert planned(battery, sources=[source.id]) == [0.1] * SLOTS
    found = beliefs.every_belief(battery, START, START + HOUR)
    assert set(found.recorded.tolist()) == {int(START.timestamp() * 1000)}


@pytest.mark.contract("15.15", "D12")
def test_an_earlier_schedule_of_the_same_time_is_replaced_as_a_whole(prosumer):
    market = make_market(QUARTER, "quarterly")
    price(market, [1.0] * SLOTS)
    battery = make_battery(market, prosumer)
    post(battery, event_id=1)
    with writing():
        beliefs.remove(sensors=[market.id], start=START + 3 * QUARTER)
    post(battery, event_id=2)
    assert np.isnan(planned(battery)).tolist() == [False] * 3 + [True] * 5
    assert [len(scheduling.find_schedule(battery, k).values) for k in (1, 2)] == [SLOTS, 3]


def test_schedules_of_other_times_and_other_sources_stay(battery, market):
    price(market, [1, 1, 1])
    with writing():
        beliefs.store(battery, [7], START, QUARTER, sources.get_source("me", "script"), horizon=QUARTER)
    post(battery, event_id=1, at=START - QUARTER)
    post(battery, event_id=2, at=START)
    total = len(beliefs.every_belief(battery, START - HOUR, START + 9 * QUARTER).starts)
    assert total == 1 + (SLOTS - 1) + SLOTS  # before START there is no price


def test_plugins_are_told_of_a_stored_schedule_once_it_is_committed(battery, market):
    price(market, [1, 1])
    heard = []

    class Listener:
        @hookimpl
        def on_schedule_stored(self, asset, schedule):
            heard.append((asset.id, schedule.event_id, db.session.in_transaction()))

    listener, manager = Listener(), runtime().plugins.manager
    manager.register(listener, "listener")
    try:
        post(battery, event_id=6)
    finally:
        manager.unregister(name="listener")
    assert heard == [(battery.id, 6, False)]


class Answering(Steady):
    name = "answering"
    answer: dict | None = {}

    def compute(self, problem):
        if self.answer is None:
            return None
        return Schedule(**({"status": Status.OPTIMAL} | dict.fromkeys(ARRAYS, np.zeros(SLOTS)) | self.answer))


ARRAYS = ("values", "soc", "baseline")


INFEASIBLE = (
    "InfeasibleProblem: The problem is infeasible. These inputs conflict: target 5 MWh is above the maximum;"
    " and unreachable."
)


SHAPELESS = "AlgorithmError: The scheduler answering gave {}; expected are 8 numbers, one a slot, all finite."


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            {
                "status": Status.INFEASIBLE,
                "conflicts": ("target 5 MWh is above the maximum", "and unreachable."),
            },
            INFEASIBLE,
        ),
        ({"status": Status.UNBOUNDED}, "AlgorithmError: The scheduler answering found no plan: unbounded."),
        (
            {"values": np.zeros(3)},
            SHAPELESS.format("values of shape (3,)"),
        ),
        (
            {"soc": np.full(SLOTS, np.nan)},
            SHAPELESS.format("soc of shape (8,)"),
        ),
        (
            {"values": np.full(SLOTS, 1e6)},
            (
                "AlgorithmError: The schedule of scheduler answering is not stored: it has a power of 1000000 MW at"
                " 2026-03-01T10:00:00Z. Accepted: -0.5 to 0.5 MW, within 5.1e-05 MW."
            ),
        ),
        (
            None,
            (
                "AlgorithmError: The schedule of scheduler answering is not stored: it returned None."
                " Accepted: a Schedule."
            ),
        ),
        (
            {"costs": {"electricity": float("inf")}},
            "AlgorithmError: The scheduler answering gave costs that are no finite numbers.",
        ),
    ],
)
def test_what_is_no_whole_optimal_plan_is_not_stored(schedulers, battery, market, monkeypatch, answer, error):
    schedulers.add(Answering)
    monkeypatch.setattr(Answering, "answer", answer)
    price(market, [1, 1])
    with writing():
        battery.attributes = {"custom-scheduler": "answering"}
    assert error_of(battery) == error
