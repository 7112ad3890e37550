"""The portfolio: energy and costs by type, to each role."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures.timing import clock

from .conftest import HOUR, NOW, START, tell
from .test_chart import line

THEN = START - timedelta(days=100)  # of which the fixtures know nothing
WINDOW = {"start": THEN.isoformat(), "end": (THEN + timedelta(days=1)).isoformat()}
PATHS = ("/portfolio", "/portfolio/chart.json", "/portfolio/effect.json", "/portfolio/data.csv")


@pytest.fixture
def market(app: Any, battery: Any) -> Any:
    """The battery's market, with prices of quarters."""
    import flexmeasures_master_data as master_data
    from flexmeasures.db import writing
    from flexmeasures.models import Asset

    fields = {"name": "quarters", "market_type_name": "day_ahead", "unit": "EUR/MWh", "event_resolution": 15}
    with app.app_context(), writing() as session:
        made = master_data.create_market(fields | {"display_name": "Market of quarters"})
        session.get_one(Asset, battery.id).market_id = made.id
        return made


def test_visitors_are_led_to_the_login_and_others_refused(client: Any, make_user: Any, as_user: Any) -> None:
    for path in PATHS:
        assert client.get(path).status_code == 302
    with as_user(client, make_user("meter", "MDC")):
        for path in PATHS:
            assert client.get(path).status_code == 403
        assert 'href="/portfolio"' not in client.get("/dashboard").text


def test_without_assets_it_says_what_to_do(client: Any, prosumer: Any, as_user: Any) -> None:
    with as_user(client, prosumer):
        page = client.get("/portfolio")
        assert page.status_code == 200
        assert "flexmeasures add asset" in page.text
        assert 'href="/portfolio"' in client.get("/dashboard").text
        assert client.get("/portfolio/chart.json").status_code == 404


@pytest.mark.parametrize("query", [{"start": "now"}, {"start": "2026-01-02", "end": "2026-01-01"}])
def test_a_window_that_is_none_is_refused(
    client: Any, prosumer: Any, as_user: Any, query: dict[str, str]
) -> None:
    with as_user(client, prosumer):
        assert client.get("/portfolio", query_string=query).status_code == 400


@pytest.mark.contract("25.7")
def test_energy_and_money_are_summed_by_type_and_not_those_of_schedules(
    client: Any, prosumer: Any, battery: Any, market: Any, as_user: Any, app: Any
) -> None:
    with app.app_context():
        tell(battery, [1.0, -0.5, 2.0], THEN)
        tell(battery, [9.0] * 3, THEN, "scheduled")
        tell(market, [100.0, 200.0, -50.0], THEN)
    with as_user(client, prosumer):
        text = client.get("/portfolio/data.csv", query_string=WINDOW).text
        rows = client.get("/portfolio/data.json", query_string=WINDOW).json
        page = client.get("/portfolio", query_string=WINDOW)
        chart = client.get("/portfolio/chart.json", query_string=WINDOW)
    hours = battery.event_resolution / HOUR
    assert rows == [
        {
            "type": "stationary battery",
            "assets": 1,
            "production_mwh": pytest.approx(0.5 * hours),
            "consumption_mwh": pytest.approx(3.0 * hours),
            "expected_mwh": 0.0,
            "costs": pytest.approx(100.0 * hours),
            "revenues": pytest.approx((0.5 * 200 + 2 * 50) * hours),
            "profit": pytest.approx(100.0 * hours),
            "currency": "EUR",
        }
    ]
    assert text.splitlines()[0] == ",".join(rows[0])
    assert "stationary battery" in page.text
    assert page.headers["Cache-Control"] == "private, no-cache"
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", page.text)
    assert chart.json["root_id"]


@pytest.mark.parametrize(
    ("asked", "earned"), [("production_price_per_mwh", 30.0), ("production_market_id", 80.0)]
)
def test_production_earns_its_own_price_where_one_is_stated(
    client: Any, prosumer: Any, battery: Any, market: Any, as_user: Any, app: Any, asked: str, earned: float
) -> None:
    import flexmeasures_master_data as master_data
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    fields = {"name": "feed-in", "market_type_name": "tou_tariff", "unit": "EUR/MWh", "event_resolution": 15}
    with app.app_context():
        tell(battery, [1.0, -0.5], THEN)
        tell(market, [100.0, 200.0], THEN)
        with writing() as session:
            other = master_data.create_market(fields)
            value = other.id if asked.endswith("_id") else earned
            master_data.update_asset(session.get_one(Asset, battery.id), {"flexibility": {asked: value}})
        tell(db.session.get_one(type(other), other.id), [1.0, 80.0], THEN)
    with as_user(client, prosumer):
        row = client.get("/portfolio/data.json", query_string=WINDOW).json[0]
    hours = battery.event_resolution / HOUR
    assert row["costs"] == pytest.approx(100.0 * hours)
    assert row["revenues"] == pytest.approx(0.5 * earned * hours)


