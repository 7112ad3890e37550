"""Analytics: realised beside expected, to each role; what is chosen stays; what was known then."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest

from .conftest import HOUR, NOW, START, tell

THEN = START - timedelta(days=100)  # of which the fixtures know nothing
WINDOW = {"start_time": THEN.isoformat(), "end_time": (THEN + timedelta(hours=4)).isoformat()}
PATHS = (
    "/analytics",
    "/analytics/chart/power.json",
    "/analytics_data/source/csv",
    "/analytics_data/metrics/json",
)


@pytest.fixture
def told(app: Any, battery: Any) -> Any:
    """Four hours of power, its forecast of 6 hours before, and prices."""
    with app.app_context():
        tell(battery, [1.0] * 8 + [-1.0] * 8, THEN)
        tell(battery, [0.5] * 16, THEN, "forecast")
    return battery


def test_visitors_are_led_to_the_login_and_others_refused(client: Any, make_user: Any, as_user: Any) -> None:
    for path in PATHS:
        assert client.get(path).status_code == 302
    with as_user(client, make_user("meter", "MDC")):
        for path in PATHS:
            assert client.get(path).status_code == 403
        assert 'href="/analytics"' not in client.get("/dashboard").text


def test_without_assets_it_says_what_to_do(client: Any, prosumer: Any, as_user: Any) -> None:
    with as_user(client, prosumer):
        page = client.get("/analytics")
        assert page.status_code == 200
        assert "flexmeasures add asset" in page.text
        assert 'href="/analytics"' in client.get("/dashboard").text


@pytest.mark.contract("25.5", "25.6")
def test_realised_and_expected_are_told_with_their_errors(
    client: Any, told: Any, prosumer: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        found = client.get(
            "/analytics_data/metrics/json", query_string=WINDOW | {"forecast_horizon": "PT6H"}
        ).json
        by_plot = {row["plot"]: row for row in found}
        power = by_plot["power"]
        assert (power["realised"], power["expected"], power["mae"], power["slots"]) == (0, 2, 1, 16)
        assert (power["wape"], power["mape"], power["coverage"]) == (1, 1, None)
        assert by_plot["prices"]["unit"] == "EUR/MWh"
        assert (by_plot["costs"]["realised"], by_plot["costs"]["expected"]) == (
            0,
            None,
        )  # prices were not known 6 h before
        rows = list(
            csv.DictReader(io.StringIO(client.get("/analytics_data/source/csv", query_string=WINDOW).text))
        )
        assert len(rows) == 16
        assert rows[0]["power_realised (MW)"] == "1.0"
        page = client.get("/analytics", query_string=WINDOW)
        assert page.status_code == 200
        for said in ("Power", "Costs", "Prices: ", "6 h before", "100.0\u00a0%", "Slots of 15 min"):
            assert said in page.text, said


def test_energy_and_costs_of_the_schedules_are_told_beside_those_that_came_to_be(
    client: Any, prosumer: Any, as_user: Any, planned: int
) -> None:
    window = {"start_time": START.isoformat(), "end_time": (START + 12 * HOUR).isoformat()}
    with as_user(client, prosumer):
        rows = client.get("/analytics_data/metrics/json", query_string=window).json
        page = client.get("/analytics", query_string=window).text
        plan = client.get(f"/assets/{planned}").text
    cost = next(row for row in rows if row["plot"] == "costs")
    energy = next(row for row in rows if row["plot"] == "power")
    said = re.search(r"Earns EUR ([\d.]+)", plan)
    assert said is not None
    # The plan counts the wear of the battery, 2 EUR an MWh, as well.
    assert -cost["scheduled"] > float(said[1])
    assert energy["scheduled"] == pytest.approx(-1.0)  # 1 MWh is stored at the start, which it sells
    assert next(row for row in rows if row["plot"] == "prices")["scheduled"] is None
    assert "Scheduled, MWh" in page
    assert "Scheduled, EUR" in page


@pytest.mark.contract("25.10")
def test_cells_without_a_value_have_a_dash_or_are_empty_as_the_operator_wishes(
    app: Any, client: Any, told: Any, prosumer: Any, as_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_user(client, prosumer):
        assert '<td class="num">\u2013</td>' in client.get("/analytics", query_string=WINDOW).text
        monkeypatch.setitem(app.config, "FLEXMEASURES_HIDE_NAN_IN_UI", True)
        page = client.get("/analytics", query_string=WINDOW).text
    assert '<td class="num">\u2013</td>' not in page
    assert '<td class="num"></td>' in page


def test_charts_are_drawn_and_a_plot_that_is_none_is_not(
    client: Any, told: Any, prosumer: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        for plot in ("power", "costs", "prices"):
            assert "doc" in client.get(f"/analytics/chart/{plot}.json", query_string=WINDOW).json
        for plot in ("weather", "nothing"):
            assert client.get(f"/analytics/chart/{plot}.json", query_string=WINDOW).status_code == 404
        for path in ("/analytics_data/other/csv", "/analytics_data/source/xml"):
            assert client.get(path, query_string=WINDOW).status_code == 404


def test_what_was_known_then_is_shown(client: Any, told: Any, prosumer: Any, as_user: Any) -> None:
    with as_user(client, prosumer):
        query = WINDOW | {"known_at": (THEN + 2 * HOUR).isoformat()}
        rows = client.get("/analytics_data/source/json", query_string=query).json
        realised = [row["power_realised (MW)"] for row in rows]
        assert realised == [1.0] * 8 + [None] * 8
        assert "As known at" in client.get("/analytics", query_string=query).text
        early = WINDOW | {"known_at": (THEN - 7 * HOUR).isoformat()}
        assert "power_realised (MW)" not in [
            name
            for row in client.get("/analytics_data/source/json", query_string=early).json
            for name, value in row.items()
            if value is not None
        ]


@pytest.mark.contract("25.5")
def test_a_choice_stays_in_the_session_until_another_is_made(
    client: Any, told: Any, prosumer: Any, as_user: Any, make_asset: Any
) -> None:
    make_asset(prosumer, "roof", "solar")
    with as_user(client, prosumer):
        chosen = {**WINDOW, "resource": "roof"}
        answer = client.post("/analytics", data=chosen)
        assert (answer.status_code, "resource=roof" in answer.headers["Location"]) == (303, True)
        assert re.search(r'<option value="roof" selected', client.get(answer.headers["Location"]).text)
        again = client.get("/analytics").text
        assert re.search(r'<option value="roof" selected', again)
        assert f"{THEN:%Y-%m-%d}" in again
        assert client.get("/dashboard?clear-session").status_code == 200
        assert not re.search(r'<option value="roof" selected', client.get("/analytics").text)


@pytest.mark.contract("25.4", "25.5")
def test_groups_are_offered_and_individual_traces_where_assets_share_a_place(
    client: Any, told: Any, prosumer: Any, as_user: Any, make_asset: Any
) -> None:
    make_asset(prosumer, "roof", "solar")
    make_asset(prosumer, "mill", "wind", latitude=50)
    make_asset(prosumer, "second", "battery")
    with as_user(client, prosumer):
        page = client.get("/analytics", query_string=WINDOW | {"resource": "stationary batteries"}).text
        for name in ("all", "renewables", "stationary batteries", "roof"):
            assert f'<option value="{name}"' in page
        assert "A line each" in page
        assert (
            "A line each"
            not in client.get("/analytics", query_string=WINDOW | {"resource": "renewables"}).text
        )


@pytest.mark.parametrize(
    "query",
    [
        {"start_time": "now", "end_time": "then"},
        {"start_time": NOW.isoformat(), "end_time": (NOW - HOUR).isoformat()},
        {"forecast_horizon": "soon"},
        {"known_at": "x"},
        {"market": "nowhere"},
        {"showing_individual_traces_for": "all"},
    ],
)
def test_what_is_not_understood_is_refused(
    client: Any, told: Any, prosumer: Any, as_user: Any, query: dict[str, str]
) -> None:
    with as_user(client, prosumer):
        assert client.get("/analytics", query_string=query).status_code == 400
        assert client.get("/analytics").status_code == 200


def test_assets_of_others_are_not_there(
    client: Any, told: Any, make_user: Any, as_user: Any, make_asset: Any
) -> None:
    other = make_user("other", "Prosumer")
    make_asset(other, "mine", "battery")
    with as_user(client, other):
        assert client.get("/analytics", query_string={"resource": told.name}).status_code == 404
        assert client.get("/analytics", query_string={"resource": "nothing"}).status_code == 404
        assert told.name not in client.get("/analytics", query_string={"resource": "all"}).text
