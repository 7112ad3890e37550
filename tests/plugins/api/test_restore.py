"""restoreData, on a server in play mode with a database of its own (contract 14.11, D9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flexmeasures.testing import PASSWORD, make_app, temporary_postgresql

if TYPE_CHECKING:
    from flask import Flask

PATHS = ("/api/restoreData", "/api/v2_0/restoreData", "/api/v1_1/restoreData")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A server in play mode with an admin, a prosumer, and the backup "demo_v0"."""
    import flexmeasures_master_data as master_data
    from flexmeasures import auth
    from flexmeasures.db import db, writing
    from flexmeasures_db_ops import backups

    folder = tmp_path_factory.mktemp("play")
    settings: dict[str, Any] = {"FLEXMEASURES_MODE": "play"}
    with temporary_postgresql() if request.param == "postgresql" else nullcontext() as uri:
        if uri is not None:
            settings["SQLALCHEMY_DATABASE_URI"] = uri
        app = make_app(folder, **settings)
        with app.app_context():
            with writing() as session:
                master_data.seed(session)
                auth.create_user("admin", "admin@example.com", PASSWORD, ["admin"])
                auth.create_user("owner", "owner@example.com", PASSWORD, ["Prosumer"])
            backups.save(backups.place_of("demo_v0"))
        yield app
        with app.app_context():
            db.engine.dispose()


def put(app: Flask, path: str, email: str = "admin@example.com", **request: Any) -> Any:
    client = app.test_client()
    asked = {"email": email, "password": PASSWORD}
    token = client.post("/api/requestAuthToken", json=asked).json["auth_token"]  # type: ignore[index]
    return client.put(path, headers={"Authorization": token}, **request)


def sensors(app: Flask) -> list[str]:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Sensor

    with app.app_context():
        return list(db.session.scalars(select(Sensor.name).order_by(Sensor.id)))


def add_sensor(app: Flask, name: str) -> None:
    from datetime import timedelta

    from flexmeasures.db import writing
    from flexmeasures.models import Sensor

    with app.app_context(), writing() as session:
        session.add(Sensor(name=name, event_resolution=timedelta(minutes=15)))


@pytest.mark.contract("14.11", "27.18")
@pytest.mark.parametrize("path", PATHS)
def test_the_data_are_those_of_the_backup_and_users_stay(server: Flask, path: str) -> None:
    for request in ({"json": {"backup": "demo_v0"}}, {"query_string": {"backup": "demo_v0"}}):
        add_sensor(server, "made since")
        answer = put(server, path, **request)
        assert (answer.status_code, answer.json["status"]) == (200, "PROCESSED")
        assert answer.json["message"] == "The data are those of backup demo_v0."
        assert sensors(server) == ["dummy-tou"]


@pytest.mark.contract("14.11")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, "NO_BACKUP"),
        ({"backup": "demo_v1"}, "UNRECOGNIZED_BACKUP"),
        ({"backup": "../play/demo_v0"}, "UNRECOGNIZED_BACKUP"),
        ({"backup": ["demo_v0"]}, "UNRECOGNIZED_BACKUP"),
    ],
)
def test_what_is_no_backup_is_refused_and_nothing_changes(server: Flask, body: Any, status: str) -> None:
    add_sensor(server, "kept")
    answer = put(server, PATHS[0], json=body)
    assert (answer.status_code, answer.json["status"]) == (400, status)
    assert "backup" in answer.json["message"]
    assert sensors(server) == ["dummy-tou", "kept"]
    assert put(server, PATHS[0], json={"backup": "demo_v0"}).status_code == 200


@pytest.mark.contract("14.11")
def test_a_backup_that_lacks_a_file_is_not_recognized(server: Flask) -> None:
    with server.app_context():
        from flexmeasures_db_ops import backups

        place: Path = backups.place_of("torn")
        if not place.exists():
            backups.save(place)
        (place / "sensor.jsonl.gz").unlink(missing_ok=True)
    answer = put(server, PATHS[0], json={"backup": "torn"})
    assert (answer.status_code, answer.json["status"]) == (400, "UNRECOGNIZED_BACKUP")
    assert sensors(server) == ["dummy-tou"]


@pytest.mark.contract("14.11")
def test_it_is_for_admins_and_for_versions_that_are_there(server: Flask) -> None:
    query = {"query_string": {"backup": "demo_v0"}}
    refused = put(server, PATHS[0], "owner@example.com", **query)
    assert (refused.status_code, refused.json["status"]) == (403, "INVALID_SENDER")
    assert server.test_client().put(PATHS[0], **query).status_code == 401  # type: ignore[arg-type]
    assert put(server, "/api/v9/restoreData", **query).status_code == 404


@pytest.mark.contract("14.11", "24.1")
def test_without_play_mode_there_is_no_such_endpoint(app: Flask) -> None:
    for path in PATHS:
        answer = app.test_client().put(path, json={"backup": "demo_v0"})
        assert (answer.status_code, answer.mimetype) == (404, "application/json")
