"""The tutorial "My home with a dynamic tariff": each of its commands, from an empty folder to plans."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flexmeasures import testing
from flexmeasures.timing import clock

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial_home.md").read_text()
NOW = datetime(2026, 1, 15, 16, 5, tzinfo=UTC)
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.S)
    for line in block.splitlines()
    if line.startswith("$ ")
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An app with an empty database in an empty folder, in which the tutorial's files lie."""
    from flexmeasures_demo.local_services import serving

    for name, text in re.findall(r"```toml\n# (\S+)\n(.*?)```", PAGE, re.S):
        (tmp_path / name).write_text(text)
    lines = ["Date/Time,Energy (kWh)"]
    for k in range(5 * 96):
        start = NOW.replace(hour=0, minute=0) - timedelta(days=4) + k * timedelta(minutes=15)
        sun = max(0.0, 1 - abs(start.hour + start.minute / 60 - 11.5) / 4)
        lines.append(f"{start:%Y-%m-%d %H:%M},{0.3 * sun:.3f}")
    (tmp_path / "inverter.csv").write_text("\n".join(lines[: 96 * 4 + 60]) + "\n")
    monkeypatch.chdir(tmp_path)
    with serving() as address, clock(NOW):
        yield testing.make_app(
            tmp_path / "instance",
            FLEXMEASURES_TIMEZONE="Europe/Amsterdam",
            FLEXMEASURES_ENERGY_CHARTS_URL=address,
            FLEXMEASURES_OPENMETEO_URL=address,
        )


def test_each_command_works_and_the_plans_follow_the_tariff(home: Any) -> None:
    from flexmeasures.cli import cli

    runner = home.test_cli_runner()
    printed = {}
    for command in COMMANDS:
        typed = f"{testing.PASSWORD}\n{testing.PASSWORD}\n" if "add user" in command else None
        result = runner.invoke(cli, shlex.split(command)[1:], input=typed)
        assert result.exit_code == 0, f"{command}: {result.output}"
        printed[command] = result.output
    told = "\n".join(printed.values())
    for said in (
        "480 new prices",
        "Tariff home (ID:3)",
        "(--dry-run)",
        "network, evening: 0.1; hours 17:00-21:00",
    ):
        assert said in told, told
    _plan_and_look(home)


def _plan_and_look(home: Any) -> None:
    """The plans by the page, and what they are."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Asset, StoredSchedule, User

    with home.app_context():
        ids = {asset.name: asset.id for asset in db.session.scalars(select(Asset))}
        anna = db.session.scalars(select(User)).one()
        email = anna.email
    client = home.test_client()
    login = client.post("/login", data={"email": email, "password": testing.PASSWORD})
    assert login.status_code == 302
    target = {"soc": "0.02", "target": "0.05", "target_time": "2026-01-16T07:00"}
    for name, form in (("the car", target), ("battery", {"soc": "0.004"})):
        page = client.post(f"/assets/{ids[name]}/plan", data=form, follow_redirects=True)
        assert "A schedule was asked for" in page.text
        assert "Costs" in page.text or "cost" in page.text
    with home.app_context():
        plans = {row.sensor_id: row for row in db.session.scalars(select(StoredSchedule))}
    car, battery = plans[ids["the car"]], plans[ids["battery"]]
    evening = [k for k in range(96) if 17 <= _local_hour(car.start, k) < 21]
    assert sum(car.values[:56]) / 4 == pytest.approx(0.03)
    assert max(car.values[k] for k in evening) == 0
    assert min(battery.values[k] for k in evening) < 0
    assert battery.price_unit == "EUR/kWh"
    assert max(battery.prices) == pytest.approx(max(car.prices))


def _local_hour(start: datetime, slot: int) -> int:
    from zoneinfo import ZoneInfo

    return (start + slot * timedelta(minutes=15)).astimezone(ZoneInfo("Europe/Amsterdam")).hour
