"""Everything below /api answers JSON, whatever went wrong and whatever the client asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import exceptions

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from tests.plugins.conftest import Api, World
    from werkzeug.test import TestResponse

VERSIONS = ["v1", "v1_1", "v1_2", "v1_3", "v2_0"]
ACCEPTS = ["text/html", "application/json", "*/*", "image/png"]
READING = {"start": "2015-01-01T00:00:00Z", "duration": "PT1H", "unit": "MW"}


def check(answer: TestResponse, code: int) -> Any:
    assert answer.status_code == code, answer.text
    assert answer.content_type == "application/json"
    body = answer.get_json()
    assert body["message"]
    assert body["status"]
    return body


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_unknown_paths_methods_and_users_are_told_in_json(
    client: FlaskClient, version: str, accept: str
) -> None:
    headers = {"Accept": accept}
    for path in (f"/api/{version}/nowhere", f"/api//{version}/getService"):
        assert check(client.get(path, headers=headers), 404)["status"] == 404
    method = client.delete(f"/api/{version}/getService", headers=headers)
    assert check(method, 405)["status"] == "INVALID_METHOD"
    assert "GET" in method.headers["Allow"]
    nobody = client.post(f"/api/{version}/postMeterData", json={}, headers=headers)
    assert check(nobody, 401)["status"] == "UNAUTHORIZED"
    assert nobody.headers["WWW-Authenticate"].startswith("Token ")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_body_above_the_limit_is_413_in_json(app: Flask, client: FlaskClient, version: str) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10
    assert check(client.post(f"/api/{version}/postMeterData", data=b"x" * 11), 413)["status"] == 413
    assert check(client.post("/api/requestAuthToken", data=b"x" * 11), 413)["status"] == 413


@pytest.mark.parametrize(
    ("error", "code", "retry_after"),
    [
        (exceptions.TooManyRequests(retry_after=7), 429, "7"),
        (exceptions.ServiceUnavailable(retry_after=9), 503, "9"),
        (exceptions.ServiceUnavailable(), 503, "5"),
        (exceptions.NotImplemented("No plugin does this."), 501, None),
        (RuntimeError("secret detail"), 500, None),
        (MemoryError("secret detail"), 500, None),
    ],
    ids=["429", "503", "503 without a time", "501", "500", "out of memory"],
)
def test_what_breaks_within_a_request_is_told_in_json(
    world: World,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
    retry_after: str | None,
) -> None:
    from flexmeasures import beliefs

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(beliefs, "search", fail)
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = api.get("getMeterData", connection=world.address("building"), **READING)
    assert check(answer, code)["status"] == code
    assert answer.headers.get("Retry-After") == retry_after
    assert "secret" not in answer.text


def test_a_host_that_is_not_ours_is_refused_in_json(tmp_path: Path) -> None:
    from flexmeasures.testing import make_app

    client = make_app(tmp_path, TRUSTED_HOSTS=["ours.example.com"]).test_client()
    check(client.get("/api/v2_0/assets", headers={"Host": "elsewhere.example.com"}), 400)


def test_no_token_of_not_a_number_leaves_the_server(world: World, api: Api) -> None:
    address = world.address("building")
    keys = READING | {"horizon": "PT0H"}
    assert (
        api.post(
            "postMeterData", connection=address, values=[1, 2], **keys | {"duration": "PT30M"}
        ).status_code
        == 200
    )

    def refuse(token: str) -> None:
        raise AssertionError(token)

    answer = api.get("getMeterData", connection=address, **READING)
    assert json.loads(answer.text, parse_constant=refuse)["values"] == [1, 2, None, None]


def test_pages_of_a_configured_origin_may_read_also_refusals_and_send_tokens(tmp_path: Path) -> None:
    from flexmeasures.testing import make_app

    origin = "https://dashboard.example.com"
    client = make_app(tmp_path, CORS_ORIGINS=[origin]).test_client()
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    before = client.options("/api/v2_0/postMeterData", headers=asked)
    assert before.status_code == 200
    assert before.headers["Access-Control-Allow-Origin"] == origin
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    assert "authorization" in before.headers["Access-Control-Allow-Headers"].lower()
    for path, code in (
        ("/api/v2_0/assets", 401),
        ("/api/v2_0/nowhere", 404),
        ("/api/v2_0/postUdiEvent", 405),
    ):
        answer = client.get(path, headers={"Origin": origin})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (code, origin)
