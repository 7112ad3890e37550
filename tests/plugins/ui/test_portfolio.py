"""The portfolio: energy and costs by type, to each role."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from .conftest import HOUR, START, tell

THEN = START - timedelta(days=100)  # of which the fixtures know nothing
WINDOW = {"start": THEN.isoformat(), "end": (THEN + timedelta(days=1)).isoformat()}
PATHS = ("/portfolio", "/portfolio/chart.json", "/portfolio/data.csv")


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


def test_energy_and_costs_are_summed_by_type_and_not_those_of_schedules(
    client: Any, prosumer: Any, battery: Any, as_user: Any, app: Any
) -> None:
    with app.app_context():
        tell(battery, [1.0, -0.5, 2.0], THEN)
        tell(battery, [9.0] * 3, THEN, "scheduled")
    with as_user(client, prosumer):
        text = client.get("/portfolio/data.csv", query_string=WINDOW).text
        page = client.get("/portfolio", query_string=WINDOW)
        chart = client.get("/portfolio/chart.json", query_string=WINDOW)
    header, row = text.splitlines()[:2]
    assert header == "type,assets,production_mwh,consumption_mwh,costs,currency"
    name, assets, production, consumption, *_ = row.split(",")
    hours = battery.event_resolution / HOUR
    assert (name, assets) == ("stationary battery", "1")
    assert float(production) == pytest.approx(0.5 * hours)
    assert float(consumption) == pytest.approx(3.0 * hours)
    assert "stationary battery" in page.text
    assert page.headers["Cache-Control"] == "private, no-cache"
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", page.text)
    assert chart.json["root_id"]


def test_foreign_assets_do_not_count(
    client: Any, battery: Any, make_user: Any, as_user: Any, app: Any
) -> None:
    with app.app_context():
        tell(battery, [1.0], THEN)
    with as_user(client, make_user("other", "Prosumer")):
        assert len(client.get("/portfolio/data.csv", query_string=WINDOW).text.splitlines()) == 1