def test_from_now_on_forecasts_count_and_are_told_apart(
    client: Any, prosumer: Any, battery: Any, as_user: Any, app: Any
) -> None:
    soon = NOW + timedelta(days=200) - timedelta(minutes=7)
    window = {"start": (soon - HOUR).isoformat(), "end": (soon + HOUR).isoformat()}
    with app.app_context(), clock(soon):
        tell(battery, [1.0] * 4, soon - HOUR)
        tell(battery, [4.0] * 8, soon - HOUR, "forecast")
        with as_user(client, prosumer):
            row = client.get("/portfolio/data.json", query_string=window).json[0]
            assert "forecasts included" not in client.get("/portfolio", query_string=WINDOW).text
    assert (row["consumption_mwh"], row["expected_mwh"]) == (pytest.approx(5.0), pytest.approx(4.0))


# -- the effect of schedules ------------------------------------------------------------------------------


def plan(asset: Any, start: datetime, values: list[float], baseline: list[float], saved: list[float]) -> None:
    """Store a schedule; inside an app context."""
    from flexmeasures import sources
    from flexmeasures.db import writing
    from flexmeasures.models import StoredSchedule

    with writing() as session:
        stored = StoredSchedule(
            sensor_id=asset.id,
            source_id=sources.get_source("Seita", "scheduling script", "s", "1").id,
            start=start,
            resolution=asset.event_resolution,
            belief_time=start,
            status="optimal",
            price_unit="EUR/MWh",
            values=values,
            prices=[10.0] * len(values),
            soc=[0.0] * len(values),
            costs={"energy": 0.0},
            baseline=baseline,
            baseline_costs={"energy": sum(saved)},
            objective=0.0,
            algorithm="storage",
            because="a test",
            explanation={
                "cost_slots": {"energy": [0.0] * len(values)},
                "baseline_cost_slots": {"energy": saved},
            },
        )
        session.add(stored)


def effect_of(client: Any) -> tuple[list[str], list[float]]:
    """The row of the table for the battery, and the values of the chart that are known."""
    page = client.get("/portfolio", query_string=WINDOW).text
    table = page.split("Curtailed, MWh")[1].split("</table>")[0]
    row = [
        re.sub(r"<.+?>", "", cell).strip()
        for cell in re.findall(r"<t[hd].*?</t[hd]>", table)
        if "col" not in cell
    ]
    _, _, drawn = line(client.get("/portfolio/effect.json", query_string=WINDOW).json, "schedule")
    return row[:5], [float(value) for value in drawn[::2] if np.isfinite(value)]


def test_the_effect_is_that_of_the_newest_plan_of_each_slot(
    client: Any, prosumer: Any, battery: Any, as_user: Any, app: Any
) -> None:
    with app.app_context():
        plan(battery, THEN, [2.0, -2.0, 0.0, 0.0], [0.0] * 4, [1.0, 2.0, 4.0, 8.0])
        plan(battery, THEN + HOUR / 2, [-1.0, 1.0], [0.0, 0.0], [16.0, 32.0])
    with as_user(client, prosumer):
        row, values = effect_of(client)
        page = client.get("/portfolio", query_string=WINDOW).text
    assert values == [-2.0, 2.0, 1.0, -1.0]  # up-regulation is positive
    assert row == ["stationary battery", "1", "0", "0.750", "51.0 EUR"]
    assert "Schedules save" in page


def test_only_what_lies_in_the_window_counts(
    client: Any, prosumer: Any, battery: Any, as_user: Any, app: Any
) -> None:
    with app.app_context():
        plan(battery, THEN - HOUR / 2, [-1.0] * 4, [0.0] * 4, [5.0] * 4)
    with as_user(client, prosumer):
        row, values = effect_of(client)
    assert values == [1.0, 1.0]
    assert row[2:] == ["0.500", "0", "10.0 EUR"]


def test_without_a_schedule_there_is_no_effect(
    client: Any, prosumer: Any, battery: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        assert "What schedules change" not in client.get("/portfolio", query_string=WINDOW).text
        assert client.get("/portfolio/effect.json", query_string=WINDOW).status_code == 404


# -- stacked by type --------------------------------------------------------------------------------------


@pytest.mark.contract("25.7")
def test_either_side_is_stacked_by_type(
    client: Any, prosumer: Any, battery: Any, make_asset: Any, as_user: Any, app: Any
) -> None:
    roof = make_asset(prosumer, "Roof", "solar")
    with app.app_context():
        tell(battery, [1.0, -0.5], THEN)
        tell(roof, [-2.0, -3.0], THEN)
    with as_user(client, prosumer):
        asked = {
            side: json.dumps(
                client.get("/portfolio/chart.json", query_string=WINDOW | {"show_stacked": side}).json
            )
            for side in ("production", "consumption")
        }
        page = client.get("/portfolio", query_string=WINDOW | {"show_stacked": "production"}).text
        wrong = client.get("/portfolio", query_string=WINDOW | {"show_stacked": "both"})
    assert "Production by type, MW" in asked["production"]
    assert "type-solar" in asked["production"]
    assert "Consumption by type, MW" in asked["consumption"]
    assert "Production by type" in page
    assert wrong.status_code == 400
    assert "production, consumption" in wrong.text


def test_foreign_assets_do_not_count(
    client: Any, battery: Any, make_user: Any, as_user: Any, app: Any
) -> None:
    with app.app_context():
        tell(battery, [1.0], THEN)
    with as_user(client, make_user("other", "Prosumer")):
        assert len(client.get("/portfolio/data.csv", query_string=WINDOW).text.splitlines()) == 1
