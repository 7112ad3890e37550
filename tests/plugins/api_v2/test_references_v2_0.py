"""What names somebody else's sensor is refused at the door, in the words for what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.conftest import Api

if TYPE_CHECKING:
    from tests.plugins.conftest import World

UNKNOWN = 999_999
KEYS = ("production_market_id", "co2_market_id", "demand_sensor_id")

every_key = pytest.mark.parametrize("key", KEYS)


def event(world: World, **wishes: Any) -> dict[str, Any]:
    state = {"datetime": "2015-06-02T10:00:00Z", "value": 1, "unit": "MWh"}
    return {"event": world.event("battery", 1)} | state | wishes


def told(answer: Any) -> str:
    assert answer.status_code == 422, answer.json
    return str(answer.json["message"])


def jobs_of(world: World) -> int:
    from sqlalchemy import func, select

    from flexmeasures.db import db
    from flexmeasures.models import Job

    with world.app.app_context():
        return int(db.session.scalar(select(func.count()).select_from(Job)) or 0)


@every_key
def test_an_event_cannot_name_a_sensor_that_its_owner_may_not_read(world: World, api: Api, key: str) -> None:
    before = jobs_of(world)
    foreign, unknown = (
        told(api.post("postUdiEvent", **event(world, **{key: wanted}))).replace(str(wanted), "ID")
        for wanted in (world.ids["foreign"], UNKNOWN)
    )
    assert foreign == unknown
    assert f"{key} ID is no" in foreign
    assert jobs_of(world) == before
    assert api.get(f"asset/{world.ids['battery']}").json["soc_udi_event_id"] is None


@every_key
def test_an_asset_cannot_ask_for_such_a_sensor_always(world: World, api: Api, key: str) -> None:
    path = f"{api.base}/asset/{world.ids['battery']}"
    answers = []
    for wanted in (world.ids["foreign"], UNKNOWN):
        answer = api.client.patch(path, json={"flexibility": {key: wanted}}, headers=api.headers)
        answers.append(told(answer).replace(str(wanted), "ID"))
    assert answers[0] == answers[1]
    assert f"{key} ID is no" in answers[0]


def test_an_asset_cannot_be_explained_by_what_its_owner_may_not_read(world: World, api: Api) -> None:
    path = f"{api.base}/asset/{world.ids['building']}"
    answers = []
    for wanted in (world.ids["foreign"], UNKNOWN):
        answer = api.client.patch(path, json={"regressors": {"add": [wanted]}}, headers=api.headers)
        answers.append(told(answer).replace(str(wanted), "ID"))
    assert answers[0] == answers[1]
    stated = {"add": [world.ids["kpx_da"]], "exclude": ["wind_speed"]}
    taken = api.client.patch(path, json={"regressors": stated}, headers=api.headers)
    assert (taken.status_code, taken.json["regressors"]) == (200, stated)
    back = api.client.patch(path, json={"regressors": {}}, headers=api.headers)
    assert (back.status_code, "regressors" in back.json) == (200, False)


def test_an_asset_cannot_be_given_to_somebody_who_may_not_read_what_it_asks_for(world: World) -> None:
    admin = world.clients["admin"]
    path = f"{admin.base}/asset/{world.ids['battery']}"
    own = {"flexibility": {"demand_sensor_id": world.ids["building"]}}
    assert admin.client.patch(path, json=own, headers=admin.headers).status_code == 200
    given = {"owner_id": world.users["neighbour"].id}
    assert "demand_sensor_id" in told(admin.client.patch(path, json=given, headers=admin.headers))
    assert admin.get(f"asset/{world.ids['battery']}").json["owner_id"] == world.users["prosumer"].id


def test_own_sensors_and_markets_of_the_same_unit_may_be_named(world: World, api: Api, prices: None) -> None:
    assert (
        api.post("postUdiEvent", **event(world, production_market_id=world.ids["epex_da"])).status_code == 200
    )
    wishes = event(world, demand_sensor_id=world.ids["building"]) | {"event": world.event("battery", 2)}
    assert api.post("postUdiEvent", **wishes).status_code == 200
    other = event(world, co2_market_id=world.ids["kpx_da"]) | {"event": world.event("battery", 3)}
    assert "is a market in KRW/kWh" in told(api.post("postUdiEvent", **other))


def test_states_of_a_site_tell_nothing_of_assets_of_others(world: World, api: Api, prices: None) -> None:
    import flexmeasures_scheduling as scheduling
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    esco = world.clients["esco"]
    late = event(world) | {"event": world.event("esco battery", 9), "datetime": "2015-06-04T00:00:00Z"}
    assert esco.post("postUdiEvent", **late).status_code == 200
    with world.app.app_context(), writing():
        battery = db.session.get_one(Asset, world.ids["battery"])
        site = int(scheduling.create_site("home", battery.owner, [battery], 1.5, 1.5).id)
    answers = []
    for wanted in (world.ids["esco battery"], UNKNOWN):
        states = [{"asset_id": world.ids["battery"], "value": 1}, {"asset_id": wanted, "value": 1}]
        answer = api.post(f"site/{site}/event", event_id=1, datetime="2015-06-02T10:00:00Z", states=states)
        answers.append((answer.status_code, str(answer.json["message"]).replace(str(wanted), "ID")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 400
    unknown = api.post(
        f"site/{site}/event",
        event_id=1,
        datetime="2015-06-02T10:00:00Z",
        states=[{"asset_id": world.ids["battery"], "value": 1}],
        production_market_id=UNKNOWN,
    )
    assert unknown.status_code == 400
    assert "production_market_id 999999 is no market" in str(unknown.json["message"])


def test_giving_an_asset_away_tells_nothing_of_what_the_other_owner_has(world: World, api: Api) -> None:
    path = f"{api.base}/asset/{world.ids['battery']}"
    given = {"owner": world.users["neighbour"].id}
    for wanted in (world.ids["foreign"], world.ids["building"], UNKNOWN):
        stated = given | {"flexibility": {"demand_sensor_id": wanted}}
        assert api.client.patch(path, json=stated, headers=api.headers).status_code == 403


def test_a_sensor_that_is_named_and_deleted_does_not_stop_other_changes(world: World, api: Api) -> None:
    path = f"{api.base}/asset/{world.ids['battery']}"
    named = {"flexibility": {"demand_sensor_id": world.ids["building"]}}
    assert api.client.patch(path, json=named, headers=api.headers).status_code == 200
    deleted = api.client.delete(f"{api.base}/asset/{world.ids['building']}", headers=api.headers)
    assert deleted.status_code == 204
    assert api.client.patch(path, json={"latitude": 1}, headers=api.headers).status_code == 200


def test_a_site_plans_no_asset_that_was_given_away(world: World, api: Api, prices: None) -> None:
    import flexmeasures_scheduling as scheduling
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    with world.app.app_context(), writing():
        battery = db.session.get_one(Asset, world.ids["battery"])
        site = int(scheduling.create_site("home", battery.owner, [battery], 1.5, 1.5).id)
    admin = world.clients["admin"]
    path = f"{admin.base}/asset/{world.ids['battery']}"
    given = {"owner_id": world.users["neighbour"].id}
    assert admin.client.patch(path, json=given, headers=admin.headers).status_code == 200
    states = [{"asset_id": world.ids["battery"], "value": 1}]
    refused = api.post(f"site/{site}/event", event_id=1, datetime="2015-06-02T10:00:00Z", states=states)
    assert refused.status_code == 400
    assert "not of the owner of site home any more" in str(refused.json["message"])
