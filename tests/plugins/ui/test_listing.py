"""The list of assets: searched, sorted and divided into pages; the same as CSV and JSON."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest


@pytest.fixture
def many(app: Any, prosumer: Any, make_asset: Any) -> None:
    """Thirty assets of the prosumer."""
    for k in range(28):
        make_asset(prosumer, f"Panels {k:02}", "solar", capacity_in_mw=k + 1)
    make_asset(prosumer, "Mill 100%", "wind", capacity_in_mw=50)
    make_asset(prosumer, "=cmd()", "building")


def names(page: str) -> list[str]:
    return re.findall(r'href="/assets/\d+">.*?</svg>\s*([^<]+)</a>', page)


@pytest.mark.usefixtures("many")
def test_pages_of_25_in_the_order_that_is_asked_for(client: Any, prosumer: Any, as_user: Any) -> None:
    with as_user(client, prosumer):
        first, second = client.get("/assets").text, client.get("/assets?page=2").text
        assert (len(names(first)), len(names(second))) == (25, 5)
        assert "30 assets, page 1 of 2" in first
        assert names(client.get("/assets?page=99").text) == names(second)
        by_capacity = names(client.get("/assets?sort=capacity&order=desc").text)
        assert by_capacity[:2] == ["Mill 100%", "Panels 27"]


@pytest.mark.usefixtures("many")
def test_a_search_finds_names_types_owners_and_ids(
    client: Any, prosumer: Any, admin: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        assert names(client.get("/assets?q=mill").text) == ["Mill 100%"]
        assert names(client.get("/assets?q=100%25").text) == ["Mill 100%"]
        assert names(client.get("/assets?q=wind+turbine").text) == ["Mill 100%"]
        assert "matches “nothing”" in client.get("/assets?q=nothing").text
        number = re.search(r'href="/assets/(\d+)"', client.get("/assets?q=mill").text)
        assert number is not None
        assert "Mill 100%" in names(client.get(f"/assets?q={number[1]}").text)
    with as_user(client, admin):
        assert len(names(client.get(f"/assets?q={prosumer.username}").text)) == 25


@pytest.mark.usefixtures("many")
def test_the_list_as_csv_and_json(client: Any, prosumer: Any, as_user: Any, make_user: Any) -> None:
    with as_user(client, prosumer):
        rows = list(csv.DictReader(io.StringIO(client.get("/assets?format=csv").text)))
        assert len(rows) == 30
        assert "'=cmd()" in [row["display_name"] for row in rows]
        found = client.get("/assets?format=json&q=mill").json
        assert (found[0]["capacity_in_mw"], found[0]["type"], found[0]["event_resolution_in_minutes"]) == (
            50,
            "wind",
            15,
        )
        assert found[0]["entity_address"].startswith("ea1.")
        assert found[0]["entity_address"] in client.get("/assets?q=mill").text
    with as_user(client, make_user("other", "Prosumer")):
        assert client.get("/assets?format=json").json == []


@pytest.mark.parametrize("query", ["sort=colour", "order=up", "page=x", "page=0x1", "format=xml"])
def test_what_is_not_understood_is_refused(client: Any, prosumer: Any, as_user: Any, query: str) -> None:
    with as_user(client, prosumer):
        assert client.get(f"/assets?{query}").status_code == 400
