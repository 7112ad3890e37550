"""`flexmeasures add`: structure, users, markets, weather sensors, assets."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import func, select

from flexmeasures.db import db
from flexmeasures.models import Asset, Market, SensorType, Source, User, WeatherSensor

ASSET = (
    *("add", "asset", "--name", "my basement battery pack", "--asset-type-name", "battery"),
    *("--capacity-in-MW", 30, "--event-resolution", 2, "--latitude", 65, "--longitude", 123.76),
)


def one(app: Any, query: Any) -> Any:
    with app.app_context():
        return db.session.scalar(query)


@pytest.mark.contract("22.1", "21.6")
def test_structure_can_be_added_twice_and_tells_counts(app: Any, run: Any) -> None:
    first, second = run("add", "structure"), run("add", "structure")
    assert first.exit_code == second.exit_code == 0
    assert "6 asset types" in second.output
    assert "3 weather sensor types" in second.output
    assert "2 market types" in second.output
    assert "1 market\n" in second.output
    assert one(app, select(func.count()).select_from(SensorType)) == 11


@pytest.mark.contract("22.2", "13.6")
def test_a_user_is_added_with_password_roles_and_data_source(app: Any, run: Any) -> None:
    result = run(
        *("add", "user", "--username", "ada", "--email", "ada@example.com", "--roles", "admin,Prosumer"),
        typed="secret-of-ada\nsecret-of-ada\n",
    )
    assert result.exit_code == 0, result.output
    user = one(app, select(User).where(User.username == "ada"))
    assert f"(ID:{user.id})" in result.output
    assert "secret" not in result.output
    assert user.role_names == {"admin", "Prosumer"}
    assert one(app, select(Source.name).where(Source.user_id == user.id)) == "ada"
    client = app.test_client()
    answer = client.post(
        "/api/requestAuthToken", json={"email": "ada@example.com", "password": "secret-of-ada"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("changes", "typed", "said"),
    [
        ({}, "one-password\nanother\n", "do not match"),
        ({"--timezone": "Mars/Olympus"}, "x\nx\n", "Mars/Olympus"),
        ({"--email": "no-address"}, "secret-1\nsecret-1\n", "no-address"),
        ({"--email": "prosumer@example.com"}, "secret-1\nsecret-1\n", "taken"),
        ({"--username": "prosumer"}, "secret-1\nsecret-1\n", "taken"),
    ],
)
@pytest.mark.contract("22.2", "22.11")
def test_a_wrong_user_is_refused_and_not_stored(
    app: Any, run: Any, prosumer: Any, changes: dict[str, str], typed: str, said: str
) -> None:
    options = {"--username": "ada", "--email": "ada@example.com"} | changes
    result = run("add", "user", *(word for pair in options.items() for word in pair), typed=typed)
    assert result.exit_code == 1
    assert said in result.output
    assert one(app, select(func.count()).select_from(User)) == 1


@pytest.mark.contract("22.3", "22.4", "27.19")
def test_the_quickstart_commands_add_a_weather_sensor_and_an_asset(app: Any, run: Any, admin: Any) -> None:
    weather = run(
        *("add", "weather-sensor", "--name", "my rooftop thermometer"),
        *("--weather-sensor-type-name", "temperature", "--unit", "°C", "--event-resolution", 15),
        *("--latitude", 33, "--longitude", 2.4),
    )
    assert weather.exit_code == 0, weather.output
    sensor = one(app, select(WeatherSensor))
    assert sensor.name == "my_rooftop_thermometer"
    assert f"(ID:{sensor.id})" in weather.output

    result = run(*ASSET, "--owner-id", admin.id)
    assert result.exit_code == 0, result.output
    asset = one(app, select(Asset))
    assert f"(ID:{asset.id})" in result.output
    assert re.search(rf"ea1\.\d{{4}}-\d\d\.localhost:{admin.id}:{asset.id}\b", result.output)
    assert one(app, select(Market.name).where(Market.id == asset.market_id)) == "dummy-tou"


def test_all_wrong_fields_of_an_asset_are_named_at_once(app: Any, run: Any) -> None:
    result = run(*ASSET, "--owner-id", 99, "--min-soc-in-MWh", -1, "--timezone", "Nowhere")
    assert result.exit_code == 1
    for option in ("--owner", "--min-soc-in-mwh", "--timezone"):
        assert option in result.output
    assert one(app, select(func.count()).select_from(Asset)) == 0


def test_a_taken_name_of_an_asset_is_told(run: Any, admin: Any) -> None:
    assert run(*ASSET, "--owner-id", admin.id).exit_code == 0
    again = run(*ASSET, "--owner-id", admin.id)
    assert again.exit_code == 1
    assert "--name: An asset with the name" in again.output


def test_forecasts_that_cannot_be_made_are_told_with_what_is_missing(run: Any, app: Any, admin: Any) -> None:
    app.config["FLEXMEASURES_TIMEZONE"] = "Asia/Seoul"
    assert run(*ASSET, "--owner-id", admin.id, "--event-resolution", 60).exit_code == 0
    result = run(
        *("add", "forecasts", "--asset-type", "asset", "--horizon", 24),
        *("--from-date", "2026-03-01", "--to-date", "2026-03-01"),
    )
    assert result.exit_code == 0, result.output
    assert "Forecasts of 2026-03-01 00:00+09:00 to 2026-03-02 00:00+09:00" in result.output
    assert "P1D ahead: no forecasts. 24 of 24 events" in result.output
    assert "Send older values of this sensor" in result.output


@pytest.mark.contract("22.3")
def test_an_asset_without_market_needs_the_dummy_market(app: Any, run: Any, admin: Any) -> None:
    assert run("delete", "structure", "--force").exit_code == 0
    result = run(*ASSET, "--owner-id", admin.id)
    assert result.exit_code == 1
    assert "flexmeasures add structure" in result.output


@pytest.mark.contract("21.8")
def test_a_market_is_added_and_a_second_of_its_name_refused(app: Any, run: Any) -> None:
    words = ("add", "market", "--name", "EPEX DA", "--market-type-name", "day_ahead")
    result = run(*words, "--unit", "EUR/MWh", "--event-resolution", 60)
    assert result.exit_code == 0, result.output
    market = one(app, select(Market).where(Market.name == "epex_da"))
    assert f"(ID:{market.id})" in result.output
    again = run(*words, "--unit", "EUR/MWh", "--event-resolution", 60)
    assert again.exit_code == 1
    assert "--name" in again.output


def test_command_modules_import_nothing_heavier_than_click() -> None:
    code = (
        "import sys, flexmeasures_master_data.cli.add, flexmeasures_master_data.cli.delete, flexmeasures.cli.jobs;"
        "print([name for name in ('flask', 'sqlalchemy', 'numpy', 'rich', 'marshmallow') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize("old", [("delete", "forecasts", "--force"), ("jobs", "run_worker", "--burst")])
@pytest.mark.contract("27.16")
def test_old_spellings_of_commands_still_work(run: Any, old: tuple[str, ...]) -> None:
    assert run(*old).exit_code == 0
