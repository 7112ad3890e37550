"""Limits of an asset: a form keeps them, the dashboard tells when the newest value is beyond one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flexmeasures.db import db, writing
from flexmeasures.models import Asset

from .conftest import NOW


@pytest.fixture
def path(battery: Any) -> str:
    return f"/assets/{battery.id}/limits"


def _limits(app: Any, battery: Any) -> Any:
    with app.app_context():
        return (db.session.get_one(Asset, battery.id).attributes or {}).get("alert_rules")


def test_what_was_typed_is_kept_and_told_on_the_page(
    app: Any, client: Any, as_user: Any, prosumer: Any, battery: Any, path: str
) -> None:
    with as_user(client, prosumer):
        sent = {"power_above_in_mw": "1.5", "power_below_in_mw": "", "soc_below_in_mwh": "0.2"}
        assert client.post(path, data=sent).status_code == 303
        assert _limits(app, battery) == {"power_above_in_mw": 1.5, "soc_below_in_mwh": 0.2}
        assert 'value="1.5"' in client.get(path).text
        assert (
            "Power above, MW: 1.5; State of charge below, MWh: 0.2"
            in client.get(f"/assets/{battery.id}").text
        )
        client.post(path, data={})
        assert _limits(app, battery) == {}


@pytest.mark.parametrize(
    "sent",
    [
        {"power_above_in_mw": "much"},
        {"power_above_in_mw": "nan"},
        {"power_above_in_mw": "1", "power_below_in_mw": "1"},
        {"soc_above_in_mwh": "0.1", "soc_below_in_mwh": "0.2"},
    ],
)
def test_what_cannot_be_a_limit_is_told_at_the_field_and_kept(
    app: Any, client: Any, as_user: Any, prosumer: Any, battery: Any, path: str, sent: dict[str, str]
) -> None:
    with as_user(client, prosumer):
        page = client.post(path, data=sent)
    assert page.status_code == 422
    first = next(iter(sent))
    assert f'id="{first}-error"' in page.text
    assert f'value="{sent[first]}"' in page.text
    assert _limits(app, battery) is None


def test_the_dashboard_tells_what_is_beyond_its_limit_and_nothing_else(
    app: Any, client: Any, as_user: Any, store: Any, prosumer: Any, make_asset: Any
) -> None:
    battery = make_asset(prosumer, "Cellar battery two")
    path = f"/assets/{battery.id}/limits"
    store(battery, [1.2], NOW.replace(minute=0) - timedelta(minutes=15))
    with app.app_context(), writing() as session:
        asset = session.get_one(Asset, battery.id)
        asset.soc_in_mwh, asset.soc_datetime = 0.3, NOW
    with as_user(client, prosumer):
        client.post(path, data={"power_above_in_mw": "1.5", "soc_below_in_mwh": "0.2"})
        assert "the limit of" not in client.get("/dashboard").text
        client.post(path, data={"power_above_in_mw": "1", "soc_below_in_mwh": "0.5"})
        page = client.get("/dashboard").text
    assert "Power is 1.20 MW, above the limit of 1 MW." in page
    assert "The state of charge is 0.300 MWh, below the limit of 0.5 MWh." in page


def test_others_neither_see_nor_change_them(client: Any, as_user: Any, make_user: Any, path: str) -> None:
    with as_user(client, make_user("neighbour", "Prosumer")):
        assert client.get(path).status_code == client.post(path, data={}).status_code == 404


def test_a_decimal_comma_counts_where_the_language_writes_it(
    app: Any, client: Any, as_user: Any, prosumer: Any, battery: Any, path: str
) -> None:
    with as_user(client, prosumer):
        assert client.post(path, data={"power_above_in_mw": "1,5"}).status_code == 422
        german = client.post(path, data={"power_above_in_mw": "1,5"}, headers={"Accept-Language": "de"})
    assert german.status_code == 303
    assert _limits(app, battery) == {"power_above_in_mw": 1.5}
