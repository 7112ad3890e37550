"""`flexmeasures add charging-sessions`: what was charged, planned anew, beside charging at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from flexmeasures import beliefs, sources
from flexmeasures.db import db, writing
from flexmeasures.models import Asset, Market, SensorType, StoredSchedule

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
FILE = """Created,Finished,Loadpoint,Energy (kWh)
2026-03-01 01:00,2026-03-01 05:00,Garage,11
2026-03-01 08:50,2026-03-01 09:40,Garage,3
2026-03-01 12:30,2026-03-01 15:10,Garage,40
2026-03-01 12:00,2026-03-01 16:00,Street,5
"""
# By hour. The first session is cheapest from 03:00 on; at once would be at 01:00.
PRICES = [50.0, 60.0, 30.0, 10.0, 40.0] + [50.0] * 19


@pytest.fixture
def point(app: Any, prosumer: Any) -> int:
    with app.app_context(), writing() as session:
        market = Market(name="day_ahead", display_name="Day ahead", unit="EUR/MWh", event_resolution=HOUR)
        kind = session.scalars(select(SensorType).where(SensorType.name == "one-way_evse")).one()
        asset = Asset(
            name="garage",
            display_name="Garage",
            unit="MW",
            event_resolution=HOUR,
            type=kind,
            market=market,
            capacity_in_mw=0.011,
            min_soc_in_mwh=0.0,
            max_soc_in_mwh=0.1,
            owner_id=prosumer.id,
        )
        session.add(asset)
        session.flush()
        source = sources.get_source("exchange", "script")
        beliefs.store(market, PRICES, START, HOUR, source, horizon=timedelta(days=2))
        return asset.id


def add(run: Any, tmp_path: Any, point: int, *words: str, content: str = FILE) -> Any:
    path = tmp_path / "sessions.csv"
    path.write_text(content)
    return run("add", "charging-sessions", str(path), "--asset-id", str(point), *words)


def test_each_session_is_charged_in_its_cheapest_hours(app: Any, run: Any, tmp_path: Any, point: int) -> None:
    told = add(run, tmp_path, point, "--timezone", "UTC", "--where", "Loadpoint=Garage", "--json")
    assert told.exit_code == 0, told.output
    result = json.loads(told.stdout)
    assert result["plans"] == 2
    assert result["too_short"] == ["line 3"]
    assert result["short"] == ["line 4"]  # 40 kWh do not fit into two whole hours of 11 kW
    assert result["energy"] == pytest.approx(0.011 + 0.022)
    assert result["cost"] == pytest.approx(0.011 * 10 + 0.022 * 50)
    assert result["baseline"] == pytest.approx(0.011 * 60 + 0.022 * 50)
    with app.app_context():
        asset = db.session.get_one(Asset, point)
        found = beliefs.search_one(asset, START + HOUR, START + 5 * HOUR).values
        assert found.tolist() == pytest.approx([0.0, 0.0, 0.011, 0.0])
        assert db.session.scalar(select(func.count(StoredSchedule.id))) == 2


def test_people_are_told_what_was_saved_and_what_did_not_fit(run: Any, tmp_path: Any, point: int) -> None:
    told = add(run, tmp_path, point, "--timezone", "UTC", "--where", "Loadpoint=Garage")
    assert "2 schedules stored, of 0.033 MWh" in told.output
    assert "31.2%" in told.output
    assert "1 sessions (line 4) could not be given all of their energy" in told.output
    assert "1 sessions (line 3) have no whole slot" in told.output


@pytest.mark.parametrize(
    ("words", "content", "says"),
    [
        (("--timezone", "UTC"), FILE, "line 5 and line 4 are about the same time"),
        ((), FILE, "--timezone"),
        (("--timezone", "UTC", "--unit", "kW"), FILE, "no energy"),
        (("--timezone", "UTC"), FILE.replace(",11", ",-11"), "line 2: the energy is negative"),
        (
            ("--timezone", "UTC"),
            "Start,End,Energy (kWh)\n2026-03-01 01:00,2026-03-01 03:00,0\n",
            "no session",
        ),
        (("--timezone", "UTC", "--unit", "kWh"), "time,value\n2026-03-01 01:00,1\n", "have no ends"),
        (("--timezone", "UTC"), FILE.replace("2026-03", "2027-03"), "--horizon PT13H"),
    ],
)
def test_what_is_no_list_of_sessions_is_refused(
    words: tuple[str, ...], content: str, says: str, app: Any, run: Any, tmp_path: Any, point: int
) -> None:
    if "2027" in content:
        words = (*words, "--where", "Loadpoint=Garage")
    told = add(run, tmp_path, point, *words, content=content)
    assert told.exit_code == 1, told.output
    assert says in told.output
    with app.app_context():
        assert db.session.scalar(select(func.count(StoredSchedule.id))) == 0
