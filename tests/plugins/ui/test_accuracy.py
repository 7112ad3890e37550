"""The accuracy page and the system page, to each role."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from flexmeasures.timing import floor_time

from .conftest import NOW, QUARTER

WEEK_AGO = floor_time(NOW, QUARTER) - timedelta(days=7)


@pytest.fixture
def scored(prosumer: Any, make_asset: Any, store: Any) -> Any:
    """A building of which two days were measured and forecast, a tenth too low."""
    building = make_asset(prosumer, "Town hall", "building")
    values = [1.0 + k % 4 for k in range(192)]
    store(building, values, WEEK_AGO)
    store(building, [0.9 * value for value in values], WEEK_AGO, "forecast")
    return building


def test_visitors_are_led_to_the_login_and_others_refused(client: Any, make_user: Any, as_user: Any) -> None:
    assert client.get("/accuracy").status_code == 302
    with as_user(client, make_user("meter", "MDC")):
        assert client.get("/accuracy").status_code == 403
    with as_user(client, make_user("owner", "Prosumer")):
        assert "You own no asset yet" in client.get("/accuracy").text
        assert client.get("/plugins").status_code == 403


def test_the_league_names_the_best_and_is_given_as_files(
    client: Any, prosumer: Any, scored: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        page = client.get("/accuracy").text
        assert "90.0\u00a0%" in page
        assert "(best)" in page
        rows = list(csv.DictReader(io.StringIO(client.get("/accuracy?format=csv").text)))
        assert {row["horizon"] for row in rows} == {"PT1H", "PT6H"}
        assert all(float(row["one_minus_wape"]) == pytest.approx(0.9) for row in rows)
        assert all(row["best"] == "True" for row in rows)
        assert client.get("/accuracy?format=json&days=84").json[0]["asset"] == "Town hall"


def test_one_asset_is_followed_week_by_week(
    client: Any, prosumer: Any, scored: Any, as_user: Any, make_user: Any
) -> None:
    with as_user(client, prosumer):
        page = client.get("/accuracy?asset=Town+hall").text
        assert "week by week" in page
        assert "last week" in page
        assert client.get("/accuracy?asset=nothing").status_code == 404
        assert client.get("/accuracy?days=3").status_code == 400
    with as_user(client, make_user("other", "Prosumer")):
        assert client.get("/accuracy?asset=Town+hall").status_code == 404


def test_admins_see_how_plugins_and_parts_are(client: Any, admin: Any, as_user: Any) -> None:
    with as_user(client, admin):
        page = client.get("/plugins").text
        for said in ("database", "well", "scheduler_storage", "ui_system", "active"):
            assert said in page
        assert 'href="/plugins"' in client.get("/dashboard").text
