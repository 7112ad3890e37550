"""Whatever is sent to a version, it is answered as its OpenAPI document says, and never by a failure of ours.

Requests are made by schemathesis of the documents: the documented examples, then what fits the schemas, then what
does not. They are always the same ones. FLEXMEASURES_TEST_REQUESTS says how many of each kind an operation gets.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks

from flexmeasures.db import is_sqlite
from flexmeasures.testing import PASSWORD

if TYPE_CHECKING:
    from schemathesis import APIOperation, BaseSchema, Case, Response

    World = Any

REQUESTS = int(os.environ.get("FLEXMEASURES_TEST_REQUESTS", "3"))
VERSIONS = ["v1", "v1_1", "v1_2", "v1_3", "v2_0"]
EVENT_ID = 1
WATCHER = "a-token-of-who-watches-tasks"
ORDER = ("POST", "PUT", "GET", "PATCH", "DELETE")
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


def furnish(world: World) -> None:
    """What the documented requests need: a password, a task, somebody who watches it, and a schedule."""
    from flask_security.utils import hash_password

    import flexmeasures_scheduling as scheduling
    from flexmeasures.data.transactional import report_task_run
    from flexmeasures.db import writing
    from flexmeasures.models import Asset, User

    world.app.config["FLEXMEASURES_TASK_CHECK_AUTH_TOKEN"] = WATCHER
    with world.app.app_context():
        with writing() as session:
            session.get_one(User, world.users["prosumer"].id).password = hash_password(PASSWORD)
        report_task_run("import-prices", True)
        with writing() as session:
            battery = session.get_one(Asset, world.ids["battery"])
            scheduling.trigger_schedule(battery, EVENT_ID, "soc", 1.0, datetime(2015, 6, 2, 9, tzinfo=UTC))
            world.ids["site of batteries"] = scheduling.create_site(
                "s", battery.owner, [battery], 1.0, 1.0
            ).id


def loaded(world: World, version: str) -> BaseSchema:
    """The version's document, with the addresses of our assets in its examples."""
    text = world.app.test_client().get(f"/api/{version}/openapi.json").text
    for number, name in {3: "building", 4: "site", 5: "battery"}.items():
        text = text.replace(f'localhost:1:{number}"', f'localhost:1:{world.ids[name]}"')
    document = json.loads(text.replace("localhost:7:10:", f"localhost:7:{world.ids['battery']}:"))
    creation = document["paths"].get("/api/v2_0/assets", {}).get("post")
    if creation is not None:
        example = creation["requestBody"]["content"]["application/json"]["examples"]["battery"]["value"]
        example |= {"owner": world.users["prosumer"].id, "market": world.ids["epex_da"]}
    event = document["paths"].get("/api/v2_0/site/{site_id}/event", {}).get("post")
    if event is not None:
        example = event["requestBody"]["content"]["application/json"]["examples"]["one battery"]["value"]
        example["states"][0]["asset_id"] = world.ids["battery"]
    schema = schemathesis.openapi.from_dict(document)
    schema.app = world.app
    return schema


def operations(schema: BaseSchema, version: str) -> list[APIOperation[Any, Any, Any, Any]]:
    """All of the version (the newest one brings what has no version), those that make things first."""
    found = [result.ok() for result in schema.get_all_operations()]
    own = [each for each in found if each.path.startswith(f"/api/{version}/") or version == VERSIONS[-1]]
    return sorted(own, key=lambda each: ORDER.index(each.method.upper()))


def documented(operation: APIOperation[Any, Any, Any, Any]) -> Iterator[Case]:
    """The examples of the operation; an empty request where it has none."""
    raw = operation.definition.raw
    for content_type, content in raw.get("requestBody", {}).get("content", {}).items():
        for example in content.get("examples", {}).values():
            yield operation.Case(body=example["value"], media_type=content_type)
    if "requestBody" in raw:
        return
    by_name: dict[str, dict[str, Any]] = {}
    for parameter in raw.get("parameters", ()):
        for name, example in parameter.get("examples", {}).items():
            by_name.setdefault(name, {})[parameter["name"]] = example["value"]
    for query in by_name.values() or [{}]:
        yield operation.Case(query=query)


