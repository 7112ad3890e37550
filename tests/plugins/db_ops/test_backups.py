"""Backups bring back what was there, with the same ids, or change nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flexmeasures.errors import InputError, NotFound

if TYPE_CHECKING:
    from flask import Flask

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def in_app(app: Flask) -> Any:
    with app.app_context():
        yield app


@pytest.fixture
def battery(in_app: Any, prosumer: Any) -> Any:
    """A battery of the prosumer with four values, a schedule's job that waits and one that runs."""
    from sqlalchemy import select

    import flexmeasures_master_data as master_data
    from flexmeasures import beliefs, sources
    from flexmeasures.db import writing
    from flexmeasures.models import Job, Market

    with writing() as session:
        fields = {"name": "cellar", "asset_type_name": "battery", "capacity_in_mw": 2, "unit": "MW"}
        place = {"latitude": 52.1, "longitude": 4.9, "event_resolution": 15, "owner_id": prosumer.id}
        market = session.scalar(select(Market.id))
        asset = master_data.create_asset(fields | place | {"market_id": market})
        source = sources.source_of(prosumer)
        beliefs.store(asset, [1.0, 2.0, 3.0, 4.0], START, QUARTER, source, horizon=timedelta(0))
        for state in ("finished", "running"):
            known = {
                "queue": "scheduling",
                "function": "schedule",
                "created_at": START,
                "sensor_id": asset.id,
            }
            session.add(Job(**known, state=state, lease_token="somebody's", worker="w"))
    return asset


def values(sensor: Any) -> list[float]:
    from flexmeasures.beliefs import search_one

    found: list[float] = search_one(sensor, START, START + 4 * QUARTER).values.tolist()
    return found


@pytest.mark.contract("22.9")
def test_a_loaded_backup_is_what_was_saved_with_the_same_ids(battery: Any, tmp_path: Path) -> None:
    from sqlalchemy import select

    from flexmeasures import beliefs, sensors, sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset, Job, Sensor
    from flexmeasures_db_ops import backups

    before = {row.id: (row.kind, row.name) for row in db.session.scalars(select(Sensor))}
    saved = backups.save(tmp_path / "b", data=True)
    assert (saved["belief"] > 4, saved["job"], saved["sensor"]) == (True, 2, len(before))
    with writing():
        beliefs.store(battery, [9.0], START, QUARTER, sources.get_source("x", "script"), horizon=timedelta(0))
        sensors.delete_sensor(db.session.get(Asset, battery.id))  # type: ignore[arg-type]
    loaded = backups.load(tmp_path / "b")
    assert loaded == {name: count for name, count in saved.items() if name != "user"}
    assert {row.id: (row.kind, row.name) for row in db.session.scalars(select(Sensor))} == before
    found = db.session.scalars(select(Asset)).one()
    assert (found.owner.email, found.market.name) == (battery.owner.email, "dummy-tou")
    assert values(found) == [1.0, 2.0, 3.0, 4.0]
    jobs = {job.state: job for job in db.session.scalars(select(Job))}
    assert set(jobs) == {"finished", "queued"}
    assert (jobs["queued"].lease_token, jobs["queued"].attempt) == (None, 0)


def test_without_data_structure_stays_and_values_go(battery: Any, tmp_path: Path) -> None:
    from sqlalchemy import func, select

    from flexmeasures.db import db
    from flexmeasures.models import Asset, Job, belief
    from flexmeasures_db_ops import backups

    backups.save(tmp_path / "b")
    backups.load(tmp_path / "b")
    assert db.session.scalars(select(Asset.id)).all() == [battery.id]
    assert db.session.scalar(select(func.count()).select_from(belief)) == 0
    assert db.session.scalar(select(func.count()).select_from(Job)) == 0


def test_ids_are_never_given_out_twice(battery: Any, prosumer: Any, tmp_path: Path) -> None:
    from sqlalchemy import select

    import flexmeasures_master_data as master_data
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset, Sensor
    from flexmeasures_db_ops import backups

    backups.save(tmp_path / "b")

    def another(name: str) -> int:
        with writing():
            twin = {"name": name, "display_name": name, "asset_type_name": "battery", "capacity_in_mw": 2}
            rest = {
                "latitude": 5,
                "longitude": 5,
                "event_resolution": 15,
                "owner_id": prosumer.id,
                "unit": "MW",
            }
            market = db.session.scalar(select(Sensor.id).where(Sensor.kind == "market"))
            return master_data.create_asset(twin | rest | {"market_id": market}).id

    later = another("later")
    backups.load(tmp_path / "b")
    assert db.session.get(Asset, later) is None
    assert another("newest") > later


