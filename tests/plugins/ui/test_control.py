"""What schedules let assets do in the next day."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest


@pytest.mark.contract("25.8")
def test_the_actions_of_a_schedule_are_told_with_energy_and_money(
    client: Any, as_user: Any, prosumer: Any, planned: int
) -> None:
    with as_user(client, prosumer):
        rows = client.get("/control?format=json").json
        page = client.get("/control").text
        text = client.get("/control?format=csv").text
    assert rows
    assert planned
    for row in rows:
        assert row["asset"] == "Cellar battery"
        assert row["power_in_mw"] * row["energy_in_mwh"] > 0
        assert row["start"] < row["end"]
        assert row["currency"] == "EUR"
    starts = [row["start"] for row in rows]
    assert starts == sorted(starts)
    assert len(list(csv.DictReader(io.StringIO(text)))) == len(rows)
    assert page.count("<tr>") == len(rows) + 1


def test_it_tells_what_to_do_where_nothing_is_planned(
    client: Any, as_user: Any, prosumer: Any, battery: Any, make_user: Any
) -> None:
    with as_user(client, prosumer):
        assert "Plan now" in client.get("/control").text
        assert client.get("/control?format=xml").status_code == 400
    with as_user(client, make_user("neighbour", "Prosumer")):
        assert "You own no asset yet." in client.get("/control").text


def test_it_is_for_owners_and_in_the_menu_where_it_is_listed(
    app: Any, client: Any, as_user: Any, prosumer: Any, make_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/control").status_code == 302
    with as_user(client, make_user("device", "MDC")):
        assert client.get("/control").status_code == 403
    with as_user(client, prosumer):
        assert 'href="/control"' not in client.get("/account").text
        monkeypatch.setitem(app.config, "FLEXMEASURES_LISTED_VIEWS", ["dashboard", "control"])
        assert "Flexibility actions" in client.get("/account").text
