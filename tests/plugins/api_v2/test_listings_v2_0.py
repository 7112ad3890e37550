"""getService and getConnection of v2.0, and the unversioned endpoints (contract, sections 2 and 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flexmeasures.testing import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient
    from tests.plugins.conftest import Api, World
    from werkzeug.test import TestResponse

    from flexmeasures.models import User


@pytest.mark.contract("14.1", "1.1")
def test_versions_are_listed_to_everybody(client: FlaskClient) -> None:
    for path in ("/api/", "/api"):
        body = client.get(path).json
        assert body is not None
        assert "v2_0" in body["versions"]
        assert body["status"] == 200
        assert body["flexmeasures_version"] == "2026.11"


def test_the_server_answers_a_ping(client: FlaskClient) -> None:
    assert client.get("/api/ops/ping").json == {"message": "ok", "status": 200}


@pytest.mark.contract("14.2", "27.5")
def test_services_are_listed_in_order_and_each_is_served(client: FlaskClient) -> None:
    body = client.get("/api/v2_0/getService").json
    assert body is not None
    assert (body["type"], body["version"], body["status"]) == ("GetServiceResponse", "2.0", "PROCESSED")
    names = [service["name"] for service in body["services"]]
    assert names[:9] == [
        "getConnection", "getMeterData", "postMeterData", "getPrognosis", "postPrognosis",
        "postPriceData", "postWeatherData", "getDeviceMessage", "postUdiEvent",
    ]  # fmt: skip
    assert names[9:11] == ["GET /assets", "POST /assets"]
    for service in body["services"]:
        assert service["description"]
        method, _, path = service["name"].rpartition(" ")
        method = method or ("POST" if path.startswith("post") else "GET")
        url = "/api/v2_0/" + path.lstrip("/").replace("<id>", "1").replace("<event_id>", "1")
        assert client.open(url, method=method).status_code == 401, service["name"]


@pytest.mark.contract("14.2")
def test_services_of_a_role(client: FlaskClient) -> None:
    body = client.get("/api/v2_0/getService?access=ESCo").json
    assert body is not None
    assert "postUdiEvent" in [service["name"] for service in body["services"]]
    body = client.get("/api/v2_0/getService?access=MDC").json
    assert body is not None
    assert "postUdiEvent" not in [service["name"] for service in body["services"]]
    refused = client.get("/api/v2_0/getService?access=mdc")
    assert (refused.status_code, refused.json["status"]) == (400, "INVALID_ROLE")  # type: ignore[index]


@pytest.mark.contract("14.3", "1.8")
def test_connections_are_two_parallel_lists_newest_first(world: World, api: Api) -> None:
    body = api.get("getConnection").json
    assert body["type"] == "GetConnectionResponse"
    assert body["status"] == "PROCESSED"
    names = ["The battery", "The evse", "The solar", "The five", "The site", "The building"]
    assert body["names"] == names
    assert [address.rpartition(":")[2] for address in body["connections"]] == [
        str(world.ids[name.removeprefix("The ")]) for name in names
    ]
    assert f":{world.users['prosumer'].id}:" in body["connections"][0]
    assert len(world.clients["admin"].get("getConnection").json["names"]) == 9
    assert world.clients["mdc"].get("getConnection").json["connections"] == []


@pytest.mark.contract("6.7")
def test_an_address_of_the_list_can_be_used(world: World, api: Api) -> None:
    address = api.get("getConnection").json["connections"][-1]
    query = {"start": "2015-01-01T00:00:00Z", "duration": "PT1H", "unit": "MW"}
    assert api.get("getMeterData", connection=address, **query).status_code == 200


@pytest.mark.contract("14.3", "27.30")
def test_connections_in_play_mode_have_unique_names_and_the_type_is_lenient(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_MODE"] = "play"
    without_type = api.client.get("/api/v2_0/getConnection", headers=api.headers)
    assert without_type.json is not None
    assert without_type.json["names"][0] == "battery"
    assert api.get("getConnection", type="Wrong").json["status"] == "INVALID_MESSAGE_TYPE"


# -- requestAuthToken --


def ask(client: FlaskClient, **credentials: Any) -> TestResponse:
    return client.post("/api/requestAuthToken", json=credentials)


@pytest.mark.contract("2.1", "2.3")
def test_a_token_is_given_for_email_and_password_and_works(client: FlaskClient, prosumer: User) -> None:
    given = ask(client, email="Prosumer@example.com", password=PASSWORD)
    assert given.status_code == 200
    assert given.json is not None
    assert (given.json["user_id"], given.json["status"]) == (prosumer.id, 200)
    headers = {"Authorization": given.json["auth_token"]}
    assert client.get("/api/v2_0/getConnection", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("credentials", "http"),
    [
        ({}, 400),
        ({"password": PASSWORD}, 400),
        ({"email": "", "password": PASSWORD}, 400),
        ({"email": 5, "password": PASSWORD}, 400),
        ({"email": "prosumer@example.com"}, 400),
        ({"email": "prosumer@example.com", "password": 5}, 400),
        ({"email": "prosumer@example.com", "password": "wrong"}, 401),
        ({"email": "unknown@example.com", "password": PASSWORD}, 404),
    ],
)
@pytest.mark.usefixtures("prosumer")
@pytest.mark.contract("2.3", "D5")
def test_bad_credentials_are_told_as_documented(
    client: FlaskClient, credentials: dict[str, Any], http: int
) -> None:
    refused = ask(client, **credentials)
    assert refused.status_code == http
    assert refused.json is not None
    assert len(refused.json["errors"]) == 1


def test_a_body_that_is_no_json_gets_no_token(client: FlaskClient) -> None:
    assert client.post("/api/requestAuthToken", data={"email": "a"}).status_code == 400
    for body in (b"{", b"[]", b"", b'{"email": NaN}'):
        assert (
            client.post("/api/requestAuthToken", data=body, content_type="application/json").status_code
            == 400
        )


def test_an_email_that_no_database_can_hold_is_unknown(client: FlaskClient) -> None:
    assert ask(client, email="a\0@example.com", password="wrong").status_code == 404


@pytest.mark.contract("D5")
def test_unknown_users_can_be_hidden(client: FlaskClient, prosumer: User) -> None:
    client.application.config["FLEXMEASURES_HIDE_UNKNOWN_USERS"] = True
    unknown = ask(client, email="unknown@example.com", password="wrong")
    wrong = ask(client, email=prosumer.email, password="wrong")
    assert unknown.status_code == wrong.status_code == 401
    assert unknown.json == wrong.json


@pytest.mark.contract("2.3")
def test_inactive_users_get_no_token(client: FlaskClient, prosumer: User) -> None:
    from flexmeasures.db import db, writing
    from flexmeasures.models import User

    with client.application.app_context(), writing():
        user = db.session.get(User, prosumer.id)
        assert user is not None
        user.active = False
    assert ask(client, email=prosumer.email, password=PASSWORD).status_code == 401


@pytest.mark.contract("2.3")
def test_who_is_logged_in_needs_no_password(
    client: FlaskClient, prosumer: User, as_user: Callable[[FlaskClient, User], Any]
) -> None:
    with as_user(client, prosumer):
        assert ask(client, email=prosumer.email).status_code == 200
        assert ask(client, email="admin@example.com").status_code == 400


def test_a_token_cannot_renew_itself(
    client: FlaskClient, prosumer: User, token_of: Callable[[User], dict[str, str]]
) -> None:
    refused = client.post("/api/requestAuthToken", json={"email": prosumer.email}, headers=token_of(prosumer))
    assert refused.status_code == 400
