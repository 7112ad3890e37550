"""From an event to a stored schedule and back: problem, choice, conflicts, storing, asking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select, update

import flexmeasures_scheduling as scheduling
from flexmeasures import beliefs, hookimpl, jobs, sources
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError, UnknownAlgorithm
from flexmeasures.jobs import claiming, runner
from flexmeasures.models import (
    Asset,
    Job,
    JobState,
    Market,
    SensorType,
    Source,
    StoredSchedule,
    WeatherSensor,
)
from flexmeasures.runtime import runtime
from flexmeasures_algorithms import Registry, choose
from flexmeasures_scheduling import Schedule, Scheduler, Status, Target

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
SLOTS = 8


class Steady(Scheduler):
    """Charges with 0.1 MW all the time, and remembers what it was asked."""

    name, version = "steady", "3"
    asked: list = []
    power = 0.1

    @classmethod
    def accepts(cls, asset):
        return asset.type == "battery"

    def compute(self, problem):
        assert not db.session.in_transaction()
        type(self).asked.append(problem)
        n = len(problem.prices)
        hours = problem.resolution / HOUR
        values = np.full(n, self.power)
        return Schedule(
            # It knows nothing of targets.
            status=Status.RELAXED if problem.targets else Status.OPTIMAL,
            values=values,
            soc=np.minimum(problem.soc_at_start + hours * np.cumsum(values), problem.asset.max_soc_in_mwh),
            baseline=np.zeros(n),
            costs={"electricity": float(hours * problem.prices @ values)},
            baseline_costs={"electricity": 0.0},
            objective=1.5,
            warnings=("It is only steady.",),
        )


class Calm(Steady):
    name = "calm"
    power = 0.0


@pytest.fixture(autouse=True)
def schedulers(in_app, monkeypatch):
    registry = Registry("scheduler")
    registry.add(Steady)
    registry.add(Calm)
    monkeypatch.setitem(in_app.extensions["flexmeasures_algorithms"], "scheduler", registry)
    in_app.config["FLEXMEASURES_PLANNING_HORIZON"] = SLOTS * QUARTER
    in_app.config["FLEXMEASURES_SCHEDULERS"] = {}
    Steady.asked.clear()
    return registry


@pytest.fixture
def market(in_app) -> Market:
    return make_market()


def make_market(resolution=HOUR, name="day_ahead") -> Market:
    with writing() as session:
        market = Market(name=name, display_name=name, unit="EUR/MWh", event_resolution=resolution)
        session.add(market)
    return market


@pytest.fixture
def battery(market, prosumer) -> Asset:
    return make_battery(market, prosumer)


def make_battery(market, owner, name="battery", resolution=QUARTER) -> Asset:
    with writing() as session:
        battery_type = session.scalars(select(SensorType).where(SensorType.name == "battery")).one()
        asset = Asset(
            name=name,
            display_name=name,
            unit="MW",
            event_resolution=resolution,
            capacity_in_mw=0.5,
            min_soc_in_mwh=0.1,
            max_soc_in_mwh=2,
            type=battery_type,
            market=market,
            owner_id=None if owner is None else owner.id,
        )
        session.add(asset)
    return asset


def price(market, values, start=START, resolution=None, horizon=timedelta(0), source="exchange", **options):
    with writing():
        beliefs.store(
            market,
            values,
            start,
            resolution or market.event_resolution,
            sources.get_source(source, "script"),
            horizon=None if "belief_time" in options else horizon,
            **options,
        )


def post(asset, event_id=1, soc=1.0, at=START, targets=(), event_type="soc-with-targets") -> Job:
    with writing():
        return scheduling.trigger_schedule(asset, event_id, event_type, soc, at, targets)


def error_of(asset, **event) -> str:
    job = post(asset, **event)
    assert job.state == JobState.FAILED
    assert db.session.scalar(select(func.count(StoredSchedule.id))) == 0
    return job.error


def planned(asset, start=START, count=SLOTS, **filters):
    return beliefs.search_one(asset, start, start + count * QUARTER, **filters).values.tolist()


# -- the event -----------------------------------------------------------------------------------------


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


# -- the problem ---------------------------------------------------------------------------------------


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


# -- reading more --------------------------------------------------------------------------------------


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


# -- the choice ----------------------------------------------------------------------------------------


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


# -- the answer ----------------------------------------------------------------------------------------


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


# -- asking for the schedule ---------------------------------------------------------------------------


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
