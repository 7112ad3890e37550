"""Problems of schedules: further prices, and what settings, assets and events ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flexmeasures import beliefs, sources
from flexmeasures.db import writing
from flexmeasures.errors import AlgorithmError, UnknownPrices
from flexmeasures.models import Asset, Market
from flexmeasures.models.sources import FORECASTING_SCRIPT
from flexmeasures_scheduling import build_problem

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def make_market(name, values, start=START, unit="EUR/MWh"):
    with writing() as session:
        market = Market(name=name, display_name=name, unit=unit, event_resolution=HOUR)
        session.add(market)
        session.flush()
        source = sources.get_source("exchange", "script")
        beliefs.store(market, values, start, HOUR, source, horizon=timedelta(0))
    return market


def make_asset(name, market, owner):
    with writing() as session:
        asset = Asset(
            name=name,
            display_name=name,
            unit="MW",
            event_resolution=timedelta(minutes=30),
            capacity_in_mw=0.5,
            market=market,
            owner_id=owner.id,
        )
        session.add(asset)
    return asset


@pytest.fixture
def battery(in_app, prosumer):
    return make_asset("battery", make_market("day_ahead", [10, 20, 30, 40]), prosumer)


def ask(asset, **wishes):
    return build_problem(asset, {"soc_in_mwh": 1.0, "flexibility": wishes}, START, 4 * HOUR)


def test_prices_of_production_and_of_co2_are_read_on_the_slots_of_the_asset(battery):
    feed_in, carbon = make_market("feed_in", [1, 2, 3, 4]), make_market("carbon", [5, 6, 7, 8])
    problem = ask(battery, production_market_id=feed_in.id, co2_market_id=carbon.id).problem

    assert problem.production_prices.tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert problem.co2_prices.tolist() == [5, 5, 6, 6, 7, 7, 8, 8]


def test_the_window_is_what_all_prices_cover(battery):
    feed_in = make_market("feed_in", [2, 3], START + HOUR)
    question = ask(battery, production_market_id=feed_in.id)

    assert question.problem.start == START + HOUR
    assert question.problem.prices.tolist() == [20, 20, 30, 30]
    assert question.problem.production_prices.tolist() == [2, 2, 3, 3]
    assert "schedule covers that time only" in question.warnings[0]
    assert question.inputs["production_prices"] == [2, 2, 3, 3]


# -- targets stay (D16) --------------------------------------------------------------------------------

NIGHT = datetime(2026, 12, 1, 23, tzinfo=UTC)  # midnight in Amsterdam
DAY = timedelta(days=1)


@pytest.fixture
def car(in_app, prosumer):
    with writing() as session:
        market = Market(
            name="local",
            display_name="local",
            unit="EUR/MWh",
            event_resolution=HOUR,
            timezone="Europe/Amsterdam",
        )
        session.add(market)
    return make_asset("car", market, prosumer)


def know(market, values, start, horizon=timedelta(0)):
    with writing():
        beliefs.store(market, values, start, HOUR, sources.get_source("exchange", "script"), horizon=horizon)


def target(moment, value=2.0):
    return {"value": value, "datetime": moment.isoformat()}


def wanted(asset, start, *moments, horizon=2 * DAY, **more):
    arguments = {"soc_in_mwh": 1.0, "targets": [target(moment) for moment in moments]}
    return build_problem(asset, arguments, start, horizon, **more)


@pytest.mark.contract("D16", "16.6")
def test_prices_are_continued_to_the_last_target_by_the_same_hours_of_the_last_known_day(car):
    know(car.market, range(24), NIGHT - DAY)
    question = wanted(car, NIGHT - 4 * HOUR, NIGHT + HOUR, NIGHT + 2 * HOUR)
    problem = question.problem
    assert problem.prices.tolist() == [20, 20, 21, 21, 22, 22, 23, 23, 0, 0, 1, 1]
    assert [t.datetime for t in problem.targets] == [NIGHT + HOUR, NIGHT + 2 * HOUR]
    assert question.warnings[-2:] == [
        (
            "Prices of market local are known until 2026-12-01T23:00:00Z; from then until 2026-12-02T01:00:00Z,"
            " those of the same hours of the days before are assumed."
        ),
        "The schedule covers the time from 2026-12-01T19:00:00Z until 2026-12-02T01:00:00Z only.",
    ]
    assert question.inputs["prices_assumed_from"] == "2026-12-01T23:00:00Z"


@pytest.mark.contract("D16")
def test_stored_forecasts_of_prices_come_before_assumed_ones(car):
    know(car.market, range(24), NIGHT - DAY)
    with writing():
        forecaster = sources.get_source("Seita", FORECASTING_SCRIPT)
        beliefs.store(car.market, [7], NIGHT, HOUR, forecaster, horizon=6 * HOUR)
    question = wanted(car, NIGHT - HOUR, NIGHT + 2 * HOUR)
    assert question.problem.prices.tolist() == [23, 23, 7, 7, 1, 1]
    told = " ".join(question.warnings)
    assert "known until 2026-12-02T00:00:00Z; from then until 2026-12-02T01:00:00Z" in told
    assert "from 2026-12-01T23:00:00Z until 2026-12-02T00:00:00Z are forecasts." in told
    assert question.inputs["prices_assumed_from"] == "2026-12-01T23:00:00Z"


@pytest.mark.contract("D16")
def test_of_a_day_that_is_known_in_part_the_day_before_it_fills_the_rest(car):
    know(car.market, range(100, 124), NIGHT - 2 * DAY)
    know(car.market, range(12), NIGHT - DAY)
    noon = NIGHT - 12 * HOUR
    question = wanted(car, noon - HOUR, noon + 23 * HOUR)
    assert question.problem.prices.tolist()[::2] == [11, *range(112, 124), *range(11)]


@pytest.mark.contract("D16")
def test_with_less_than_a_day_of_prices_the_last_of_them_is_held(car):
    know(car.market, [5, 6, 9], NIGHT - 3 * HOUR)
    question = wanted(car, NIGHT - 2 * HOUR, NIGHT + 2 * HOUR)
    assert question.problem.prices.tolist() == [6, 6, 9, 9, 9, 9, 9, 9]


@pytest.mark.contract("D16")
def test_the_same_hours_are_those_of_the_clock_on_the_wall(car):
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Amsterdam, before the day of 25 hours
    know(car.market, range(24), autumn - DAY)
    question = wanted(car, autumn - HOUR, autumn + 6 * HOUR)
    assert question.problem.prices.tolist()[::2] == [23, 0, 1, 2, 2, 3, 4]


@pytest.mark.contract("D16")
def test_prices_that_begin_late_are_assumed_where_a_target_comes_before_them(car):
    know(car.market, [1, 2], NIGHT - DAY)
    know(car.market, [8, 9], NIGHT + HOUR)
    question = wanted(car, NIGHT, NIGHT + HOUR)
    assert question.problem.prices.tolist() == [1, 1, 8, 8, 9, 9]
    assert "are known from 2026-12-02T00:00:00Z on; before, those of the same hours" in " ".join(
        question.warnings
    )


@pytest.mark.contract("D16")
def test_prices_of_production_are_continued_as_well(car):
    know(car.market, range(24), NIGHT - DAY)
    feed_in = make_market("feed_in", [3, 4], NIGHT - 2 * HOUR)
    arguments = {
        "soc_in_mwh": 1.0,
        "targets": [target(NIGHT + HOUR)],
        "flexibility": {"production_market_id": feed_in.id},
    }
    problem = build_problem(car, arguments, NIGHT - 2 * HOUR, DAY).problem
    assert problem.prices.tolist() == [22, 22, 23, 23, 0, 0]
    assert problem.production_prices.tolist() == [3, 3, 4, 4, 4, 4]


@pytest.mark.contract("D16")
def test_without_targets_the_schedule_ends_with_the_prices_as_before(car):
    know(car.market, range(24), NIGHT - DAY)
    question = wanted(car, NIGHT - HOUR)
    assert question.problem.prices.tolist() == [23, 23]
    assert "prices_assumed_from" not in question.inputs


@pytest.mark.contract("D16", "16.6")
def test_without_any_price_of_its_time_there_is_no_plan(car):
    know(car.market, range(24), NIGHT - DAY)
    with pytest.raises(UnknownPrices):
        wanted(car, NIGHT + HOUR, NIGHT + 2 * HOUR)


@pytest.mark.contract("D16")
def test_a_target_at_the_end_of_the_window_counts_though_the_event_came_within_a_slot(car):
    know(car.market, range(24), NIGHT - DAY)
    at = NIGHT - HOUR + timedelta(minutes=7)
    question = wanted(car, at, at + DAY, horizon=DAY)
    assert (len(question.problem.prices), len(question.problem.targets)) == (48, 1)


@pytest.mark.contract("D16")
def test_strict_schedules_are_not_made_by_assumed_prices(car, in_app):
    in_app.config["FLEXMEASURES_STRICT_SCHEDULES"] = True
    know(car.market, range(24), NIGHT - DAY)
    with pytest.raises(AlgorithmError, match="are assumed"):
        wanted(car, NIGHT - HOUR, NIGHT + HOUR)


@pytest.mark.parametrize("which", ["gone", "won"])
def test_a_market_that_cannot_be_used_is_named_with_its_key(battery, which):
    market_id = 99999 if which == "gone" else make_market("kpx", [1], unit="KRW/kWh").id
    with pytest.raises(
        AlgorithmError, match=rf"co2_market_id of asset battery is market {market_id}.*EUR/MWh"
    ):
        ask(battery, co2_market_id=market_id)


def test_the_event_wins_over_the_asset_and_the_asset_over_the_setting(battery, in_app):
    in_app.config["FLEXMEASURES_RELAX_TARGETS"] = True
    assert ask(battery).problem.flexibility.relax is True
    with writing():
        battery.attributes = {"flexibility": {"relax": False, "charge_efficiency": 0.9}}
    by_asset = ask(battery).problem.flexibility
    assert (by_asset.relax, by_asset.charge_efficiency) == (False, 0.9)
    by_event = ask(battery, relax=True, charge_efficiency=0.8)
    assert (by_event.problem.flexibility.relax, by_event.problem.flexibility.charge_efficiency) == (True, 0.8)
    assert by_event.inputs["flexibility"] == {"relax": True, "charge_efficiency": 0.8}


def test_attributes_that_are_not_understood_fail_with_the_asset_and_the_key(battery):
    with writing():
        battery.attributes = {"flexibility": {"charge_efficiency": "high"}}
    with pytest.raises(AlgorithmError, match=r"flexibility of asset battery.*charge_efficiency is 'high'"):
        ask(battery)
