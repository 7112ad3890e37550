"""The OpenAPI documents say what the versions do, and a page shows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

VERSIONS = ["v1", "v1_1", "v1_2", "v1_3", "v2_0"]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def document(client: FlaskClient, version: str) -> dict[str, Any]:
    response = client.get(f"/api/{version}/openapi.json")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    found: dict[str, Any] = response.get_json()
    return found


def operations(described: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_each_document_is_valid_openapi_3(client: FlaskClient, version: str) -> None:
    described = document(client, version)
    validate(described)
    assert described["openapi"].startswith("3.")
    assert described["info"]["version"] == version.removeprefix("v").replace("_", ".") + (
        ".0" if version == "v1" else ""
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_route_of_a_version_has_an_operation_and_the_other_way_round(
    client: FlaskClient, app: Flask, version: str
) -> None:
    own = {
        (method, re.sub(r"<([^>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(f"/api/{version}/")
        for method in (rule.methods or set()) & METHODS
    }
    shared = {("GET", "/api/"), ("POST", "/api/requestAuthToken"), ("GET", "/api/ops/ping")}
    found = set(operations(document(client, version)))
    assert len(own) > 4
    assert {row for row in found if row[1].startswith(f"/api/{version}/")} == own
    assert shared <= found
    assert not [path for _, path in found if re.match(r"/api/v\d", path) and version != path.split("/")[2]]


def test_in_play_mode_documents_tell_how_data_are_restored(tmp_path: Path) -> None:
    from flexmeasures.testing import make_app

    client = make_app(tmp_path, FLEXMEASURES_MODE="play").test_client()
    for version in VERSIONS:
        described = document(client, version)
        validate(described)
        assert {
            ("PUT", "/api/restoreData"),
            ("PUT", f"/api/{version}/restoreData"),
        } <= set(operations(described))
        assert len({each["operationId"] for each in operations(described).values()}) == len(
            operations(described)
        )


@pytest.mark.parametrize("version", VERSIONS)
def test_operations_have_words_unique_ids_and_codes(client: FlaskClient, version: str) -> None:
    found = operations(document(client, version))
    assert all(operation["summary"] for operation in found.values())
    assert len({operation["operationId"] for operation in found.values()}) == len(found)
    for row, operation in found.items():
        codes = set(operation["responses"])
        assert codes & {"200", "201", "202", "204"}, row
        assert {"500", "503"} <= codes, row
        assert ("401" in codes) or operation["security"] == [] or row[1] == "/api/ops/getLatestTaskRun", row


@pytest.mark.parametrize("version", VERSIONS)
def test_examples_are_of_the_described_shape(client: FlaskClient, version: str) -> None:
    described = document(client, version)
    count = 0
    for row, operation in operations(described).items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"] | {"components": described["components"]}
            for name, example in content.get("examples", {}).items():
                count += 1
                assert jsonschema_rs.is_valid(schema, example["value"]), (row, name)
    assert count >= 3


def test_messages_are_described_in_their_forms_for_one_several_and_groups(client: FlaskClient) -> None:
    found = operations(document(client, "v2_0"))[("POST", "/api/v2_0/postMeterData")]
    schema = found["requestBody"]["content"]["application/json"]["schema"]
    common = {
        "type": "PostMeterDataRequest",
        "unit": "MW",
        "start": "2021-01-01T00:00:00Z",
        "duration": "PT1H",
    }
    address = "ea1.2018-06.localhost:1:3"
    for form in (
        {"connection": address, "value": 1},
        {"connections": [address], "values": [1, 2]},
        {"groups": [{"connection": address, "values": [1]}]},
    ):
        assert jsonschema_rs.is_valid(schema, common | form)
    for form in ({}, {"connection": address}, {"value": 1}, {"groups": [{"connection": address}]}):
        assert not jsonschema_rs.is_valid(schema, common | form)


def test_versions_describe_the_keys_that_they_know(client: FlaskClient) -> None:
    def keys(version: str, service: str) -> set[str]:
        found = operations(document(client, version))[("POST", f"/api/{version}/{service}")]
        return set(found["requestBody"]["content"]["application/json"]["schema"]["properties"])

    assert "prior" in keys("v2_0", "postPrognosis")
    assert "prior" not in keys("v1_3", "postPrognosis")
    assert "targets" in keys("v1_3", "postUdiEvent")
    assert "targets" not in keys("v1_2", "postUdiEvent")


def test_every_described_key_is_one_that_messages_know() -> None:
    from flexmeasures_api.messages.parsing import KEYS
    from flexmeasures_api.openapi.messages import ADDRESSES, PLAIN_KEYS

    assert {*PLAIN_KEYS, *ADDRESSES} <= KEYS


def test_a_deprecated_version_says_so_in_its_document(client: FlaskClient, app: Flask) -> None:
    old = operations(document(client, "v1"))[("POST", "/api/v1/postMeterData")]
    assert old["deprecated"] is True
    assert set(old["responses"]["200"]["headers"]) == {"Deprecation", "Link"}
    assert not any("deprecated" in each for each in operations(document(client, "v2_0")).values())
    app.config["FLEXMEASURES_DEPRECATED_API_VERSIONS"] = {}
    assert "deprecated" not in operations(document(client, "v1"))[("POST", "/api/v1/postMeterData")]


def test_the_token_is_described_with_the_configured_header(client: FlaskClient, app: Flask) -> None:
    app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"] = "X-Token"
    scheme = document(client, "v2_0")["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-Token")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_page_shows_the_document_with_files_of_this_server_only(client: FlaskClient, version: str) -> None:
    page = client.get(f"/api/{version}/docs")
    assert page.status_code == 200
    assert page.content_type.startswith("text/html")
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert f'data-url="/api/{version}/openapi.json"' in page.text
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) >= 4
    for file in files:
        assert file.startswith("/api/"), file
        with client.get(file) as response:
            assert response.status_code == 200, file


def test_no_other_file_of_the_package_is_served(client: FlaskClient) -> None:
    for name in ("oauth2-redirect.html", "..", "docs.html"):
        assert client.get(f"/api/docs/{name}").status_code == 404
