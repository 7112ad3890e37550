"""`flexmeasures delete`: asks, deletes what it says and nothing else, tells counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.conftest import START

from flexmeasures.db import db, writing
from flexmeasures.models import Sensor, SensorType, Source, User


@pytest.fixture
def with_data(app: Any, battery: Any, panels: Any) -> None:
    """Four measurements and four forecasts of both assets."""
    from flexmeasures import beliefs, sources

    with app.app_context(), writing():
        source = sources.get_source("meter", "script")
        for sensor in (battery, panels):
            for horizon in (timedelta(0), timedelta(hours=6)):
                beliefs.store(sensor, [-1.0] * 4, START, sensor.event_resolution, source, horizon=horizon)


def measured(values: Any, sensor: Any) -> list[float]:
    return [value for value in values(sensor, 4, horizon_at_most=timedelta(0)) if value == value]


def forecast(values: Any, sensor: Any) -> list[float]:
    return [value for value in values(sensor, 4, horizon_at_least=timedelta(hours=1)) if value == value]


@pytest.mark.usefixtures("with_data")
@pytest.mark.contract("22.7")
def test_nothing_is_deleted_unless_the_user_says_yes(run: Any, battery: Any, values: Any) -> None:
    for what in ("measurements", "prognoses", "structure"):
        result = run("delete", what, typed="n\n")
        assert result.exit_code == 1
        assert "[y/N]" in result.output
    assert len(measured(values, battery)) == len(forecast(values, battery)) == 4


@pytest.mark.usefixtures("with_data")
def test_measurements_of_one_asset_go_and_all_else_stays(
    run: Any, battery: Any, panels: Any, values: Any
) -> None:
    result = run("delete", "measurements", "--asset-type", "Asset", "--asset-id", battery.id, typed="y\n")
    assert result.exit_code == 0
    assert "Deleted 4 measurements" in result.output
    assert measured(values, battery) == []
    assert len(forecast(values, battery)) == 4
    assert len(measured(values, panels)) == 4


@pytest.mark.usefixtures("with_data")
@pytest.mark.contract("22.7")
def test_prognoses_go_and_the_queues_are_emptied(
    app: Any, run: Any, battery: Any, panels: Any, values: Any
) -> None:
    from flexmeasures.jobs import counts, enqueue

    app.config["FLEXMEASURES_JOBS"] = ""
    with app.app_context(), writing():
        enqueue("forecast", {}, queue="forecasting")
    result = run("delete", "prognoses", "--asset-type", "asset", "--force")
    assert result.exit_code == 0, result.output
    assert "Deleted 8 prognoses" in result.output
    assert "Cleared 1 jobs from queue forecasting" in result.output
    assert forecast(values, battery) == forecast(values, panels) == []
    assert len(measured(values, battery)) == 4
    with app.app_context():
        assert counts()["forecasting"].get("queued", 0) == 0


def test_an_asset_of_another_kind_is_not_found(run: Any, battery: Any) -> None:
    result = run("delete", "measurements", "--asset-type", "Market", "--asset-id", battery.id, "--force")
    assert result.exit_code == 1
    assert "of kind Market" in result.output


@pytest.mark.usefixtures("with_data")
def test_a_user_goes_with_assets_and_data_but_the_source_stays(
    app: Any, run: Any, prosumer: Any, battery: Any, values: Any
) -> None:
    result = run("delete", "user", "--email", "Prosumer@example.com", typed="y\n")
    assert result.exit_code == 0, result.output
    assert "2 assets and 16 values" in result.output
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(User)) == 0
        assert db.session.scalar(select(func.count()).where(Sensor.kind == "asset")) == 0
        assert db.session.scalar(select(Source.user_id).where(Source.name == "prosumer")) is None


def test_an_unknown_user_is_told(run: Any) -> None:
    result = run("delete", "user", "--email", "nobody@example.com", "--force")
    assert result.exit_code == 1
    assert "nobody@example.com" in result.output


@pytest.mark.usefixtures("with_data")
def test_structure_goes_with_types_users_and_data(app: Any, run: Any) -> None:
    result = run("delete", "structure", "--force")
    assert result.exit_code == 0, result.output
    assert "Deleted 3 sensors" in result.output
    assert "11 types and 1 users" in result.output
    with app.app_context():
        for table in (Sensor, SensorType, User):
            assert db.session.scalar(select(func.count()).select_from(table)) == 0
    assert run("add", "structure").exit_code == 0
