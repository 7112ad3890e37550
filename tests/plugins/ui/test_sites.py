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
        assert f'id="{next(iter(change))}-error"' in answer.text
        assert "There is no site yet" not in answer.text
        assert f'value="{new["others"][0]}" selected' in answer.text
        assert client.get("/sites").text.count('<th scope="row">') == 1


def _number(app: Any, name: str) -> int | None:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Site

    with app.app_context():
        return db.session.scalar(select(Site.id).where(Site.name == name))


def test_an_admin_changes_a_site_and_it_keeps_what_it_asks(
    app: Any, client: Any, admin: Any, as_user: Any, new: dict[str, Any]
) -> None:
    from flexmeasures.db import db, writing
    from flexmeasures.models import Site
    from flexmeasures_scheduling import change_flexibility

    with as_user(client, admin):
        client.post("/sites", data=new)
        path = f"/sites/{_number(app, 'Farm')}/edit"
        with app.app_context(), writing():
            change_flexibility(db.session.get_one(Site, _number(app, "Farm")), {"peak_price_per_mw": 10.0})
        form = client.get(path).text
        for typed in ("Farm", "1.5", "0.5"):
            assert f'value="{typed}"' in form
        assert f'value="{new["others"][0]}" selected' in form
        changed = new | {"name": "Farm north", "consumption_limit_in_mw": "2", "others": []}
        assert client.post(path, data=changed).status_code == 303
        refused = client.post(path, data=changed | {"assets": []})
        assert (refused.status_code, "needs assets" in refused.text) == (422, True)
        page = client.get("/sites").text
    assert "Farm north" in page
    assert "peak_price_per_mw = 10.0" in page
    assert "House" not in page.partition("<form")[0]


def test_a_deleted_site_leaves_its_assets(
    app: Any, client: Any, admin: Any, prosumer: Any, as_user: Any, new: dict[str, Any], battery: Any
) -> None:
    with as_user(client, admin):
        client.post("/sites", data=new)
        path = f"/sites/{_number(app, 'Farm')}/delete"
    with as_user(client, prosumer):
        assert client.get(path).status_code == client.post(path).status_code == 403
        assert client.get(path.replace("delete", "edit")).status_code == 403
    with as_user(client, admin):
        assert "Delete Farm?" in client.get(path).text
        assert client.post(path).status_code == 303
        assert _number(app, "Farm") is None
        assert client.get(path).status_code == client.post(path).status_code == 404
        assert client.get(f"/assets/{battery.id}").status_code == 200
