"""Bad input is refused with a documented 4xx that names the key, and nothing of it is stored (issue of the API)."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import World
    from werkzeug.test import TestResponse

PERIOD = {"start": "2021-01-01T00:00:00Z", "duration": "PT1H"}
PLACE = "ea1.2018-06.localhost:temperature:33.4843866:126.477859"
WRONG: dict[str, Any] = {
    "true": True,
    "an object": {"a": 1},
    "an empty object": {},
    "a list of objects": [{"a": 1}],
    "a list of lists": [[-7]],  # in a query [-7], and nobody has this id
    "a number": -7.5,
    "a huge number": 1e300,
    "a huge integer": 10**30,
    "empty text": "",
    "a NUL": "\0",
    "SQL": "'; DROP TABLE sensor; --",
    "HTML": "<script>alert(1)</script>",
    "other digits": "١٢",
    "a surrogate pair": "\U0001f50b" * 300,
}
NUMBERS = {"a number", "a huge number", "a huge integer"}  # which are no fault where numbers are asked for
TIMES = ["1899-12-31T23:59:59Z", "2201-01-02T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]
DURATIONS = ["-PT1H", "PT0S", "P300Y", "P99999999999Y", "PT1E9H", "PT" + "9" * 400 + "H"]


def messages(world: World) -> dict[str, dict[str, Any]]:
    """A good request of each service of v1.3 and v2.0."""
    power = {"connection": world.address("building"), "unit": "MW"} | PERIOD
    market = {"market": "ea1.2018-06.localhost:epex_da", "unit": "EUR/MWh"} | PERIOD
    state = {"value": 100, "unit": "kWh", "datetime": "2015-06-02T10:00:00Z"}
    targets = [{"value": 120, "datetime": "2015-06-02T16:00:00Z"}]
    event = world.event("battery", 1, "soc-with-targets")
    return {
        "getMeterData": power | {"resolution": "PT15M", "horizon": "-PT1H", "source": "Prosumer"},
        "getPrognosis": power | {"prior": "2021-01-01T00:00:00Z"},
        "getDeviceMessage": {"event": world.event("battery", 1), "duration": "PT1H"},
        "postMeterData": power | {"values": [1, 2, 3, 4], "horizon": "PT0H"},
        "postPrognosis": power | {"values": [1, 2, 3, 4], "horizon": "PT6H"},
        "postPriceData": market | {"values": [40], "horizon": "PT6H"},
        "postWeatherData": {"sensor": PLACE, "values": [1], "unit": "°C", "horizon": "PT0H"} | PERIOD,
        "postUdiEvent": state | {"event": event, "targets": targets},
    }


def send(world: World, name: str, message: dict[str, Any], version: str = "v2_0") -> TestResponse:
    message = {"type": f"{name[0].upper()}{name[1:]}Request"} | message
    client, path = world.clients["prosumer"], f"/api/{version}/{name}"
    if name.startswith("post"):
        return client.client.post(path, json=message, headers=client.headers)
    query = {
        key: json.dumps(value) if isinstance(value, (dict, list)) else value for key, value in message.items()
    }
    return client.client.get(path, query_string=query, headers=client.headers)


def stored(world: World) -> tuple[int, ...]:
    """How many rows there are that a request could have made, and what a device's state is."""
    from sqlalchemy import func, select

    from flexmeasures.db import db
    from flexmeasures.models import Asset, Job, Sensor, User, belief

    with world.app.app_context():
        counts = [db.session.scalar(select(func.count()).select_from(t)) for t in (belief, Sensor, Job, User)]
        last = db.session.get_one(Asset, world.ids["battery"]).soc_udi_event_id
    return (*(int(count or 0) for count in counts), last or 0)


def refused(answer: TestResponse, key: str) -> None:
    """A 4xx in JSON whose message names the key."""
    assert answer.status_code in (400, 413, 422), (key, answer.text[:300])
    body = answer.get_json()
    named = key if answer.status_code != 413 else "values"  # which a long duration has too many of
    assert named.rstrip("s") in json.dumps(body["message"]), (key, body)
    assert len(answer.data) < 3000, "an answer must not repeat all that was sent"


def test_each_good_request_is_good(world: World) -> None:
    """Otherwise the tests below would not see the fault that they make."""
    for name, message in messages(world).items():
        if name != "getDeviceMessage":
            assert send(world, name, message).status_code == 200, name


@pytest.mark.parametrize("version", ["v1_3", "v2_0"])
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_value_at_any_key_is_refused_by_the_name_of_the_key(
    world: World, kind: str, version: str
) -> None:
    before = stored(world)
    for name, message in messages(world).items():
        for key in [*message, "type"]:
            if kind in NUMBERS and key in ("value", "values"):
                continue
            refused(send(world, name, message | {key: WRONG[kind]}, version), key)
    assert stored(world) == before


@pytest.mark.parametrize("time", TIMES)
def test_times_outside_1900_to_2200_are_refused(world: World, time: str) -> None:
    before = stored(world)
    for name, message in messages(world).items():
        for key, status in (
            ("start", "INVALID_PERIOD"),
            ("prior", "INVALID_HORIZON"),
            ("datetime", "INVALID_DATETIME"),
        ):
            if key in message:
                answer = send(world, name, message | {key: time})
                refused(answer, key)
                assert answer.get_json()["status"] == status
    late = deepcopy(messages(world)["postUdiEvent"])
    late["targets"][0]["datetime"] = time
    answer = send(world, "postUdiEvent", late)
    refused(answer, "targets[0].datetime")
    assert answer.get_json()["status"] == "INVALID_DATETIME"
    assert stored(world) == before


