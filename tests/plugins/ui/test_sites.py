"""Sites: assets behind one connection, to each role."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def new(battery: Any, make_asset: Any, prosumer: Any) -> dict[str, Any]:
    """What is typed for a site of a battery and a building."""
    building = make_asset(prosumer, "House", "building")
    limits = {"consumption_limit_in_mw": "1.5", "production_limit_in_mw": "0.5"}
    return {"name": "Farm", "assets": [str(battery.id)], "others": [str(building.id)]} | limits


def test_an_admin_makes_a_site_and_its_owner_sees_it(
    client: Any, admin: Any, prosumer: Any, as_user: Any, new: dict[str, Any], make_user: Any
) -> None:
    with as_user(client, prosumer):
        assert 'href="/sites"' not in client.get("/dashboard").text
        assert "There is no site yet" in client.get("/sites").text
        assert client.post("/sites", data=new).status_code == 403
    with as_user(client, admin):
        assert "New site" in client.get("/sites").text
        assert client.post("/sites", data=new).status_code == 303
    with as_user(client, prosumer):
        page = client.get("/sites").text
        assert 'href="/sites"' in client.get("/dashboard").text
    for said in ("Farm", "Cellar battery", "House", "1.5", "0.5"):
        assert said in page
    assert "New site" not in page
    with as_user(client, make_user("other", "Prosumer")):
        assert "Farm" not in client.get("/sites").text


def test_visitors_are_led_to_the_login(client: Any) -> None:
    assert client.get("/sites").status_code == 302


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"assets": []}, "needs a flexible asset"),
        ({"consumption_limit_in_mw": "much"}, "&#39;much&#39; is not a number"),
        ({"production_limit_in_mw": "-1"}, "not negative"),
        ({"name": " "}, "has no name"),
        ({"name": "Old"}, "There is a site &#39;Old&#39; already"),
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_is_kept(
    client: Any, admin: Any, as_user: Any, new: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    with as_user(client, admin):
        assert client.post("/sites", data=new | {"name": "Old"}).status_code == 303
        answer = client.post("/sites", data=new | change)
        assert answer.status_code == 422
        assert said in answer.text
        assert f'value="{new["others"][0]}" selected' in answer.text
        assert client.get("/sites").text.count('<th scope="row">') == 1
