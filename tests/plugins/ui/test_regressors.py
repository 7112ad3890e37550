"""The form of what explains an asset when it is forecast."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flexmeasures.db import db, writing
from flexmeasures.models import Asset


@pytest.fixture
def home(make_asset: Any, prosumer: Any) -> Any:
    return make_asset(prosumer, "Old home", "building")


@pytest.fixture
def market(app: Any) -> int:
    """The id of a market with slots of an hour."""
    import flexmeasures_master_data as master_data

    fields = {"name": "zone load", "market_type_name": "day_ahead", "unit": "EUR/MWh", "event_resolution": 60}
    with app.app_context(), writing():
        return int(master_data.create_market(fields).id)


def _chosen(app: Any, asset: Any) -> Any:
    with app.app_context():
        return (db.session.get_one(Asset, asset.id).attributes or {}).get("regressors")


def test_weather_is_left_out_and_sensors_are_added(
    app: Any, client: Any, as_user: Any, prosumer: Any, home: Any, market: int
) -> None:
    path = f"/assets/{home.id}/regressors"
    with as_user(client, prosumer):
        form = client.get(path).text
        assert re.findall(r'name="use" value="(\w+)" checked', form) == [
            "temperature",
            "radiation",
            "wind_speed",
        ]
        assert f'<option value="{market}">' in form
        assert f'<option value="{home.id}"' not in form
        sent = {"use": ["temperature"], "add": [str(market)]}
        assert client.post(path, data=sent).status_code == 303
        assert _chosen(app, home) == {"add": [market], "exclude": ["radiation", "wind_speed"]}
        again = client.get(path).text
        assert re.findall(r'name="use" value="(\w+)" checked', again) == ["temperature"]
        assert f'<option value="{market}" selected>' in again
        page = client.get(f"/assets/{home.id}").text
        assert "Explained by" in page
        assert "Zone load" in page.partition("Explained by")[2]
        everything = {"use": ["temperature", "radiation", "wind_speed"]}
        client.post(path, data=everything)
        assert _chosen(app, home) is None


def test_excluded_sensors_stay_excluded(
    app: Any, client: Any, as_user: Any, prosumer: Any, home: Any
) -> None:
    from flexmeasures_forecasting import choose_regressors

    with app.app_context(), writing() as session:
        choose_regressors(session.get_one(Asset, home.id), {"exclude": [98765]})
    with as_user(client, prosumer):
        client.post(f"/assets/{home.id}/regressors", data={"use": ["temperature", "radiation"]})
    assert _chosen(app, home) == {"exclude": ["wind_speed", 98765]}


def test_sensors_of_others_are_neither_offered_nor_taken(
    app: Any, client: Any, as_user: Any, prosumer: Any, home: Any, make_asset: Any, make_user: Any
) -> None:
    neighbour = make_user("neighbour", "Prosumer")
    foreign = make_asset(neighbour, "Their home", "building")
    path = f"/assets/{home.id}/regressors"
    with as_user(client, prosumer):
        assert "Their home" not in client.get(path).text
        refused = client.post(path, data={"use": ["temperature"], "add": [str(foreign.id)]})
        assert (refused.status_code, 'role="alert"' in refused.text) == (422, True)
    assert _chosen(app, home) is None
    with as_user(client, neighbour):
        assert client.get(path).status_code == client.post(path, data={}).status_code == 404
