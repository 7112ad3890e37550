"""Tariffs: what the documentation's formulas give, when their prices are known, and what is refused."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import World

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "tariffs.md"
FILES = {
    tomllib.loads(text)["name"]: text for text in re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.S)
}
HOUR = timedelta(hours=1)
WINTER = datetime(2026, 1, 14, 23, tzinfo=UTC)  # a Thursday in January, local midnight in Amsterdam
Make = Callable[..., Any]


@pytest.fixture
def market(app: Any) -> Make:
    """`market(name, unit, minutes)` makes a market."""
    from sqlalchemy import select

    from flexmeasures.db import writing
    from flexmeasures.models import Market, SensorType

    def make(name: str, unit: str = "EUR/MWh", minutes: int = 60) -> Any:
        with app.app_context(), writing() as session:
            kind = session.scalar(select(SensorType).where(SensorType.name == "day_ahead"))
            step = timedelta(minutes=minutes)
            found = Market(name=name, display_name=name, unit=unit, event_resolution=step, type=kind)
            session.add(found)
            session.flush()
            session.expunge_all()
            return found

    return make


@pytest.fixture
def publish(app: Any) -> Make:
    """`publish(market, start, prices, known)` stores prices as of a provider, known at that time."""

    def store(market: Any, start: datetime, prices: list[float], known: datetime | None = None) -> None:
        from flexmeasures import beliefs, sources
        from flexmeasures.db import writing

        with app.app_context(), writing():
            source = sources.get_source("exchange", "script")
            at = known or start - timedelta(hours=11)
            beliefs.store(
                market, prices, start, market.event_resolution, source, belief_time=at, on_existing="replace"
            )

    return store


@pytest.fixture
def add(run: Any, tmp_path: Path) -> Make:
    """`add(text)` adds the tariff of a TOML text and gives the result."""

    def invoke(text: str) -> Any:
        path = tmp_path / "tariff.toml"
        path.write_text(text, encoding="utf-8")
        return run("add", "tariff", path)

    return invoke


@pytest.fixture
def paid(app: Any) -> Make:
    """`paid(name, start, hours, prior=...)` gives the tariff's hourly prices, rounded to 1e-9."""

    def read(name: str, start: datetime, hours: int, **filters: Any) -> list[float | None]:
        from sqlalchemy import select

        from flexmeasures.beliefs import search_one
        from flexmeasures.db import db
        from flexmeasures.models import Market

        with app.app_context():
            market = db.session.scalars(select(Market).where(Market.name == name)).one()
            found = search_one(market, start, start + hours * HOUR, resolution=HOUR, **filters)
            return [None if value != value else round(float(value), 9) for value in found.values]

    return read


# -- the examples of the documentation -----------------------------------------------------------------


def test_the_dutch_example_adds_tax_supplier_and_vat(
    market: Make, publish: Make, add: Make, paid: Make
) -> None:
    publish(market("day_ahead_nl"), WINTER, [100, -50, 0])
    result = add(FILES["home"])
    assert result.exit_code == 0, result.output
    assert "3 prices were computed" in result.output
    expected = [(price / 1000 + 0.02 + 0.10154) * 1.21 for price in (100, -50, 0)]
    assert paid("home", WINTER, 3) == pytest.approx(expected)
    assert add(FILES["home_feed_in"]).exit_code == 0
    assert paid("home_feed_in", WINTER, 3) == pytest.approx([0.09, 0, 0])


def test_the_german_example_has_three_network_fees(
    market: Make, publish: Make, add: Make, paid: Make
) -> None:
    publish(market("day_ahead_de-lu"), WINTER, [0.0] * 24)
    assert add(FILES["wallbox"]).exit_code == 0
    fees = [0.016] * 5 + [0.08] * 12 + [0.14] * 4 + [0.08] * 3
    assert paid("wallbox", WINTER, 24) == pytest.approx([(0.0636 + fee) * 1.19 for fee in fees])


def test_the_british_example_has_a_factor_a_peak_and_a_cap(
    market: Make, publish: Make, add: Make, paid: Make, app: Any
) -> None:
    publish(market("day_ahead_gb", "GBP/MWh", 30), WINTER + HOUR, [100.0] * 36 + [500.0] * 12)
    assert add(FILES["agile_like"]).exit_code == 0
    found = paid("agile_like", WINTER + HOUR, 24)
    assert (found[15], found[16], found[18]) == pytest.approx((0.22 * 1.05, 0.34 * 1.05, 0.95 * 1.05))


def test_the_swedish_example_has_winter_weekdays(market: Make, publish: Make, add: Make, paid: Make) -> None:
    zone = market("day_ahead_se3", "SEK/MWh")
    for day in (WINTER, WINTER + timedelta(days=2), datetime(2026, 6, 3, 22, tzinfo=UTC)):
        publish(zone, day, [0.0] * 24)
    assert add(FILES["villa"]).exit_code == 0
    low, high = (0.428 + 0.1556) * 1.25, (0.428 + 0.1556 + 0.0412) * 1.25
    assert paid("villa", WINTER, 24) == pytest.approx([low] * 6 + [high] * 16 + [low] * 2)
    assert set(paid("villa", WINTER + timedelta(days=2), 24)) == {round(low, 9)}  # a Saturday
    assert set(paid("villa", datetime(2026, 6, 3, 22, tzinfo=UTC), 24)) == {round(low, 9)}


