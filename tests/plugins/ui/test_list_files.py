"""Every list and chart as a file, by the address of its page."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from flexmeasures.db import writing
from flexmeasures.models import Asset

from .conftest import START


@pytest.fixture
def lists(app: Any, battery: Any, planned: int) -> tuple[str, ...]:
    """A plan, a site and a job."""
    from flexmeasures import jobs
    from flexmeasures_scheduling import create_site

    with app.app_context(), writing() as session:
        asset = session.get_one(Asset, planned)
        create_site("=Farm", asset.owner, [asset], 1.0, 0.5)
        jobs.enqueue("schedule", {}, queue="scheduling", sensor_id=planned)
    of_sensor = f"/sensors/{planned}"
    return (
        "/assets",
        "/users",
        "/sites",
        "/tasks/",
        "/tasks/schedules",
        "/control",
        "/plugins",
        f"/accuracy?asset={battery.name}",
        f"{of_sensor}?start={START.isoformat()}&end={(START + timedelta(hours=12)).isoformat()}".replace(
            "+", "%2B"
        ),
    )


def test_lists_are_given_as_csv_and_json_with_the_same_rows(
    client: Any, as_user: Any, admin: Any, lists: tuple[str, ...]
) -> None:
    with as_user(client, admin):
        for path in lists:
            sign = "&" if "?" in path else "?"
            rows = client.get(f"{path}{sign}format=json").json
            text = client.get(f"{path}{sign}format=csv")
            assert rows, path
            assert next(csv.DictReader(io.StringIO(text.text))).keys() == rows[0].keys()
            assert text.mimetype == "text/csv"
            assert client.get(f"{path}{sign}format=xml").status_code == 400
            assert "format=csv" in client.get(path).text
        sites = client.get("/sites?format=csv").text
    assert "'=Farm" in sites  # no spreadsheet computes it


def test_a_chart_is_given_as_csv_and_json(client: Any, as_user: Any, prosumer: Any, planned: int) -> None:
    with as_user(client, prosumer):
        rows = client.get(f"/assets/{planned}/data.json").json
        text = client.get(f"/assets/{planned}/data.csv").text
    parsed = list(csv.DictReader(io.StringIO(text)))
    assert [row["event_start"] for row in rows] == [row["event_start"] for row in parsed]
    assert {key for row in rows for key in row} == set(parsed[0])
    assert any(row["schedule (MW)"] is not None for row in rows)


def test_lists_of_others_stay_theirs(
    client: Any, as_user: Any, make_user: Any, lists: tuple[str, ...]
) -> None:
    with as_user(client, make_user("neighbour", "Prosumer")):
        assert client.get("/users?format=csv").status_code == 403
        assert client.get("/tasks/?format=csv").status_code == 403
        for path in ("/assets", "/sites", "/control"):
            assert client.get(f"{path}?format=json").json == []
