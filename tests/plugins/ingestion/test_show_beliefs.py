"""What is known is shown, and exported to a file that imports again to the same values."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import START

HOUR = timedelta(hours=1)
VALUES = (1.0, -0.25, 0.1 + 0.2, 1e-7, 4.0)


@pytest.fixture
def measured(app: Any, battery: Any) -> Any:
    """The battery with a day of quarter-hours, one unknown, and a forecast six hours ahead by another source."""
    from flexmeasures import beliefs, sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    with app.app_context(), writing():
        asset = db.session.get_one(Asset, battery.id)
        meter = sources.get_source("a meter", "script")
        known = [*VALUES, float("nan"), 2.0]
        beliefs.store(asset, known, START, asset.event_resolution, meter, horizon=timedelta(0))
        ahead = sources.get_source("Seita", "forecasting script", "linear-OLS", "2")
        beliefs.store(asset, [9.0] * 4, START, asset.event_resolution, ahead, horizon=6 * HOUR)
    return battery


def test_the_newest_day_is_shown_with_a_plot(run: Any, measured: Any) -> None:
    told = run("show", "beliefs", "--sensor-id", measured.id)
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert "MW, 6 values, times in UTC" in lines[0]
    assert set(lines[2]) <= set(" ▁▂▃▄▅▆▇█")
    assert lines[3] == "2026-03-01 00:00+0000  1"


def test_a_file_imports_again_to_the_same_values(
    app: Any, run: Any, measured: Any, panels: Any, tmp_path: Any
) -> None:
    from flexmeasures.beliefs import search_one

    file = tmp_path / "out.csv"
    assert run("show", "beliefs", "--sensor-id", measured.id, "--csv", file).exit_code == 0
    words = ("--unit", "MW", "--sign", "consumption-positive", "--source", "again", "--resolution", "PT15M")
    told = run("add", "beliefs", file, "--sensor-id", panels.id, *words)
    assert told.exit_code == 0, told.output
    with app.app_context():
        first, second = (
            search_one(sensor, START, START + 2 * HOUR).values.tolist() for sensor in (measured, panels)
        )
    assert [repr(value) for value in first] == [repr(value) for value in second]


def test_what_was_known_ahead_and_who_said_it_can_be_asked(run: Any, measured: Any) -> None:
    ahead = run("show", "beliefs", "--sensor-id", measured.id, "--horizon", "PT6H", "--json")
    assert [row["value"] for row in json.loads(ahead.output)["values"]] == [9.0] * 4
    said = run("show", "beliefs", "--sensor-id", measured.id, "--source", "linear-OLS", "--csv", "-")
    assert said.output.splitlines()[:2] == ["event_start,value", "2026-03-01T00:00:00+00:00,9.0"]


def test_averages_over_longer_slots(run: Any, measured: Any) -> None:
    told = run("show", "beliefs", "--sensor-id", measured.id, "--resolution", 60, "--json")
    [first, _] = json.loads(told.output)["values"]
    assert first["value"] == pytest.approx(sum(VALUES[:4]) / 4)


def test_what_is_not_there_is_told_with_what_is(run: Any, measured: Any, panels: Any) -> None:
    nobody = run("show", "beliefs", "--sensor-id", measured.id, "--source", "nobody")
    assert (nobody.exit_code, "linear-OLS" in nobody.output) == (1, True)
    nothing = run("show", "beliefs", "--sensor-id", panels.id)
    assert (nothing.exit_code, "Nothing is known" in nothing.output) == (1, True)


def test_sensors_and_assets_are_listed(run: Any, measured: Any) -> None:
    listed = run("show", "sensors")
    assert "my battery" in listed.output
    assert "dummy-tou" in listed.output
    [asset] = json.loads(run("show", "assets", "--json").output)
    assert (asset["name"], asset["type"], asset["capacity_in_mw"]) == ("my battery", "battery", 2.0)
    assert asset["known_until"] == "2026-03-01T01:45:00+00:00"
