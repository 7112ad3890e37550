"""When prices are computed and known, and that schedules are made by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from tests.plugins.conftest import World

from .conftest import HOUR, SIMPLE, WINTER, Make

CHANGE = """
[[versions]]
from = 2026-01-15
[[versions.parts]]
name = "price"
market = "spot"
factor = 2
"""


def test_prices_are_known_when_their_inputs_are_and_corrections_follow(
    market: Make, publish: Make, add: Make, paid: Make
) -> None:
    spot = market("spot")
    assert "They follow as soon as" in add(SIMPLE.format(tax=10)).output
    published, corrected = WINTER - 11 * HOUR, WINTER - 3 * HOUR
    publish(spot, WINTER, [1, 2, 3], published)
    publish(spot, WINTER + HOUR, [20], corrected)
    assert paid("paid", WINTER, 3) == [11, 30, 13]
    assert paid("paid", WINTER, 3, prior=published) == [11, 12, 13]
    assert paid("paid", WINTER, 3, prior=published - HOUR) == [None, None, None]


def test_a_changed_formula_applies_from_its_day_and_is_known_from_now_on(
    market: Make, publish: Make, add: Make, paid: Make
) -> None:
    publish(market("spot"), WINTER - 2 * HOUR, [1, 2, 3, 4])
    add(SIMPLE.format(tax=10))
    assert paid("paid", WINTER - 2 * HOUR, 4) == [11, 12, 13, 14]
    assert add(SIMPLE.format(tax=10) + CHANGE).exit_code == 0
    assert paid("paid", WINTER - 2 * HOUR, 4) == [11, 12, 6, 8]
    assert paid("paid", WINTER - 2 * HOUR, 4, prior=WINTER + 4 * HOUR) == [11, 12, 13, 14]
    again = add(SIMPLE.format(tax=10) + CHANGE)
    assert again.exit_code == 0
    assert paid("paid", WINTER - 2 * HOUR, 4) == [11, 12, 6, 8]


def test_fixed_prices_are_computed_some_days_ahead(add: Make, paid: Make, app: Any) -> None:
    text = """
name = "night"
unit = "EUR/kWh"
timezone = "Europe/Amsterdam"
[[versions]]
from = 2026-01-01
[[versions.parts]]
name = "day"
price = 0.3
hours = "07:00-23:00"
[[versions.parts]]
name = "night"
price = 0.2
hours = "23:00-07:00"
vat = false
"""
    assert add(text).exit_code == 0
    now = datetime.now(UTC)
    tomorrow = (now + timedelta(days=2)).astimezone(ZoneInfo("Europe/Amsterdam"))
    midnight = tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
    assert paid("night", midnight.astimezone(UTC), 24) == [0.2] * 7 + [0.3] * 16 + [0.2]
    march = datetime(2026, 3, 28, 23, tzinfo=UTC)  # the day of 23 hours
    assert paid("night", march, 23) == [0.2] * 6 + [0.3] * 16 + [0.2]
    assert paid("night", march, 23, prior=march) == paid("night", march, 23)


def test_a_tariff_follows_another_one_and_two_markets(
    market: Make, publish: Make, add: Make, paid: Make, run: Any
) -> None:
    spot, grid = market("spot"), market("grid", "EUR/kWh", 180)
    add(SIMPLE.format(tax=10))
    second = SIMPLE.format(tax=0).replace('"paid"', '"whole"').replace('"spot"', '"paid"')
    second += '[[versions.parts]]\nname = "network"\nmarket = "grid"\n'
    assert add(second).exit_code == 0
    publish(spot, WINTER - 2 * HOUR, [1, 2, 3, 4, 5])
    assert paid("whole", WINTER - 2 * HOUR, 5) == [None] * 5
    publish(grid, WINTER - 2 * HOUR, [0.1])
    assert paid("whole", WINTER - 2 * HOUR, 5) == [111, 112, 113, None, None]
    listed = run("show", "tariffs")
    for said in ("whole (ID:", "network: 1 x grid", "tax: 0", "from 2025-01-01, 0 % VAT"):
        assert said in listed.output
    circle = add(SIMPLE.format(tax=10).replace('"spot"', '"whole"'))
    assert circle.exit_code == 1
    assert "would be computed from itself" in circle.output


def test_a_tariff_whose_market_is_gone_stands_and_stores_nothing_more(
    market: Make, publish: Make, add: Make, run: Any, app: Any
) -> None:
    from flexmeasures import sensors
    from flexmeasures.db import db, writing
    from flexmeasures.models import Market
    from flexmeasures_tariffs.computing import all_tariffs, compute

    spot = market("spot")
    publish(spot, WINTER, [1, 2, 3])
    assert add(SIMPLE.format(tax=10)).exit_code == 0
    with app.app_context():
        with writing() as session:
            sensors.delete_sensor(session.get_one(Market, spot.id))
        [(paid_market, tariff)] = all_tariffs()
        with writing():
            assert compute(db.session.get_one(Market, paid_market.id), tariff) == 0
    shown = run("show", "tariffs")
    assert shown.exit_code == 0, shown.output
    assert f"price: 1 x {spot.id}" in shown.output


def test_a_schedule_is_made_by_what_is_paid(world: World, market: Make, publish: Make, add: Make) -> None:
    from sqlalchemy import select

    from flexmeasures.db import writing
    from flexmeasures.models import Asset, Market

    start = datetime(2026, 1, 14, 11, tzinfo=UTC)
    publish(market("spot"), start, [50.0] * 48)
    text = SIMPLE.format(tax=0) + '[[versions.parts]]\nname = "peak"\nprice = 200\nhours = "17:00-21:00"\n'
    assert add(text).exit_code == 0
    with world.app.app_context(), writing() as session:
        battery = session.get_one(Asset, world.ids["battery"])
        battery.market_id = session.scalars(select(Market.id).where(Market.name == "paid")).one()
    owner = world.clients["prosumer"]
    posted = owner.post(
        "postUdiEvent", event=world.event("battery", 7), datetime=start.isoformat(), value=2.5, unit="MWh"
    )
    assert posted.status_code == 200, posted.json
    told = owner.get(f"asset/{world.ids['battery']}/schedule/7").json
    assert sorted(set(told["prices"])) == [50, 250]
    peak = [power for power, price in zip(told["values"], told["prices"], strict=True) if price == 250]
    assert min(peak) == -2