def teach_formats(world: World) -> None:
    """Let schemathesis make addresses of things that are there, and durations of everyday."""
    host = "ea1.2018-06.localhost"
    some = st.sampled_from([world.address(name) for name in ("building", "site", "battery", "foreign")])
    events = st.builds(
        lambda number, kind: world.event("battery", number, kind),
        st.integers(0, 999),
        st.sampled_from(["soc", "soc-with-targets", "soc-without"]),
    )
    places = st.sampled_from(["temperature:33.4843866:126.477859", "temperature:0:0", "fog:33.4:126.4"])
    times = st.sampled_from(
        [
            *(
                "2015-06-02T10:00:00+00:00",
                "2015-06-02T16:00:00Z",
                "2021-01-01T00:00:00+01:00",
                "2021-01-01T00:00:00",
            ),
            *(
                "2021-12-31T18:00:00Z",
                "1899-12-31T23:59:59Z",
                "9999-12-31T23:59:59-23:59",
                "2021-01-01T00:07:00.5Z",
            ),
        ]
    )
    durations = st.sampled_from(
        ["PT15M", "PT1H30M", "P1D", "-PT5M", "PT0H", "P1M", "R/PT6H", "P300Y", "PT1S"]
    )
    for name, strategy in {
        "connection-address": some,
        "market-address": st.sampled_from([f"{host}:epex_da", f"{host}:kpx_da", f"{host}:none"]),
        "sensor-address": places.map(lambda place: f"{host}:{place}"),
        "event-address": events,
        "date-time": times,
        "duration": durations,
        "role-or-user-id": st.sampled_from(["Prosumer", "MDC", "1", str(world.users["prosumer"].id), "none"]),
    }.items():
        schemathesis.openapi.format(name, strategy)


class Asker:
    """Sends requests as one user, checks each answer, and notes which operations succeeded."""

    def __init__(self, world: World, headers: dict[str, str], succeeded: set[str]) -> None:
        self.world, self.headers, self.succeeded = world, headers, succeeded

    def ask(self, case: Case) -> None:
        """Send a request: what it changes is an asset of no further use, and a third user."""
        ids, users = self.world.ids, self.world.users
        targets = {
            "asset_id": ids["five"],
            "sensor_id": ids["building"],
            "user_id": users["neighbour"].id,
            "event_id": EVENT_ID,
            "site_id": ids["site of batteries"],
            "name": "home",
        }
        if "/schedule/" in case.operation.path:
            targets["asset_id"] = ids["battery"]
        case.path_parameters = {
            name: targets[name] if _is_number(value) else value
            for name, value in (dict.fromkeys(_in_path(case)) | (case.path_parameters or {})).items()
        }
        response = case.call(headers=self.headers)
        case.validate_response(response, checks=CHECKS)
        check_body(case, response)
        if response.status_code < 300:
            self.succeeded.add(case.operation.label)


def ask_documented(operation: APIOperation[Any, Any, Any, Any], askers: list[Asker]) -> None:
    """Send the examples of the operation."""
    for asker in askers:
        for case in documented(operation):
            asker.ask(case)


def ask_anything(
    operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, askers: list[Asker]
) -> None:
    """Send requests that fit the document, or that do not; where nothing but a name is sent, nothing can be wrong."""
    raw = operation.definition.raw
    numbers = [each for each in raw["parameters"] if each["name"] != "name"]
    if mode == GenerationMode.NEGATIVE and not numbers and "requestBody" not in raw:
        return

    @settings(
        max_examples=REQUESTS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def some(case: Case) -> None:
        for asker in askers:
            asker.ask(case)

    some()


def _in_path(case: Case) -> list[str]:
    return [each["name"] for each in case.operation.definition.raw["parameters"] if each["in"] == "path"]


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int) or (isinstance(value, str) and value.isdigit())


def check_body(case: Case, response: Response) -> None:
    """JSON without what JSON does not have, but for the page."""
    if case.operation.path.endswith("/docs") and response.status_code == 200:
        return
    if response.status_code == 204:
        assert response.content == b""
        return
    assert response.headers["content-type"] == ["application/json"], case.as_curl_command()

    def refuse(token: str) -> None:
        raise AssertionError(f"{token} in the answer to {case.as_curl_command()}")

    json.loads(response.content, parse_constant=refuse)


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize("version", VERSIONS)
def test_no_request_makes_a_version_fail_and_each_operation_can_succeed(world: World, version: str) -> None:
    with world.app.app_context():
        if version in VERSIONS[1:-1] and not is_sqlite():
            pytest.skip("what differs by database is the kernel's: the oldest and the newest version tell")
    furnish(world)
    teach_formats(world)
    found = operations(loaded(world, version), version)
    succeeded: set[str] = set()
    askers = [Asker(world, world.clients[name].headers, succeeded) for name in ("prosumer", "admin")]
    header = world.app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]
    watcher = Asker(world, {header: WATCHER}, succeeded)
    deleting = [operation for operation in found if operation.method.upper() == "DELETE"]
    for operation in [each for each in found if each not in deleting]:
        ask_documented(operation, [*askers, watcher])
    for operation in found:
        if operation in deleting:
            ask_documented(operation, askers)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            ask_anything(operation, mode, askers)
    labels = {operation.label for operation in found if "restoreData" not in operation.path}
    assert labels - succeeded == set(), "no request of these succeeded"
