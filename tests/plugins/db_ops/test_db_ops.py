"""`flexmeasures db-ops`, each on a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flexmeasures.testing import make_app, temporary_postgresql
from flexmeasures_db_ops.cli import db_ops

if TYPE_CHECKING:
    from click.testing import Result
    from flask import Flask

Words = Callable[..., "Result"]


@pytest.fixture(params=["sqlite", "postgresql"])
def own_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An app whose database may be reset, with one user and the standard structure."""
    import flexmeasures_master_data as master_data
    from flexmeasures import auth
    from flexmeasures.db import db, writing

    with temporary_postgresql() if request.param == "postgresql" else nullcontext() as uri:
        app = make_app(tmp_path / "instance", **({} if uri is None else {"SQLALCHEMY_DATABASE_URI": uri}))
        with app.app_context():
            with writing() as session:
                master_data.seed(session)
                auth.create_user("ada", "ada@example.com", "a-secret-of-ada", ["Prosumer"])
            yield app
            db.session.close()
            db.engine.dispose()


@pytest.fixture
def db_op(own_app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Words:
    """Run a command of the group in an empty working directory."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run(*words: str, typed: str | None = None) -> Result:
        result: Result = own_app.test_cli_runner().invoke(db_ops, words, input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return run


def names() -> tuple[list[str], list[str]]:
    """Emails of users, and names of sensors."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Sensor, User

    db.session.rollback()
    return list(db.session.scalars(select(User.email))), list(db.session.scalars(select(Sensor.name)))


@pytest.mark.contract("22.9")
def test_after_save_reset_and_load_all_is_as_before(own_app: Flask, db_op: Words) -> None:
    saved = db_op("save", "--name", "before", "--data")
    assert saved.exit_code == 0
    assert "11 sensor_type, 1 sensor, 2 source" in saved.output
    before = names()
    assert db_op("reset", typed="n\n").exit_code == 1
    assert names() == before
    assert db_op("reset", "--force").exit_code == 0
    assert names() == ([], [])
    loaded = db_op("load", "--name", "before", "--data", typed="y\n")
    assert (loaded.exit_code, names()) == (0, before)
    client = own_app.test_client()
    asked = {"email": "ada@example.com", "password": "a-secret-of-ada"}
    assert client.post("/api/requestAuthToken", json=asked).status_code == 200


def test_a_backup_may_lie_elsewhere(own_app: Flask, db_op: Words, tmp_path: Path) -> None:
    assert db_op("save", "--name", "here", "--dir", str(tmp_path / "else")).exit_code == 0
    assert (tmp_path / "else" / "here" / "sensor.jsonl.gz").exists()
    missing = db_op("load", "--name", "here", "--force")
    assert missing.exit_code == 1
    assert "There is no backup 'here'" in missing.output


@pytest.mark.contract("22.9")
def test_a_dump_brings_back_everything(own_app: Flask, db_op: Words) -> None:
    before = names()
    assert db_op("dump").exit_code == 0
    (file,) = Path.cwd().iterdir()
    kind = own_app.config["SQLALCHEMY_DATABASE_URI"][:6]
    assert file.name.startswith({"sqlite": "sqlitebackup_", "postgr": "pgbackup_"}[kind])
    assert file.stat().st_mode & 0o077 == 0
    assert db_op("reset", "--force").exit_code == 0
    restored = db_op("restore", str(file), "--force")
    assert (restored.exit_code, names()) == (0, before), restored.output


def test_another_file_is_not_restored(own_app: Flask, db_op: Words, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("select 1")
    before = names()
    refused = db_op("restore", str(other), "--force")
    assert refused.exit_code == 1
    assert "is no dump of a" in refused.output
    assert names() == before


def test_the_database_is_not_restored_from_itself(own_app: Flask, db_op: Words) -> None:
    uri = own_app.config["SQLALCHEMY_DATABASE_URI"]
    if not uri.startswith("sqlite"):
        pytest.skip("of a database that is a file")
    refused = db_op("restore", uri.removeprefix("sqlite:///"), "--force")
    assert refused.exit_code == 1
    assert "is the database itself" in refused.output


def test_events_off_the_grid_are_named_and_those_near_a_slot_moved(own_app: Flask, db_op: Words) -> None:
    from sqlalchemy import insert

    from flexmeasures import beliefs, sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Sensor
    from flexmeasures.models.beliefs import belief, belief_quantile

    start = datetime(2026, 3, 1, tzinfo=UTC)
    with writing() as session:
        meter = Sensor(name="meter", event_resolution=timedelta(minutes=15), unit="MW")
        days = Sensor(name="days", event_resolution=timedelta(days=1), unit="MW", timezone="Europe/Amsterdam")
        session.add_all([meter, days])
        session.flush()
        key = {"source_id": sources.get_source("old", "script").id, "horizon": 0}
        for sensor, seconds, value in (
            (meter, 0, 1.0),
            (meter, 3, 2.0),  # stays: its slot has a value
            (meter, 903, 3.0),
            (meter, 2400, 4.0),  # too far
            (days, -3600, 5.0),
            (days, 82800 + 30, 6.0),
        ):
            row = key | {
                "sensor_id": sensor.id,
                "event_start": start + timedelta(seconds=seconds),
                "value": value,
            }
            session.execute(insert(belief), row)
            session.execute(insert(belief_quantile), row | {"probability": 0.5})
    found = db_op("check")
    assert found.exit_code == 1
    for said in (
        "2 events of sensor",
        "start near a slot",
        "--repair",
        "1 events of sensor",
        "too far from any slot",
    ):
        assert said in found.output
    assert "2026-03-01T00:40:00Z between 2026-03-01T00:30:00Z and 2026-03-01T00:45:00Z" in found.output
    repaired = db_op("check", "--repair")
    assert repaired.exit_code == 1
    assert "Moved 1 values of sensor" in repaired.output
    assert "as their slots have values" in repaired.output
    quarters = beliefs.search_one(meter, start + timedelta(minutes=15), start + timedelta(minutes=30))
    assert quarters.values.tolist() == [3.0]
    local = start - timedelta(hours=1)
    assert beliefs.search_one(days, local, local + timedelta(days=2)).values.tolist() == [5.0, 6.0]
    assert beliefs.strays(days) == beliefs.Strays({}, [])
    medians = beliefs.search_quantiles(days, local, local + timedelta(days=2), [0.5])
    assert medians[0.5].values.tolist() == [5.0, 6.0]
    with writing():
        assert beliefs.remove(sensors=[meter.id]) == 4
    assert db_op("check").output.startswith("All events of")
    db.session.commit()
