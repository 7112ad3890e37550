"""The first failure wins (contract, section 5), who may do what (3), and errors of the framework (1.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import Api, World

REPAIRS = dict[str, Any]
METER: list[tuple[str, REPAIRS]] = [
    ("NO_MESSAGE_TYPE", {"type": "Wrong"}),
    ("INVALID_MESSAGE_TYPE", {"type": "{name}Request"}),
    ("INVALID_UNIT", {"unit": "kW"}),
    ("INVALID_UNIT", {"unit": "MW"}),
    ("UNRECOGNIZED_CONNECTION_GROUP", {"connection": "CS 1"}),
]
POST_TIMES: list[tuple[str, REPAIRS]] = [
    ("PTUS_INCOMPLETE", {"values": [1, None]}),
    ("PTUS_INCOMPLETE", {"values": [1, "x"]}),
    ("PTUS_INCOMPLETE", {"values": [1] * 7}),
    ("INVALID_HORIZON", {"horizon": None}),
    ("INVALID_HORIZON", {"prior": "2015-01-02T00:00:00"}),
    ("INVALID_TIMEZONE", {"prior": "2015-01-02T00:00:00Z"}),
]
PERIOD: list[tuple[str, REPAIRS]] = [
    ("INVALID_PERIOD", {"start": "2015-01-01T00:00:00"}),
    ("INVALID_TIMEZONE", {"start": "2015-01-01T00:00:00Z"}),
    ("INVALID_PERIOD", {"duration": "T1H"}),
    ("INVALID_PERIOD", {"duration": "PT1H30M"}),
]


def _walk(api: Api, method: str, name: str, message: REPAIRS, steps: list[tuple[str, REPAIRS]]) -> None:
    """Repair one fault after another of a message that has them all; each time the next one is named."""
    response_type = f"{name[0].upper()}{name[1:]}"
    for expected, repair in steps:
        query = {key: value for key, value in message.items() if value is not None}
        send = {"json": query} if method == "POST" else {"query_string": query}
        answer = api.client.open(f"/api/v2_0/{name}", method=method, headers=api.headers, **send)
        assert answer.json["status"] == expected, (message, answer.json)
        assert answer.json["type"] == f"{response_type}Response"
        message |= {
            key: value.format(name=response_type) if isinstance(value, str) else value
            for key, value in repair.items()
        }


@pytest.mark.parametrize("name", ["postMeterData", "postPrognosis"])
@pytest.mark.contract("5.1")
def test_post_power_checks_in_the_documented_order(world: World, api: Api, name: str) -> None:
    message: REPAIRS = {"horizon": "T6H", "prior": "soon"}
    foreign, solar = world.address("foreign"), world.address("solar")
    steps = [*METER, *POST_TIMES, *PERIOD]
    steps += [
        ("INVALID_DOMAIN", {"connection": "ea1.2018-06.localhost:999999"}),
        ("UNRECOGNIZED_ASSET", {"connection": foreign}),
        ("INVALID_RESOLUTION", {"values": [1] * 6}),
        ("UNRECOGNIZED_CONNECTION_GROUP", {"connection": solar}),
        ("POWER_VALUE_TOO_BIG", {"values": [-1] * 6}),
        ("PROCESSED", {}),
        ("ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED", {}),
    ]
    if (
        name == "postMeterData"
    ):  # its prior is compared with the period, which therefore has to be right before
        period = steps.index(("INVALID_PERIOD", {"start": "2015-01-01T00:00:00"}))
        late = [("INVALID_HORIZON", {"prior": "2015-01-02T00:00:00Z"})]
        steps[period - 1] = ("INVALID_TIMEZONE", {"prior": "2015-01-01T00:00:00Z"})
        steps[period + 4 : period + 4] = late
    _walk(api, "POST", name, message, steps)


@pytest.mark.parametrize("name", ["getMeterData", "getPrognosis"])
@pytest.mark.contract("5.1", "5.3")
def test_get_power_checks_in_the_documented_order(world: World, api: Api, name: str) -> None:
    message: REPAIRS = {"source": "Unknown", "horizon": "PT6", "prior": "soon", "resolution": "15M"}
    steps = [
        *METER,
        ("INVALID_SOURCE", {"source": None}),
        ("INVALID_HORIZON", {"horizon": "-PT6H"}),
        ("INVALID_HORIZON", {"prior": "2015-01-02T00:00:00Z"}),
        *PERIOD,
        ("INVALID_RESOLUTION", {"resolution": "PT20M"}),
        ("INVALID_DOMAIN", {"connection": "ea1.2018-06.localhost:999999"}),
        ("UNRECOGNIZED_ASSET", {"connection": world.address("foreign")}),
        ("INVALID_RESOLUTION", {"resolution": "PT30M"}),
        ("UNRECOGNIZED_CONNECTION_GROUP", {"connection": world.address("building")}),
        ("PROCESSED", {}),
    ]
    _walk(api, "GET", name, message, steps)


@pytest.mark.contract("5.1")
def test_post_prices_checks_in_the_documented_order(world: World, api: Api) -> None:
    message: REPAIRS = {"horizon": "T6H", "prior": "soon"}
    steps = [
        ("NO_MESSAGE_TYPE", {"type": "Wrong"}),
        ("INVALID_MESSAGE_TYPE", {"type": "{name}Request"}),
        ("INVALID_UNIT", {"unit": "EUR"}),
        ("INVALID_UNIT", {"unit": "KRW/kWh"}),
        ("UNRECOGNIZED_CONNECTION_GROUP", {"market": "epex"}),
        ("INVALID_HORIZON", {"horizon": "PT6H"}),
        ("INVALID_HORIZON", {"prior": None}),
        ("PTUS_INCOMPLETE", {"values": [1] * 4}),
        ("INVALID_PERIOD", {"start": "2015-01-01T00:00:00Z"}),
        ("INVALID_PERIOD", {"duration": "PT1H"}),
        ("INVALID_DOMAIN", {"market": "ea1.2018-06.localhost:unknown"}),
        ("UNRECOGNIZED_MARKET", {"market": "ea1.2018-06.localhost:epex_da"}),
        ("INVALID_RESOLUTION", {"values": [1]}),
        ("INVALID_UNIT", {"unit": "EUR/MWh"}),
        ("PROCESSED", {}),
    ]
    _walk(api, "POST", "postPriceData", message, steps)


@pytest.mark.contract("5.1")
def test_post_weather_checks_in_the_documented_order(world: World, api: Api) -> None:
    message: REPAIRS = {"horizon": "T6H"}
    steps = [
        ("NO_MESSAGE_TYPE", {"type": "Wrong"}),
        ("INVALID_MESSAGE_TYPE", {"type": "{name}Request"}),
        ("INVALID_UNIT", {"unit": "K"}),
        ("UNRECOGNIZED_CONNECTION_GROUP", {"sensor": "thermometer"}),
        ("INVALID_HORIZON", {"horizon": "PT6H"}),
        ("PTUS_INCOMPLETE", {"values": [1] * 4}),
        ("INVALID_PERIOD", {"start": "2015-01-01T00:00:00Z"}),
        ("INVALID_PERIOD", {"duration": "PT30M"}),
        ("INVALID_DOMAIN", {"sensor": "ea1.2018-06.localhost:temperature:33.4843866:126.477859"}),
        ("INVALID_RESOLUTION", {"values": [1, 2]}),
        ("INVALID_UNIT", {"unit": "0C", "sensor": "ea1.2018-06.localhost:temperature:33.4843866:126"}),
        ("UNRECOGNIZED_SENSOR", {"sensor": "ea1.2018-06.localhost:temperature:33.4843866:126.477859"}),
        ("PROCESSED", {}),
    ]
    _walk(api, "POST", "postWeatherData", message, steps)


@pytest.mark.contract("5.1", "15.5", "15.2", "15.6")
def test_udi_events_check_in_the_documented_order(world: World, api: Api) -> None:
    battery = world.event("battery", 204, "soc-with-targets")
    late = {"value": 2, "datetime": "2015-06-05T00:00:00Z"}
    steps: list[tuple[str, REPAIRS]] = [
        ("NO_MESSAGE_TYPE", {"type": "Wrong"}),
        ("INVALID_MESSAGE_TYPE", {"type": "{name}Request"}),
        ("INVALID_UNIT", {"unit": "kW"}),
        ("INVALID_UNIT", {"unit": "MWh"}),
        ("INVALID_DATETIME", {"datetime": "soon"}),
        ("INVALID_DATETIME", {"datetime": "2015-06-02T10:00:00"}),
        ("INVALID_TIMEZONE", {"datetime": "2015-06-02T10:00:00Z"}),
        ("INVALID_DOMAIN", {"event": "event 1"}),
        ("INVALID_DOMAIN", {"event": world.event("foreign", 204, "unknown")}),
        ("UNRECOGNIZED_UDI_EVENT", {"event": world.event("foreign", 204)}),
        ("UNRECOGNIZED_CONNECTION_GROUP", {"event": world.event("building", 204)}),
        ("INVALID_DOMAIN", {"event": battery}),
        ("PTUS_INCOMPLETE", {"value": "half"}),
        ("PTUS_INCOMPLETE", {"value": 2.5}),
        ("INCOMPLETE_UDI_EVENT", {"targets": "full"}),
        ("INCOMPLETE_UDI_EVENT", {"targets": [{"datetime": late["datetime"]}]}),
        ("PTUS_INCOMPLETE", {"targets": [{"value": 2}]}),
        ("INVALID_DATETIME", {"targets": [{"value": 2, "datetime": "2015-06-02T16:00:00"}]}),
        ("INVALID_TIMEZONE", {"targets": [late]}),
        ("INVALID_DATETIME", {"targets": [{"value": 2, "datetime": "2015-06-02T10:00:00Z"}]}),
        ("INVALID_DATETIME", {"targets": [{"value": 2, "datetime": "2015-06-02T10:14:00Z"}]}),
        ("INVALID_DATETIME", {"targets": [{"value": 2, "datetime": "2015-06-02T16:00:00Z"}]}),
        ("PROCESSED", {"datetime": "2015-06-02T09:00:00Z"}),
        ("INVALID_DATETIME", {"datetime": "2015-06-02T10:00:00Z"}),
        ("OUTDATED_UDI_EVENT", {}),
    ]
    _walk(api, "POST", "postUdiEvent", {}, steps)


@pytest.mark.contract("5.1", "15.2")
def test_device_messages_check_in_the_documented_order(world: World, api: Api) -> None:
    steps: list[tuple[str, REPAIRS]] = [
        ("NO_MESSAGE_TYPE", {"type": "Wrong"}),
        ("INVALID_MESSAGE_TYPE", {"type": "{name}Request"}),
        ("UNRECOGNIZED_CONNECTION_GROUP", {"event": "event 1", "duration": "6H"}),
        ("UNPROCESSABLE_ENTITY", {"duration": "-PT6H"}),
        ("UNPROCESSABLE_ENTITY", {"duration": "PT6H"}),
        ("INVALID_DOMAIN", {"event": world.event("foreign", 1, "unknown")}),
        ("UNRECOGNIZED_CONNECTION_GROUP", {"event": world.event("building", 1, "unknown")}),
        ("INVALID_DOMAIN", {"event": world.event("battery", 1, "unknown")}),
        ("UNRECOGNIZED_UDI_EVENT", {"event": world.event("battery", 1)}),
        ("UNRECOGNIZED_UDI_EVENT", {}),
    ]
    _walk(api, "GET", "getDeviceMessage", {}, steps)


# -- who --

DATA_SERVICES = ["getConnection", "getMeterData", "getPrognosis"]
POST_SERVICES = ["postMeterData", "postPrognosis", "postPriceData", "postWeatherData"]


def _allowed(world: World, user: str, name: str) -> bool:
    """Whether the user passes the check of roles: what then fails is the empty message."""
    api = world.clients[user]
    method = "GET" if name.startswith("get") else "POST"
    query = {"type": "Wrong"}
    answer = api.client.open(f"/api/v2_0/{name}", method=method, json=query, headers=api.headers)
    assert answer.json["type"] == f"{name[0].upper()}{name[1:]}Response"
    if answer.status_code == 403:
        assert answer.json["status"] == "INVALID_SENDER"
        assert answer.json["result"] == "Rejected"
        assert "Prosumer" in answer.json["message"]
        return False
    assert answer.json["status"] == "INVALID_MESSAGE_TYPE"
    return True


@pytest.mark.contract("3.1", "3.2")
def test_the_matrix_of_roles_is_as_documented(world: World) -> None:
    for name in DATA_SERVICES + POST_SERVICES:
        allowed = {user for user in world.clients if _allowed(world, user, name)}
        assert allowed == set(world.clients) - {"visitor", "nobody"}, name
    for name in ("getDeviceMessage", "postUdiEvent"):
        allowed = {user for user in world.clients if _allowed(world, user, name)}
        assert allowed == {"admin", "prosumer", "neighbour", "esco", "mdc_owner"}, name


@pytest.mark.contract("2.2")
def test_without_a_valid_token_nothing_is_answered(world: World, api: Api) -> None:
    for headers in ({}, {"Authorization": "rubbish"}, {"Authorization": "Bearer rubbish"}):
        for name in DATA_SERVICES:
            answer = api.client.get(f"/api/v2_0/{name}", headers=headers)
            assert answer.status_code == 401
            assert answer.json["status"] == "UNAUTHORIZED"
            assert answer.json["type"] == f"{name[0].upper()}{name[1:]}Response"
            assert answer.headers["WWW-Authenticate"]
        answer = api.client.post("/api/v2_0/postMeterData", data=b"{", headers=headers)
        assert answer.status_code == 401  # before the body is read
    assert world.count("building") == 0


def test_an_inactive_users_token_ends(world: World, api: Api) -> None:
    from flexmeasures.db import db, writing
    from flexmeasures.models import User

    with world.app.app_context(), writing():
        user = db.session.get(User, world.users["prosumer"].id)
        assert user is not None
        user.active = False
    assert api.get("getConnection").status_code == 401


# -- errors of the framework --


@pytest.mark.contract("1.9", "1.5")
def test_every_error_below_api_is_json(world: World, api: Api) -> None:
    missing = api.client.get("/api/v2_0/nowhere")
    assert (missing.status_code, missing.json["status"]) == (404, 404)
    method = api.client.post("/api/v2_0/getMeterData", headers=api.headers)
    assert (method.status_code, method.json["status"]) == (405, "INVALID_METHOD")
    assert method.json["result"] == "Rejected"
    assert method.headers["Allow"]
    for body in (b"", b"{", b"[]", b'{"value": NaN}'):
        bad = api.client.post("/api/v2_0/postMeterData", data=body, headers=api.headers)
        assert (bad.status_code, bad.json["status"]) == (400, 400)


def test_a_body_above_the_limit_is_refused_before_it_is_read(world: World, api: Api) -> None:
    world.app.config["MAX_CONTENT_LENGTH"] = 100
    large = api.client.post("/api/v2_0/postMeterData", data=b"x" * 101)
    assert (large.status_code, large.json["status"]) == (413, 413)


def test_a_failure_of_ours_shows_no_traceback(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures import beliefs

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(beliefs, "search", fail)
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    query = {"start": "2015-01-01T00:00:00Z", "duration": "PT1H", "unit": "MW"}
    broken = api.get("getPrognosis", connection=world.address("building"), **query)
    assert (broken.status_code, broken.json["status"]) == (500, 500)
    assert "secret" not in broken.text
