"""Assets in v2.0 (contract, section 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.conftest import asset_fields

from flexmeasures_master_data import SPELLINGS

if TYPE_CHECKING:
    from tests.plugins.conftest import Api, World
    from werkzeug.test import TestResponse

LONG = {canonical: short for short, canonical in SPELLINGS.items()}


@pytest.fixture
def admin(world: World) -> Api:
    """The client of the admin, who may create assets."""
    return world.clients["admin"]


def new(world: World, **changes: Any) -> dict[str, Any]:
    """Fields of a battery that the prosumer is to own."""
    fields = asset_fields("Test_battery", "battery", world.users["prosumer"].id, world.ids["epex_da"], 5)
    return fields | changes


def path(world: World, name: str) -> str:
    return f"/api/v2_0/asset/{world.ids[name]}"


def patch(api: Api, url: str, **fields: Any) -> TestResponse:
    return api.client.patch(url, json=fields, headers=api.headers)


def errors(response: TestResponse) -> dict[str, list[str]]:
    assert response.status_code == 422, response.json
    assert response.json["status"] == "UNPROCESSABLE_ENTITY"
    assert response.json["result"] == "Rejected"
    found: dict[str, list[str]] = response.json["message"]["json"]
    return found


@pytest.mark.contract("18.1", "18.9", "27.1", "27.2")
def test_the_documented_asset_is_created_and_sent_in_both_spellings(world: World, admin: Api) -> None:
    created = admin.post("assets", **new(world))
    assert created.status_code == 201
    body = created.json
    assert body["display_name"] == "Test battery"
    assert (body["event_resolution"], body["soc_datetime"], body["timezone"]) == (5, None, "UTC")
    assert body["asset_type"] == body["asset_type_name"] == "battery"
    assert body["owner"] == body["owner_id"] == world.users["prosumer"].id
    assert body["market"] == body["market_id"] == world.ids["epex_da"]
    assert "capacity_in_mwh" not in body
    url = f"/api/v2_0/asset/{body['id']}"
    assert admin.client.get(url, headers=admin.headers).json == body
    owner = world.clients["prosumer"]
    assert owner.client.get(url, headers=owner.headers).json == body


@pytest.mark.contract("18.1")
def test_the_other_spelling_is_accepted_too(world: World, admin: Api) -> None:
    fields = {SPELLINGS.get(key, key): value for key, value in new(world).items()}
    assert admin.post("assets", **fields).status_code == 201


@pytest.mark.contract("18.2", "18.3", "4.2")
def test_all_errors_are_reported_together_and_nothing_is_created(world: World, admin: Api) -> None:
    before = len(admin.client.get("/api/v2_0/assets", headers=admin.headers).json)
    wrong = new(
        world,
        name="building",
        owner=world.users["mdc"].id,
        asset_type="windmill",
        capacity_in_mw=0,
        latitude=91,
        longitude="east",
        min_soc_in_mwh=-1,
        event_resolution=0,
        colour="red",
    )
    assert set(errors(admin.post("assets", **wrong))) == {
        "name", "owner", "asset_type", "capacity_in_mw", "latitude", "longitude",
        "min_soc_in_mwh", "event_resolution", "colour",
    }  # fmt: skip
    assert set(errors(admin.post("assets", **new(world, max_soc_in_mwh=1, min_soc_in_mwh=2)))) == {
        "max_soc_in_mwh"
    }
    missing = errors(admin.post("assets"))
    assert {"name", "unit", "event_resolution", "capacity_in_mw", "latitude", "longitude"} <= set(missing)
    listed = admin.client.post("/api/v2_0/assets", json=[new(world)], headers=admin.headers)
    assert set(errors(listed)) == {"_schema"}
    garbled = admin.client.post("/api/v2_0/assets", data=b"{", headers=admin.headers)
    assert garbled.status_code == 400
    assert len(admin.client.get("/api/v2_0/assets", headers=admin.headers).json) == before


def test_a_display_name_that_is_taken_is_refused_in_json(world: World, admin: Api) -> None:
    taken = admin.post("assets", **new(world, display_name="The building"))
    assert taken.status_code in (400, 422)
    assert "display_name" in taken.text
    assert "Traceback" not in taken.text


@pytest.mark.contract("3.1", "3.3", "27.4")
def test_only_admins_create_assets(world: World) -> None:
    for name in ("prosumer", "nobody", "visitor"):
        refused = world.clients[name].post("assets", **new(world))
        assert (refused.status_code, refused.json["status"]) == (403, "INVALID_SENDER"), name


@pytest.mark.contract("18.5")
def test_everybody_lists_their_own_assets_newest_first_and_admins_all(
    world: World, admin: Api, api: Api
) -> None:
    def listed(who: Api, query: str = "") -> list[str]:
        return [
            asset["name"] for asset in who.client.get(f"/api/v2_0/assets{query}", headers=who.headers).json
        ]

    own = ["battery", "evse", "solar", "five", "site", "building"]
    assert listed(api) == own
    assert listed(api, f"?owner_id={world.users['prosumer'].id}") == own
    assert len(listed(admin)) == 9
    assert listed(admin, f"?owner_id={world.users['neighbour'].id}") == ["foreign"]
    foreign = api.client.get(f"/api/v2_0/assets?owner_id={world.users['neighbour'].id}", headers=api.headers)
    assert (foreign.status_code, foreign.json["status"]) == (403, "INVALID_SENDER")
    wrong = api.client.get("/api/v2_0/assets?owner_id=me", headers=api.headers)
    assert wrong.status_code == 422
    assert "owner_id" in wrong.json["message"]["query"]


@pytest.mark.contract("18.6")
def test_ids_that_are_none_unknown_or_foreign_are_told_apart(world: World, api: Api) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        expected = {"abc": 400, "-1": 400, "1.5": 400, "999999": 404, "9" * 30: 404}
        for text, http in expected.items():
            answer = api.client.open(f"/api/v2_0/asset/{text}", method=method, json={}, headers=api.headers)
            assert answer.status_code == http, (method, text)
        not_found = api.client.open("/api/v2_0/asset/999999", method=method, json={}, headers=api.headers)
        assert "not found" in not_found.json["message"]
        assert (
            api.client.open(path(world, "epex_da"), method=method, json={}, headers=api.headers).status_code
            == 404
        )
        foreign = api.client.open(path(world, "foreign"), method=method, json={}, headers=api.headers)
        assert (foreign.status_code, foreign.json["status"]) == (403, "INVALID_SENDER")
        assert api.client.open(path(world, "building"), method=method, json={}).status_code == 401


@pytest.mark.contract("18.7")
def test_a_subset_of_fields_is_changed_and_the_whole_asset_returned(world: World, api: Api) -> None:
    changed = patch(api, path(world, "battery"), latitude=11.1, longitude=99.9, id=12345, name="battery")
    assert changed.status_code == 200
    assert (changed.json["latitude"], changed.json["longitude"]) == (11.1, 99.9)
    assert (changed.json["id"], changed.json["capacity_in_mw"]) == (world.ids["battery"], 2.0)
    timed = patch(api, path(world, "battery"), soc_datetime="2015-01-01T00:00:00+00:00", soc_in_mwh=2.5)
    assert timed.json["soc_datetime"].startswith("2015-01-01T00:00:00")


@pytest.mark.contract("18.7")
def test_wrong_changes_are_refused_and_nothing_is_changed(world: World, api: Api) -> None:
    url = path(world, "battery")
    assert set(errors(patch(api, url, latitude=1, name="building"))) == {"name"}
    assert set(errors(patch(api, url, latitude=1, max_soc_in_mwh=-1))) == {"max_soc_in_mwh"}
    assert set(errors(patch(api, url, latitude=1, min_soc_in_mwh=6))) == {"max_soc_in_mwh"}
    assert set(errors(patch(api, url, latitude=1, capacity_in_mwh=2))) == {"capacity_in_mwh"}
    given_away = patch(api, url, latitude=1, owner=world.users["neighbour"].id)
    assert (given_away.status_code, given_away.json["status"]) == (403, "INVALID_SENDER")
    asset = api.client.get(url, headers=api.headers).json
    assert (asset["latitude"], asset["owner_id"]) == (40, world.users["prosumer"].id)
    assert patch(world.clients["admin"], url, owner_id=world.users["neighbour"].id).status_code == 200


@pytest.mark.contract("18.8", "27.3", "D3")
def test_owner_and_admin_delete_an_asset_with_its_data(world: World, api: Api) -> None:
    keys = {"start": "2015-01-01T00:00:00Z", "duration": "PT15M", "unit": "MW", "value": 1}
    for who, name in ((api, "building"), (world.clients["admin"], "foreign")):
        assert who.post("postMeterData", connection=world.address(name), **keys).status_code == 200
        deleted = who.client.delete(path(world, name), headers=who.headers)
        assert (deleted.status_code, deleted.data) == (204, b"")
        assert world.count(name) == 0
        assert who.client.get(path(world, name), headers=who.headers).status_code == 404


def test_the_description_of_assets_names_the_fields_that_packages_add(client):
    described = client.get("/api/v2_0/openapi.json").json["components"]["schemas"]
    for name in ("Asset", "AssetChange", "StoredAsset"):
        assert {"flexibility", "regressors"} <= described[name]["properties"].keys(), name