@pytest.mark.contract("D9")
def test_an_owner_who_is_not_here_refuses_the_backup_and_nothing_changes(
    battery: Any, prosumer: Any, tmp_path: Path
) -> None:
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset, User
    from flexmeasures_db_ops import backups

    backups.save(tmp_path / "b", data=True)
    with writing() as session:
        user = session.get_one(User, prosumer.id)
        user.email, user.username = "another@example.com", "another"
    with pytest.raises(backups.BadBackup, match=rf"cellar belongs to {prosumer.email}"):
        backups.load(tmp_path / "b")
    assert values(db.session.get(Asset, battery.id)) == [1.0, 2.0, 3.0, 4.0]
    counts = backups.load(tmp_path / "b", users=True)
    assert counts["user"] == 1
    assert db.session.get(Asset, battery.id).owner.email == prosumer.email  # type: ignore[union-attr]


def test_plugins_are_told_of_sensors_that_the_backup_does_not_have(
    battery: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures import sensors
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset
    from flexmeasures.runtime import Runtime
    from flexmeasures_db_ops import backups

    told: list[str] = []
    monkeypatch.setattr(Runtime, "tell", lambda self, hook, **what: told.append(what["sensor"].name))
    with writing():
        sensors.delete_sensor(db.session.get(Asset, battery.id))  # type: ignore[arg-type]
    backups.save(tmp_path / "empty")
    told.clear()
    backups.load(tmp_path / "empty")
    assert told == []
    with writing() as session:
        session.add(Asset(name="new", display_name="new", event_resolution=QUARTER))
    backups.load(tmp_path / "empty")
    assert told == ["new"]


def spoil_missing(folder: Path) -> None:
    (folder / "sensor.jsonl.gz").unlink()


def spoil_json(folder: Path) -> None:
    with gzip.open(folder / "belief.jsonl.gz", "wb") as file:
        file.write(b"{never")


def spoil_gzip(folder: Path) -> None:
    (folder / "belief.jsonl.gz").write_bytes(b"plain")


def spoil_column(folder: Path) -> None:
    with gzip.open(folder / "sensor_type.jsonl.gz", "wb") as file:
        file.write(json.dumps({"id": 1, "flavour": "sweet"}).encode())


def spoil_reference(folder: Path) -> None:
    with gzip.open(folder / "sensor_type.jsonl.gz", "wb") as file:
        file.write(b"")


def spoil_sensor(folder: Path) -> None:
    row = {"sensor_id": 4711, "source_id": 1, "event_start": 0, "horizon": 0, "value": 1.0}
    with gzip.open(folder / "belief.jsonl.gz", "wb") as file:
        file.write(json.dumps(row).encode())


@pytest.mark.parametrize(
    "spoil", [spoil_missing, spoil_json, spoil_gzip, spoil_column, spoil_reference, spoil_sensor]
)
@pytest.mark.contract("14.11")
def test_a_spoilt_backup_is_refused_and_nothing_changes(
    battery: Any, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    from flexmeasures.db import db
    from flexmeasures.models import Asset
    from flexmeasures_db_ops import backups

    backups.save(tmp_path / "b", data=True)
    spoil(tmp_path / "b")
    with pytest.raises(backups.BadBackup):
        backups.load(tmp_path / "b")
    assert values(db.session.get(Asset, battery.id)) == [1.0, 2.0, 3.0, 4.0]


def test_a_backup_is_written_once_and_for_its_owner_only(in_app: Any, tmp_path: Path) -> None:
    from flexmeasures_db_ops import backups

    backups.save(tmp_path / "b")
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="already"):
        backups.save(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("name", ["../etc", "a/b", "", ".hidden", "x" * 101, "a\0", "..", "ä"])
def test_names_that_could_lead_elsewhere_are_refused(in_app: Any, name: str) -> None:
    from flexmeasures_db_ops import backups

    with pytest.raises(NotFound, match="is no name of a backup"):
        backups.place_of(name)


def test_an_unknown_backup_is_told_with_the_known_ones(in_app: Any, tmp_path: Path) -> None:
    from flexmeasures_db_ops import backups

    backups.save(tmp_path / "spring")
    with pytest.raises(NotFound, match="one of spring"):
        backups.load(tmp_path / "autumn")
