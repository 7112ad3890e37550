"""The dashboard: balance, schedules ahead, groups, the map's list, and the state of one asset."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures.timing import floor_time

from .conftest import HOUR, NOW, QUARTER, START


@pytest.fixture
def planned(app: Any, prosumer: Any, make_asset: Any, store: Any) -> Any:
    """A charger that has a schedule and no meter: idle for an hour, then 1.5 MW for two."""
    from flexmeasures.db import writing
    from flexmeasures.models import Asset, StoredSchedule
    from flexmeasures.sources import get_source

    charger = make_asset(prosumer, "Charger", "one-way_evse")
    start = floor_time(NOW, QUARTER)
    powers = [0.0] * 4 + [1.5] * 8 + [0.0] * 80
    store(charger, powers, start, "schedule")
    with app.app_context(), writing() as session:
        session.get_one(Asset, charger.id)
        row = StoredSchedule(
            sensor_id=charger.id,
            source_id=get_source("Seita", "scheduling script", "s", "1").id,
            start=start,
            resolution=QUARTER,
            belief_time=start,
            status="optimal",
            price_unit="EUR/MWh",
            values=powers,
            prices=[50.0] * 92,
            soc=[],
            costs={},
            baseline=[],
            baseline_costs={},
            objective=0.0,
            algorithm="storage",
            because="test",
        )
        session.add(row)
    return charger


def test_a_scheduled_asset_without_a_meter_is_not_silent(
    client: Any, prosumer: Any, admin: Any, planned: Any, make_asset: Any, store: Any, as_user: Any
) -> None:
    panels = make_asset(prosumer, "Roof", "solar")
    store(panels, [-0.75], floor_time(NOW, QUARTER) - QUARTER)
    with as_user(client, prosumer):
        page = client.get("/dashboard").text
    assert "All well: 1 asset reporting, producing 0.750 MW together." in page
    assert "1 asset without a meter follows a schedule." in page
    assert "scheduled, not measured" in page
    assert "consumes 13:00–15:00" in page or "consumes 22:00" in page
    assert "At 50.0 EUR/MWh this earns 37.5 EUR an hour." in page
    with as_user(client, admin):
        assert "scheduled, not measured" in client.get(f"/assets/owned_by/{prosumer.id}").text


def test_the_balance_has_two_equal_sides(
    client: Any, prosumer: Any, make_asset: Any, store: Any, as_user: Any
) -> None:
    last = floor_time(NOW, QUARTER) - QUARTER
    for name, kind, power in (("Roof", "solar", -0.5), ("Mill", "wind", -0.25), ("House", "building", 1.0)):
        store(make_asset(prosumer, name, kind), [power], last)
    with as_user(client, prosumer):
        page = client.get("/dashboard").text
    parts = re.findall(r'<span class="dot fill-([\w-]+)"></span>([^<]+)</li>', page)
    assert parts == [
        ("solar", "solar panel 0.500 MW"),
        ("wind", "wind turbine 0.250 MW"),
        ("grid", "grid 0.250 MW"),
        ("building", "building 1.00 MW"),
    ]
    assert 'href="/analytics?resource=renewables"' in page
    assert 'href="/analytics?resource=solar+panels"' in page


@pytest.mark.contract("25.3")
def test_places_are_listed_for_the_map_and_a_name_stays_text(
    client: Any, prosumer: Any, make_asset: Any, as_user: Any
) -> None:
    asset = make_asset(prosumer, "<b>Roof</b>", "solar", latitude=51.5)
    with as_user(client, prosumer):
        page = client.get("/dashboard").text
        assert f'data-lat="51.5" data-lon="4.9" data-state="/state?id={asset.id}"' in page
        assert "<b>Roof" not in page
        assert "&lt;b&gt;Roof" in client.get(f"/state?id={asset.id}").text


@pytest.mark.contract("25.3")
def test_the_state_of_an_asset_is_drawn_or_said_to_be_missing(
    client: Any, prosumer: Any, battery: Any, make_asset: Any, store: Any, as_user: Any, make_user: Any
) -> None:
    empty = make_asset(prosumer, "Empty", "building")
    with as_user(client, prosumer):
        state = client.get(f"/state?id={battery.id}").text
        assert '<path class="stroke-measured" d="M' in state
        assert f'href="/assets/{battery.id}"' in state
        assert "No measurements yet" in client.get(f"/state?id={empty.id}").text
        for wrong in ("", "x", "999", "9" * 30):
            assert client.get(f"/state?id={wrong}").status_code == 404
    with as_user(client, make_user("other", "Prosumer")):
        assert client.get(f"/state?id={battery.id}").status_code == 404
    assert client.get(f"/state?id={battery.id}").status_code == 404 or client.get("/state").status_code == 302


def test_of_many_assets_the_silent_ones_come_first(
    client: Any, prosumer: Any, make_asset: Any, store: Any, as_user: Any
) -> None:
    last = floor_time(NOW, QUARTER) - QUARTER
    for k in range(52):
        asset = make_asset(prosumer, f"House {k:02}", "building")
        if k < 51:
            store(asset, [0.1], last)
    with as_user(client, prosumer):
        page = client.get("/dashboard").text
    rows = re.findall(r'<th scope="row"><a href="/assets/\d+">.*?</svg>\s*([^<]+)</a>', page)
    assert (len(rows), rows[:2]) == (50, ["House 51", "House 00"])
    assert "All 52 assets" in page
    assert page.count("data-lat=") == 52


def test_failed_jobs_of_ones_assets_are_told(
    app: Any, client: Any, prosumer: Any, battery: Any, as_user: Any
) -> None:
    from flexmeasures.db import writing
    from flexmeasures.models import Job, JobState

    with app.app_context(), writing() as session:
        moments = {"created_at": NOW, "finished_at": NOW - HOUR}
        session.add(
            Job(queue="scheduling", function="x", state=JobState.FAILED, sensor_id=battery.id, **moments)
        )
    with as_user(client, prosumer):
        assert "1 job of your assets failed in the last day" in client.get("/dashboard").text


def test_tiles_are_asked_of_the_host_that_is_configured_only(
    app: Any, client: Any, prosumer: Any, battery: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        assert "img-src 'self' data:" in client.get("/dashboard").headers["Content-Security-Policy"]
        app.config["FLEXMEASURES_MAP_TILES"] = "https://tiles.example.org/{z}/{x}/{y}.png"
        try:
            answer = client.get("/dashboard")
        finally:
            app.config["FLEXMEASURES_MAP_TILES"] = ""
    assert "img-src 'self' https://tiles.example.org data:" in answer.headers["Content-Security-Policy"]
    assert "tiles.example.org/{z}" in answer.text


def test_words_of_the_next_action() -> None:
    from zoneinfo import ZoneInfo

    from flexmeasures_ui.dashboard.plans import Plan

    class Device:
        capacity_in_mw = 2.0

    def words(*powers: float) -> str:
        return Plan(Device(), START, timedelta(hours=1), powers).next_action(ZoneInfo("UTC"))  # type: ignore[arg-type]

    assert words(0, 0.001, 0) == ""
    assert words(1, 1, 0, -1) == "consumes until 08:00"
    assert words(0, -1, -2, float("nan")) == "produces 07:00–09:00"


# -- alerts ------------------------------------------------------------------------------------------------


def needs(page: str) -> str:
    """The text of the box that tells what needs somebody; "" without one."""
    found = re.search(r'<section class="card-box" aria-label="Needs you">(.*?)</section>', page, re.DOTALL)
    return "" if found is None else re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1])).strip()


def test_a_hole_in_the_measurements_of_the_last_day_is_told(
    client: Any, prosumer: Any, make_asset: Any, store: Any, as_user: Any
) -> None:
    meter, whole = make_asset(prosumer, "Meter", "building"), make_asset(prosumer, "Whole", "building")
    values = np.ones(48)
    values[8:20] = np.nan
    store(meter, values, NOW - 12 * HOUR - timedelta(minutes=7))
    store(whole, np.ones(48), NOW - 12 * HOUR - timedelta(minutes=7))
    with as_user(client, prosumer):
        told = needs(client.get("/dashboard").text)
    assert told == "Needs you Meter : No data for 3 h from Wed 02:00 on."


def test_an_old_state_of_charge_is_told(
    client: Any, prosumer: Any, make_asset: Any, app: Any, as_user: Any
) -> None:
    from flexmeasures.db import writing
    from flexmeasures.models import Asset

    battery = make_asset(prosumer, "Battery", "battery", max_soc_in_mwh=4, min_soc_in_mwh=0)
    for days, said in ((0.9, ""), (2, "Needs you Battery : The state of charge is 2 days old.")):
        with app.app_context(), writing() as session:
            session.get_one(Asset, battery.id).soc_datetime = NOW - timedelta(days=days)
        with as_user(client, prosumer):
            assert needs(client.get("/dashboard").text) == said