# -- when prices are known -----------------------------------------------------------------------------

SIMPLE = """
name = "paid"
unit = "EUR/MWh"
timezone = "Europe/Amsterdam"
[[versions]]
from = 2025-01-01
[[versions.parts]]
name = "price"
market = "spot"
[[versions.parts]]
name = "tax"
price = {tax}
"""
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


# -- schedules -----------------------------------------------------------------------------------------


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


# -- the API -------------------------------------------------------------------------------------------


def test_admins_put_tariffs_and_others_read_them(world: World, prices: None, paid: Make) -> None:
    from flexmeasures_tariffs.api import EXAMPLE

    admin, prosumer = world.clients["admin"], world.clients["prosumer"]
    path, sent = "/api/v2_0/tariff/home", {key: value for key, value in EXAMPLE.items() if key != "name"}
    assert prosumer.client.put(path, json=sent, headers=prosumer.headers).status_code == 403
    answer = admin.client.put(path, json=sent, headers=admin.headers)
    assert answer.status_code == 200, answer.json
    read = prosumer.client.get(path, headers=prosumer.headers)
    assert read.json == answer.json
    assert read.json["versions"][0]["parts"][0] == {
        "name": "day-ahead price",
        "market": "epex_da",
        "factor": 1.0,
    }
    listed = prosumer.client.get("/api/v2_0/tariffs", headers=prosumer.headers)
    assert [each["name"] for each in listed.json] == ["home"]
    assert paid("home", datetime(2015, 6, 2, tzinfo=UTC), 2) == pytest.approx([1.21 * 121.54, 1.21 * 122.54])
    assert prosumer.client.get("/api/v2_0/tariff/other", headers=prosumer.headers).status_code == 404


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"unit": "EUR"}, "unit", "currency"),
        ({"unit": "KRW/kWh"}, "unit", "is in EUR/MWh"),
        ({"timezone": "Mars"}, "timezone", "is not a time zone"),
        ({"resolution": 7}, "resolution", "Must be one of"),
        ({"versions": []}, "versions", "Length"),
        (
            {"versions": [{"from": "2015-01-01", "parts": [{"name": "x"}]}]},
            "versions",
            "either a price or a market",
        ),
        (
            {"resolution": 1, "versions": [{"from": "2001-01-01", "parts": [{"name": "x", "price": 1}]}]},
            "versions",
            "more than 2,000,000 slots",
        ),
        (
            {"versions": [{"from": "1999-12-31", "parts": [{"name": "x", "price": 1}]}]},
            "versions",
            "Must be greater",
        ),
        ({"versions": [{"from": "x", "parts": [{"name": "x", "price": 1}]}]}, "versions", "Not a valid date"),
        (
            {
                "versions": [
                    {"from": "2015-01-01", "parts": [{"name": "x", "price": 1, "hours": "25:00-26:00"}]}
                ]
            },
            "versions",
            "is not hours such as",
        ),
        (
            {"versions": [{"from": "2015-01-01", "parts": [{"name": "x", "price": 1, "days": "holidays"}]}]},
            "versions",
            "Must be weekdays",
        ),
        (
            {"versions": [{"from": "2015-01-01", "parts": [{"name": "x", "market": "nowhere"}]}]},
            "versions",
            "There is no market 'nowhere'",
        ),
        (
            {
                "resolution": 60,
                "versions": [
                    {"from": "2015-01-01", "parts": [{"name": "x", "price": 1, "hours": "16:30-19:00"}]}
                ],
            },
            "resolution",
            "begin or end within slots",
        ),
        (
            {
                "versions": [
                    {"from": "2015-01-01", "cap": 1, "floor": 2, "parts": [{"name": "x", "price": 1}]}
                ]
            },
            "versions",
            "Must not be below floor",
        ),
        (
            {"versions": [{"from": "2015-01-01", "parts": [{"name": "x", "price": 1}]}] * 2},
            "versions",
            "another day",
        ),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    world: World, change: dict[str, Any], field: str, said: str
) -> None:
    from flexmeasures_tariffs.api import EXAMPLE

    admin = world.clients["admin"]
    sent = {key: value for key, value in EXAMPLE.items() if key != "name"} | change
    answer = admin.client.put("/api/v2_0/tariff/home", json=sent, headers=admin.headers)
    assert answer.status_code == 422, answer.json
    assert field in answer.json["message"]["json"]
    assert said in str(answer.json)
    assert admin.client.get("/api/v2_0/tariffs", headers=admin.headers).json == []


def test_a_file_that_is_no_tariff_is_refused(add: Make, market: Make) -> None:
    market("spot")
    for text, said in (
        ("name = ", "is not TOML"),
        ('name = "x"', "Missing data for required field"),
        (SIMPLE.format(tax=1).replace('"paid"', '"spot"'), "prices of its own"),
        (
            SIMPLE.format(tax=1).replace("timezone", "resolution = 15\ntimezone").replace("spot", "none"),
            "no market",
        ),
    ):
        result = add(text)
        assert result.exit_code == 1, result.output
        assert said in result.output
