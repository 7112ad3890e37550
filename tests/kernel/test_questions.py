"""Problems of schedules: further prices, and what settings, assets and events ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flexmeasures import beliefs, sources
from flexmeasures.db import writing
from flexmeasures.errors import AlgorithmError
from flexmeasures.models import Asset, Market
from flexmeasures.questions import question_about

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


@pytest.fixture
def battery(in_app, prosumer):
    market = make_market("day_ahead", [10, 20, 30, 40])
    with writing() as session:
        asset = Asset(
            name="battery",
            display_name="battery",
            unit="MW",
            event_resolution=timedelta(minutes=30),
            capacity_in_mw=0.5,
            market=market,
            owner_id=prosumer.id,
        )
        session.add(asset)
    return asset


def ask(asset, **wishes):
    return question_about(asset, {"soc_in_mwh": 1.0, "flexibility": wishes}, START, 4 * HOUR)


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