@pytest.mark.parametrize("duration", DURATIONS)
def test_huge_negative_and_empty_durations_are_refused(world: World, duration: str) -> None:
    before = stored(world)
    for name, message in messages(world).items():
        for key in ("duration", "resolution"):
            # A device message is cut at the planning horizon, however long it is to be.
            if key in message and (name, duration) != ("getDeviceMessage", "P300Y"):
                refused(send(world, name, message | {key: duration}), key)
    for horizon in ("P99999999999Y", "PT" + "9" * 400 + "H", "P301Y"):
        refused(
            send(world, "postPrognosis", messages(world)["postPrognosis"] | {"horizon": horizon}), "horizon"
        )
    assert stored(world) == before


def test_connections_and_events_of_other_tenants_are_refused(world: World) -> None:
    before = stored(world)
    for name, message in messages(world).items():
        if "connection" in message:
            answer = send(world, name, message | {"connection": world.address("foreign")})
            refused(answer, "connection")
            mixed = {"connections": [world.address("building"), world.address("foreign")]}
            rest = {key: value for key, value in message.items() if key != "connection"}
            refused(send(world, name, rest | mixed), "connection")
    device = messages(world)["postUdiEvent"] | {"event": world.event("esco battery", 1)}
    refused(send(world, "postUdiEvent", device), "connection")
    assert stored(world) == before


@pytest.mark.parametrize(
    "body", [b'{"name": "a", "name": "b"}', b'{"latitude": NaN}', b'{"latitude": -Infinity}']
)
def test_assets_users_and_credentials_take_neither_twins_nor_nan(world: World, body: bytes) -> None:
    before = stored(world)
    admin = world.clients["admin"]
    user = world.users["neighbour"].id
    for method, path in (
        ("POST", "/api/v2_0/assets"),
        ("PATCH", f"/api/v2_0/asset/{world.ids['building']}"),
        ("PATCH", f"/api/v2_0/user/{user}"),
    ):
        answer = admin.client.open(path, method=method, data=body, headers=admin.headers)
        assert answer.status_code == 400, (method, path, answer.text)
        assert "JSON" in answer.get_json()["message"] or "twice" in answer.get_json()["message"]
    token = admin.client.post("/api/requestAuthToken", data=body, content_type="application/json")
    assert token.status_code == 400
    assert "JSON" in token.get_json()["errors"][0] or "twice" in token.get_json()["errors"][0]
    assert stored(world) == before


ASSET = {
    "name": "new",
    "asset_type": "battery",
    "unit": "MW",
    "event_resolution": 15,
    "capacity_in_mw": 1,
    "latitude": 40,
    "longitude": 170,
    "min_soc_in_mwh": 0,
    "max_soc_in_mwh": 5,
    "soc_in_mwh": 1,
    "soc_datetime": "2021-01-01T00:00:00Z",
    "soc_udi_event_id": 1,
    "timezone": "UTC",
    "display_name": "A new one",
}
USER = {
    "email": "a@example.com",
    "username": "somebody",
    "active": True,
    "timezone": "UTC",
    "flexmeasures_roles": [],
}
TEXTS = {"name", "unit", "display_name", "username"}  # of any letters
QUANTITIES = {"capacity_in_mw", "latitude", "longitude", "min_soc_in_mwh", "max_soc_in_mwh", "soc_in_mwh"}


def _is_no_fault(key: str, kind: str) -> bool:
    numbers = {*NUMBERS, "other digits"}
    return (
        (key in TEXTS and isinstance(WRONG[kind], str))
        or (key in QUANTITIES and kind in numbers)
        or (key == "active" and WRONG[kind] is True)
    )


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_value_of_any_field_of_assets_and_users_is_refused(world: World, kind: str) -> None:
    before = stored(world)
    admin = world.clients["admin"]
    good = ASSET | {"owner": world.users["prosumer"].id, "market": world.ids["epex_da"]}
    user = f"/api/v2_0/user/{world.users['neighbour'].id}"
    asset = f"/api/v2_0/asset/{world.ids['building']}"
    for method, path, fields in (
        ("POST", "/api/v2_0/assets", good),
        ("PATCH", asset, good),
        ("PATCH", user, USER),
    ):
        for key in fields:
            if _is_no_fault(key, kind):
                continue
            body = {key: WRONG[kind]} if method == "PATCH" else fields | {key: WRONG[kind]}
            answer = admin.client.open(path, method=method, json=body, headers=admin.headers)
            assert answer.status_code == 422, (method, key, kind, answer.text)
            assert key in answer.get_json()["message"]["json"], (key, answer.text)
    assert stored(world) == before


@pytest.mark.parametrize("text", [WRONG["SQL"], WRONG["HTML"]])
def test_text_that_looks_like_code_is_stored_and_answered_as_the_text_that_it_is(
    world: World, text: str
) -> None:
    admin = world.clients["admin"]
    good = ASSET | {"owner": world.users["prosumer"].id, "market": world.ids["epex_da"]}
    made = admin.client.post("/api/v2_0/assets", json=good | {"name": text}, headers=admin.headers)
    assert made.status_code == 201
    assert made.content_type == "application/json"
    assert made.get_json()["name"] == text
    listed = world.clients["prosumer"].get("assets").get_json()
    assert [asset["name"] for asset in listed if asset["id"] == made.get_json()["id"]] == [text]
