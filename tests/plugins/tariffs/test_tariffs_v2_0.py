"""Tariffs in the API, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import World

from .conftest import SIMPLE, Make


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
