"""The pages of tariffs: what there is, and a form for new tariffs and versions."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from flexmeasures.db import db
from flexmeasures.models import Job, Market
from flexmeasures_tariffs import tariff_of

SENT = {
    "name": "home",
    "unit": "EUR/kWh",
    "timezone": "Europe/Amsterdam",
    "from": "2026-01-01",
    "vat": "21",
    "floor": "",
    "cap": "0.9",
    "part-0-name": "network fee",
    "part-0-price": "0.05",
    "part-0-days": "weekdays",
    "part-0-hours": "07:00-23:00",
    "part-0-months": "1, 12",
    "part-0-vat": "yes",
    "part-1-name": "",
    "part-1-factor": "1",
    "part-2-name": "subsidy",
    "part-2-price": "-0.01",
    "part-2-vat": "no",
}


def _tariff(app: Any, name: str = "home") -> Any:
    from sqlalchemy import select

    with app.app_context():
        market = db.session.scalar(select(Market).where(Market.name == name))
        return None if market is None else tariff_of(market)


def _typed(page: str) -> dict[str, str]:
    """What stands in the form."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = (re.search(rf'{key}="([^"]*)"', tag) for key in ("name", "value"))
        if name and value:
            found[name[1]] = unescape(value[1])
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        found[name] = unescape(chosen[1]) if chosen else ""
    return found


def test_a_tariff_is_made_and_told_and_its_prices_asked_for(
    app: Any, client: Any, as_user: Any, admin: Any
) -> None:
    with as_user(client, admin):
        assert client.get("/tariffs/new").status_code == 200
        answer = client.post("/tariffs", data=SENT)
        assert (answer.status_code, answer.location) == (303, "/tariffs")
        page = client.get("/tariffs").text
    tariff = _tariff(app)
    assert [part.name for part in tariff.versions[0].parts] == ["network fee", "subsidy"]
    assert tariff.versions[0].vat == 0.21
    for told in ("network fee", "07:00-23:00", "weekdays", "months 1, 12", "VAT 21 %", "at most 0.9"):
        assert told in page
    with app.app_context():
        assert db.session.query(Job).filter(Job.function == "compute tariffs").count() == 1


def test_tariffs_are_given_as_files_with_a_row_a_part(client: Any, as_user: Any, admin: Any) -> None:
    with as_user(client, admin):
        assert client.get("/tariffs?format=json").json == []
        client.post("/tariffs", data=SENT | {"part-0-name": "=fee"})
        rows = client.get("/tariffs?format=json").json
        lines = client.get("/tariffs?format=csv").text.splitlines()
        assert client.get("/tariffs?format=xml").status_code == 400
    assert [(row["tariff"], row["name"], row["price"]) for row in rows] == [
        ("home", "=fee", 0.05),
        ("home", "subsidy", -0.01),
    ]
    assert (rows[0]["months"], rows[0]["version_vat"], rows[0]["cap"]) == ([1, 12], 0.21, 0.9)
    assert lines[0].split(",") == list(rows[0])
    assert "'=fee" in lines[1]
    assert '"1, 12"' in lines[1]


def test_its_form_holds_what_was_typed_and_another_day_adds_a_version(
    app: Any, client: Any, as_user: Any, admin: Any
) -> None:
    from sqlalchemy import select

    with as_user(client, admin):
        client.post("/tariffs", data=SENT)
        before = _tariff(app)
        with app.app_context():
            number = db.session.scalar(select(Market.id).where(Market.name == "home"))
        typed = _typed(client.get(f"/tariffs/{number}/edit").text)
        assert client.post("/tariffs", data=typed).status_code == 303
        assert _tariff(app) == before
        client.post("/tariffs", data=typed | {"from": "2026-07-01", "vat": "9"})
    after = _tariff(app)
    assert [version.vat for version in after.versions] == [0.21, 0.09]
    assert after.versions[0] == before.versions[0]


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"name": "4home"}, "name-error"),
        ({"unit": "EUR"}, "unit-error"),
        ({"timezone": "Mars"}, "timezone-error"),
        ({"from": "soon"}, "from-error"),
        ({"vat": "much"}, "vat-error"),
        ({"vat": "210"}, "vat-error"),
        ({"floor": "1"}, "cap-error"),
        ({"part-2-price": "cheap"}, "price"),
        ({"part-2-market": "nowhere", "part-2-price": ""}, "nowhere"),
        ({"part-0-hours": "25:00-26:00"}, "25:00-26:00"),
        ({"part-0-name": "", "part-0-price": "1"}, "name"),
    ],
)
def test_what_is_wrong_is_told_at_its_place_and_what_was_typed_kept(
    app: Any, client: Any, as_user: Any, admin: Any, changed: dict[str, str], place: str
) -> None:
    with as_user(client, admin):
        page = client.post("/tariffs", data=SENT | changed)
    assert page.status_code == 422
    told = re.findall(r'<p class="field-error"[^>]*>.*?</p>', page.text)
    assert any(place in each for each in told), told
    assert _tariff(app) is None
    key, value = next(iter(changed.items()))
    if "market" not in key:
        assert _typed(page.text)[key] == value


def test_a_market_with_prices_of_its_own_becomes_no_tariff(client: Any, as_user: Any, admin: Any) -> None:
    with as_user(client, admin):
        page = client.post("/tariffs", data=SENT | {"name": "dummy-tou"})
    assert page.status_code == 422
    assert "prices of its own" in page.text


def test_only_admins_state_tariffs(client: Any, as_user: Any, prosumer: Any) -> None:
    assert client.get("/tariffs").status_code == 302
    with as_user(client, prosumer):
        assert "There is no tariff yet." in client.get("/tariffs").text
        assert client.get("/tariffs/new").status_code == client.post("/tariffs", data=SENT).status_code == 403
        assert client.get("/tariffs/1/edit").status_code == 403


def test_a_tariff_that_there_is_not_has_no_form(client: Any, as_user: Any, admin: Any) -> None:
    with as_user(client, admin):
        for number in (1, 98765, 2**40):
            assert client.get(f"/tariffs/{number}/edit").status_code == 404
