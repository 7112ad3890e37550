"""The client over a live server, on SQLite and PostgreSQL."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flexmeasures.testing import PASSWORD
from flexmeasures_client import (
    AlreadyStored,
    Client,
    NoSchedule,
    NotAuthenticated,
    RequestRefused,
    ScheduleNotReady,
    Series,
    ServerWarning,
    Target,
    weather_address,
)

if TYPE_CHECKING:
    from flask import Flask
    from tests.client.conftest import Server

    from flexmeasures.models import User

ROOT = Path(__file__).parents[2]
START = datetime(2015, 6, 2, tzinfo=UTC)
HOUR, QUARTER, DAY = timedelta(hours=1), timedelta(minutes=15), timedelta(days=1)
SLOTS: dict[str, Any] = {"start": START, "resolution": QUARTER}


def sources(app: Flask, unit: str) -> int:
    """How many beliefs of users are stored about sensors of a unit."""
    from sqlalchemy import func, select

    from flexmeasures.db import db
    from flexmeasures.models import Sensor, Source, belief

    users = select(Source.id).where(Source.type == "user")
    of_unit = select(Sensor.id).where(Sensor.unit == unit)
    query = select(func.count()).where(belief.c.sensor_id.in_(of_unit), belief.c.source_id.in_(users))
    with app.app_context():
        return int(db.session.scalar(query) or 0)


# -- data --


def test_what_the_server_doubts_is_a_warning(client: Client, address: str) -> None:
    late = SLOTS | {"start": START + timedelta(seconds=3)}
    with pytest.warns(ServerWarning, match="start 2015-06-02T00:00:03Z was moved to 2015-06-02T00:00:00Z"):
        client.post_meter_data(address, [0.5, 1, 0.25, 0], **late)
    assert client.get_meter_data(address, START, START + HOUR).values == [0.5, 1, 0.25, 0]


def test_meter_data_come_back_as_posted(client: Client, address: str) -> None:
    client.post_meter_data(address, [0.5, 1, 0.25, 0], **SLOTS)
    got = client.get_meter_data(address, START, START + HOUR)
    assert got == Series(START, QUARTER, [0.5, 1, 0.25, 0], "MW")
    assert client.get_meter_data(address, START, START + HOUR, resolution=HOUR).values == [0.4375]


def test_a_pandas_series_goes_there_and_back(client: Client, address: str) -> None:
    import pandas as pd

    index = pd.date_range("2015-03-29", periods=92, freq="15min", tz="Europe/Amsterdam")  # a day of 23 hours
    posted = pd.Series(range(92), index=index, dtype=float) / 50
    client.post_meter_data(address, posted)
    start, end = index[0].to_pydatetime(), pd.Timestamp("2015-03-30", tz=index.tz).to_pydatetime()
    got = client.get_meter_data(address, start, end).to_pandas()
    assert list(got) == list(posted)
    assert list(got.index) == list(posted.index)


def test_what_is_not_known_is_none_also_when_nothing_is(client: Client, address: str) -> None:
    client.post_meter_data(address, [1, 2], **SLOTS)
    assert client.get_meter_data(address, START, START + HOUR).values == [1, 2, None, None]
    assert client.get_meter_data(address, START + DAY, START + DAY + HOUR).values == [None] * 4


def test_several_connections_are_answered_by_connection(client: Client, address: str) -> None:
    client.post_meter_data([address], [1, 2, 3, 4], **SLOTS)
    same = address.replace(":", ":5000:", 1)
    got = client.get_meter_data([address, same], START, START + HOUR)
    assert [(name, series.values) for name, series in got.items()] == [
        (address, [1, 2, 3, 4]),
        (same, [1, 2, 3, 4]),
    ]


def test_a_window_that_does_not_lie_on_slots_is_refused_not_misread(client: Client, address: str) -> None:
    client.post_meter_data(address, [1, 2, 3, 4], **SLOTS)
    for start, length in ((10, 10), (10, 30), (0, 20), (5, 15)):
        begin = START + timedelta(minutes=start)
        with pytest.raises(ValueError, match="0:15:00"):
            client.get_meter_data(address, begin, begin + timedelta(minutes=length))


def test_prognoses_are_read_as_known_at_a_time(client: Client, address: str) -> None:
    client.post_prognosis(address, [1, 1, 1, 1], **SLOTS, prior=START - 2 * DAY)
    client.post_prognosis(address, [2, 2, 2, 2], **SLOTS, horizon=timedelta(hours=6))
    assert client.get_prognosis(address, START, START + HOUR).values == [2] * 4
    assert client.get_prognosis(address, START, START + HOUR, prior=START - DAY).values == [1] * 4
    assert client.get_prognosis(address, START, START + HOUR, horizon=DAY).values == [1] * 4


def test_prices_and_weather_are_stored(app: Flask, client: Client, address: str) -> None:
    client.post_prices("epex_da", range(24), start=START, resolution=HOUR)
    client.post_weather(
        weather_address("temperature", 52.37, 4.89), 21.5, unit="°C", start=START, resolution=HOUR
    )
    assert (sources(app, "EUR/MWh"), sources(app, "°C")) == (24, 1)


# -- events and plans --


def test_a_plan_is_there_after_prices_and_a_state_of_charge(client: Client, address: str) -> None:
    client.post_prices("epex_da", [20.0 + hour % 24 for hour in range(72)], start=START, resolution=HOUR)
    event = client.post_soc(address, 1, 500, START, unit="kWh")
    assert event == f"{address}:1:soc"
    assert client.get_device_message(event).duration == 6 * HOUR
    plan = client.wait_for_device_message(event, DAY)
    assert (plan.start, plan.resolution, plan.unit, len(plan)) == (START, QUARTER, "MW", 96)


def test_a_plan_reaches_its_target(client: Client, address: str) -> None:
    client.post_prices("epex_da", [20.0] * 72, start=START, resolution=HOUR)
    event = client.post_soc(address, 1, 1.0, START, targets=[Target(START + 4 * HOUR, 3.0)])
    assert event.endswith(":1:soc-with-targets")
    plan = client.get_device_message(event, 4 * HOUR)
    assert sum(value or 0 for value in plan.values) / 4 == pytest.approx(2.0, abs=1e-6)


def test_the_client_asks_again_until_the_worker_has_made_the_plan(
    app: Flask, server: Server, prosumer: User, address: str
) -> None:
    waits: list[float] = []

    def work(seconds: float) -> None:
        from flexmeasures.jobs import claiming, runner

        waits.append(seconds)
        with app.app_context():
            if len(waits) == 2 and (job := claiming.claim(["scheduling"], "a worker")):
                runner.run(job)

    with Client(server.url, prosumer.email, PASSWORD, wait=work) as client:
        client.post_prices("epex_da", [20.0] * 72, start=START, resolution=HOUR)
        app.config["FLEXMEASURES_JOBS"] = ""
        event = client.post_soc(address, 1, 1.0, START)
        with pytest.raises(ScheduleNotReady):
            client.wait_for_device_message(event, patience=timedelta(0))
        assert len(client.wait_for_device_message(event, every=timedelta(seconds=3))) == 24
    assert waits == [3, 3]


def test_a_job_that_failed_is_told_at_once(client: Client, address: str, waits: list[float]) -> None:
    event = client.post_soc(address, 1, 1.0, START)  # without prices
    with pytest.raises(NoSchedule, match=r"(?i)prices unknown"):
        client.wait_for_device_message(event)
    assert waits == []


# -- assets --


def test_an_admin_adds_changes_and_deletes_an_asset(
    server: Server, client: Client, admin: User, address: str
) -> None:
    battery = client.get_asset(int(address.rpartition(":")[2]))
    new = {
        key: battery[key] for key in ("asset_type_name", "unit", "owner_id", "market_id", "event_resolution")
    }
    with Client(server.url, admin.email, PASSWORD) as theirs:
        made = theirs.create_asset(name="Second", capacity_in_mw=1, latitude=0, longitude=0, **new)
        assert theirs.update_asset(made["id"], capacity_in_mw=3)["capacity_in_mw"] == 3
        assert [asset["name"] for asset in client.list_assets()] == ["Second", "battery"]
        assert theirs.list_assets(owner_id=admin.id) == []
        theirs.delete_asset(made["id"])
    assert [connection.name for connection in client.connections()] == ["Battery"]
    with pytest.raises(RequestRefused) as refused:
        client.create_asset(name="Third")
    assert (refused.value.http, refused.value.status) == (403, "INVALID_SENDER")


# -- refusals --


def test_a_refusal_carries_status_and_message(client: Client, address: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        client.post_prices("epex_da", [1.0], unit="KRW/kWh", start=START, resolution=HOUR)
    assert (refused.value.http, refused.value.status) == (400, "INVALID_UNIT")
    assert "EUR/MWh" in refused.value.message
    assert "INVALID_UNIT" in str(refused.value)


def test_what_is_stored_already_is_an_exception_of_its_own(client: Client, address: str) -> None:
    client.post_meter_data(address, [1, 2], **SLOTS, horizon=timedelta(0))
    with pytest.raises(AlreadyStored) as refused:
        client.post_meter_data(address, [3, 4], **SLOTS, horizon=timedelta(0))
    assert not refused.value.repeated


@pytest.mark.parametrize("email", ["prosumer@example.com", "nobody@example.com"])
def test_wrong_credentials_are_not_authenticated(server: Server, prosumer: User, email: str) -> None:
    with Client(server.url, email, "wrong") as client, pytest.raises(NotAuthenticated):
        client.connections()


# -- the example, and what the package needs --


def test_the_example_prints_a_plan(
    server: Server, prosumer: User, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("plan_a_battery", ROOT / "examples" / "plan_a_battery.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.main(server.url, prosumer.email, PASSWORD, "Battery", "epex_da")
    lines = capsys.readouterr().out.splitlines()
    assert any(float(line.split()[2]) > 0 for line in lines)
    assert any(float(line.split()[2]) < 0 for line in lines)


def test_the_package_imports_neither_the_server_nor_pandas() -> None:
    code = "import sys, flexmeasures_client; print({'flexmeasures', 'pandas', 'flask'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
