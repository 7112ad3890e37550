"""`flexmeasures demo` does what it promises: run twice in one folder, in surroundings that must not matter."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from urllib.request import urlopen

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

from flexmeasures import beliefs
from flexmeasures.app import create
from flexmeasures.db import db
from flexmeasures.models.jobs import Job
from flexmeasures.models.sensors import Asset, Sensor

PACKAGE = Path(__file__).parents[2] / "plugins" / "demo" / "flexmeasures_demo"
PRESENT = datetime(2017, 6, 28, 14, tzinfo=UTC)
SLOT = 0.25  # hours
EVALUATED = 8  # days


@dataclass(frozen=True)
class Device:
    """What the demo says of a device, in MW and MWh: limits of power and of stock, start, target by slot."""

    low: float
    high: float
    empty: float
    full: float
    start: float
    target: tuple[int, float] | None = None


DEVICES = {
    "battery": Device(-0.5, 0.5, 0.1, 1.9, 1.0),
    # The maximum of a charging station is its highest target (contract 16.4); 5:00 is the end of slot 59.
    "one-way_evse": Device(0.0, 0.15, 0.0, 0.6, 0.12, (59, 0.6)),
}


@dataclass(frozen=True)
class Run:
    """One run of the demo: its process id, folder, output, and the result read from it."""

    pid: int
    instance: Path
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """Standard output as JSON."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


def start(instance: Path, home: Path, *options: str) -> subprocess.Popen[str]:
    """Start the demo where environment and home name databases and Redis servers that do not exist."""
    nowhere = "postgresql://nobody@127.0.0.1:1/nowhere"
    (home / ".flexmeasures.cfg").write_text(
        f"SQLALCHEMY_DATABASE_URI = {nowhere!r}\nFLEXMEASURES_REDIS_PORT = 1\n"
    )
    surroundings = os.environ | {
        "HOME": str(home),
        "SQLALCHEMY_DATABASE_URI": nowhere,
        "FLEXMEASURES_REDIS_URL": "127.0.0.1",
        "FLEXMEASURES_REDIS_PORT": "1",
        "FLEXMEASURES_INSTANCE": str(home / "another-instance"),
        "FLASK_ENV": "production",
    }
    return subprocess.Popen(
        [
            Path(sys.executable).parent / "flexmeasures",
            "demo",
            "--json",
            "--instance",
            str(instance),
            *options,
        ],
        env=surroundings,
        # Who runs the tests in the background of a shell ignores interrupts, and its children would as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Run:
    """The demo, run once with --no-serve."""
    instance = tmp_path_factory.mktemp("demo") / "instance"
    process = start(instance, home, "--no-serve")
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    return Run(process.pid, instance, stdout, stderr)


@pytest.fixture
def demo_app(demo: Run) -> Iterator[Flask]:
    """An app on the instance that the demo made."""
    app = create("development", instance=demo.instance)
    with app.app_context():
        yield app
        db.session.close()
        db.engine.dispose()


def schedules(demo: Run) -> list[dict[str, Any]]:
    return list(demo.result["schedules"])


@pytest.fixture(params=list(DEVICES))
def schedule(demo: Run, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The schedule of each device."""
    (found,) = (row for row in schedules(demo) if row["asset_type"] == request.param)
    return found


# -- output --------------------------------------------------------------------------------------------


def test_standard_output_is_one_line_of_json_with_the_promised_keys(demo: Run) -> None:
    assert demo.stdout.count("\n") == 1
    result = demo.result
    assert set(result) == {"steps", "accuracy", "schedules", "incoming"}
    assert all(set(row) == {"name", "seconds"} for row in result["steps"])
    keys = {"sensor", "kind", "horizon", "one_minus_wape", "naive", "n"}
    assert all(set(row) == keys for row in result["accuracy"])
    keys = {
        "asset",
        "asset_type",
        "start",
        "resolution",
        "unit",
        "values",
        "prices",
        "soc",
        "soc_unit",
        "cost",
    }
    keys |= {"baseline", "baseline_cost", "currency", "algorithm", "because"}
    assert all(set(row) == keys for row in result["schedules"])


def test_weather_and_prices_come_in_by_themselves(demo: Any) -> None:
    brought = {row["job"]: (row["source"], row["result"]) for row in demo.result["incoming"]}
    source, weather = brought["import weather"]
    assert (source, weather["places"]) == ("Open-Meteo", 1)
    assert weather["values"] > 3 * 48
    source, prices = brought["import prices"]
    assert (source, prices["zones"]) == ("Energy-Charts", 1)
    assert prices["values"] == 2 * 96


def test_folder_credentials_and_progress_go_to_standard_error(demo: Run) -> None:
    assert f"Instance: {demo.instance}" in demo.stderr
    assert re.search(r"admin: admin@\S+, password \S{12}\n", demo.stderr)
    assert re.search(r"Prosumer: prosumer@\S+, password \S{12}\n", demo.stderr)
    for step in demo.result["steps"]:
        assert f"{step['name']} ..." in demo.stderr
    assert "Traceback" not in demo.stderr


def test_nothing_of_the_surroundings_is_used(demo: Run, home: Path) -> None:
    assert (demo.instance / "flexmeasures.db").stat().st_size > 0
    assert sorted(path.name for path in home.iterdir()) == [".flexmeasures.cfg"]


# -- forecasts -----------------------------------------------------------------------------------------


def test_each_kind_is_forecast_at_each_horizon_for_a_week_or_more(demo: Run) -> None:
    rows = demo.result["accuracy"]
    expected = {
        (kind, at) for kind in ("load", "PV", "wind", "price") for at in ("PT1H", "PT6H", "P1D", "P2D")
    }
    assert {(row["kind"], row["horizon"]) for row in rows} == expected
    assert len(rows) == len(expected)
    assert all(row["n"] >= 168 for row in rows)
    assert all(row["one_minus_wape"] < 1 for row in rows)


@pytest.mark.parametrize("kind", ["load", "PV"])
def test_load_and_pv_beat_the_naive_forecast_a_day_ahead(demo: Run, kind: str) -> None:
    (row,) = (row for row in demo.result["accuracy"] if (row["kind"], row["horizon"]) == (kind, "P1D"))
    assert row["one_minus_wape"] > row["naive"]


def test_accuracy_is_that_of_the_stored_forecasts(demo: Run, demo_app: Flask) -> None:
    row = next(row for row in demo.result["accuracy"] if (row["kind"], row["horizon"]) == ("load", "P1D"))
    sensor = db.session.scalars(select(Sensor).where(Sensor.name == row["sensor"])).one()
    day, window = timedelta(days=1), (PRESENT - timedelta(days=EVALUATED), PRESENT)
    forecast = beliefs.search_one(sensor, *window, horizon_at_least=day, horizon_at_most=day)
    with gzip.open(PACKAGE / "data" / "home.csv.gz", "rt") as lines:
        load = {
            datetime.fromisoformat(line["event_start"]): float(line["load_kw"]) / 1000
            for line in csv.DictReader(lines)
        }
    hours = [PRESENT - timedelta(hours=hour) for hour in range(EVALUATED * 24, 0, -1)]
    truth, naive = (np.array([load[hour - back] for hour in hours]) for back in (timedelta(0), day))
    scale = np.abs(truth).sum()
    assert row["one_minus_wape"] == pytest.approx(1 - np.abs(truth - forecast.values).sum() / scale)
    assert row["naive"] == pytest.approx(1 - np.abs(truth - naive).sum() / scale)


def test_consumption_is_stored_positive_and_production_negative(demo_app: Flask) -> None:
    for asset in db.session.scalars(select(Asset).where(Asset.capacity_in_mw.is_not(None))):
        window = (PRESENT - timedelta(days=120), PRESENT)
        values = beliefs.search_one(asset, *window, horizon_at_most=timedelta(0)).values
        values = values[np.isfinite(values)]
        if asset.type_name == "building":
            assert len(values) > 2000
            assert values.min() >= 0
        elif asset.type_name in ("solar", "wind"):
            assert len(values) > 2000
            assert values.max() <= 0
        assert np.abs(values).max(initial=0) <= asset.capacity_in_mw


# -- schedules -----------------------------------------------------------------------------------------


def test_battery_and_charging_station_are_scheduled_for_48_hours(schedule: dict[str, Any]) -> None:
    assert datetime.fromisoformat(schedule["start"]) == PRESENT
    units = (schedule["resolution"], schedule["unit"], schedule["soc_unit"], schedule["currency"])
    assert units == ("PT15M", "MW", "MWh", "EUR")
    assert {len(schedule[key]) for key in ("values", "prices", "soc", "baseline")} == {192}
    assert (schedule["algorithm"], bool(schedule["because"])) == ("storage", True)


def test_schedules_respect_limits_and_targets(schedule: dict[str, Any]) -> None:
    device = DEVICES[schedule["asset_type"]]
    values = np.array(schedule["values"])
    soc = device.start + SLOT * np.cumsum(values)
    np.testing.assert_allclose(schedule["soc"], soc, atol=1e-6)
    assert values.min() >= device.low - 1e-9
    assert values.max() <= device.high + 1e-9
    assert soc.min() >= device.empty - 1e-6
    assert soc.max() <= device.full + 1e-6
    if device.target is not None:
        slot, wanted = device.target
        assert soc[slot] == pytest.approx(wanted, rel=1e-5)


def test_cost_is_the_sum_of_power_times_price(schedule: dict[str, Any]) -> None:
    for values, cost in (("values", "cost"), ("baseline", "baseline_cost")):
        recomputed = SLOT * np.dot(schedule[values], schedule["prices"])
        assert schedule[cost] == pytest.approx(recomputed, abs=1e-6)


def test_the_cost_is_that_of_an_independent_solver(schedule: dict[str, Any]) -> None:
    from scipy.optimize import linprog

    device = DEVICES[schedule["asset_type"]]
    prices = np.array(schedule["prices"])
    n = len(prices)
    weights = SLOT * prices  # the preference for sooner costs nothing: decision D14
    stock = SLOT * np.tril(np.ones((n, n)))
    target = None if device.target is None else stock[[device.target[0]]]
    found = linprog(
        weights,
        A_ub=np.vstack([stock, -stock]),
        b_ub=np.concatenate(
            [np.full(n, device.full - device.start), np.full(n, device.start - device.empty)]
        ),
        A_eq=target,
        b_eq=None if device.target is None else [device.target[1] - device.start],
        bounds=[(device.low, device.high)] * n,
        method="highs",
    )
    assert found.status == 0
    assert abs(weights @ schedule["values"] - found.fun) <= 1e-6 * max(1.0, abs(schedule["cost"]))


def test_the_battery_earns_against_doing_nothing(demo: Run) -> None:
    (battery,) = (row for row in schedules(demo) if row["asset_type"] == "battery")
    assert battery["cost"] < 0
    assert battery["baseline"] == [0.0] * 192
    assert battery["baseline_cost"] == 0


def test_the_charging_station_costs_less_than_charging_at_once(demo: Run) -> None:
    (station,) = (row for row in schedules(demo) if row["asset_type"] == "one-way_evse")
    full_slots, rest = divmod(0.6 - 0.12, 0.15 * SLOT)
    baseline = [0.15] * int(full_slots) + [rest / SLOT]
    np.testing.assert_allclose(station["baseline"], baseline + [0.0] * (192 - len(baseline)), atol=1e-9)
    assert station["cost"] < station["baseline_cost"]


def test_prices_are_the_published_ones_and_then_our_forecasts(demo: Run, demo_app: Flask) -> None:
    with gzip.open(PACKAGE / "data" / "price.csv.gz", "rt") as lines:
        rows = [row for row in csv.DictReader(lines) if datetime.fromisoformat(row["event_start"]) >= PRESENT]
    published = np.repeat([float(row["price_eur_mwh"]) for row in rows], 4)
    prices = schedules(demo)[0]["prices"]
    assert len(published) == 4 * 32
    assert prices[:128] == published.tolist()
    market = db.session.scalars(select(Sensor).where(Sensor.name == "epex_da")).one()
    window = (PRESENT + timedelta(hours=32), PRESENT + timedelta(hours=48))
    forecast = beliefs.search_one(market, *window, source_types=["forecasting script"])
    assert prices[128:] == np.repeat(forecast.values, 4).tolist()


def test_worker_processes_made_the_schedules_and_are_gone(demo: Run, demo_app: Flask) -> None:
    jobs = db.session.scalars(select(Job)).all()
    imports = ("import prices", "import weather")
    assert sorted(job.function for job in jobs) == [*imports, "schedule", "schedule"]
    assert {job.state for job in jobs} == {"finished"}
    for job in jobs:
        assert job.worker is not None
        worker = int(job.worker.rpartition(":")[2])
        assert worker != demo.pid
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


# -- the folder, the pages, the data -------------------------------------------------------------------


def await_line(stream: IO[str], pattern: str) -> re.Match[str]:
    """The first line in which the pattern is found."""
    for line in stream:
        found = re.search(pattern, line)
        if found is not None:
            return found
    raise AssertionError(f"The demo ended without printing {pattern!r}.")


def test_again_in_its_own_folder_it_gives_the_same_and_serves_pages_until_interrupted(
    demo: Run, home: Path
) -> None:
    process = start(demo.instance, home)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        address = await_line(process.stderr, r"Look at it: (http://127\.0\.0\.1:\d+) ")[1]
        with urlopen(f"{address}/login", timeout=10) as page:
            assert page.status == 200
            assert "password" in page.read().decode()
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=90)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    again = json.loads(stdout)
    for row, before in zip(again["schedules"], schedules(demo), strict=True):
        np.testing.assert_allclose(row["values"], before["values"], atol=1e-9)
    assert [row["n"] for row in again["accuracy"]] == [row["n"] for row in demo.result["accuracy"]]


def test_a_folder_of_somebody_else_is_refused_in_one_line(tmp_path: Path, home: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    process = start(tmp_path, home, "--no-serve")
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stdout == ""
    assert "holds what the demo did not make (thesis.txt)" in stderr
    assert "Traceback" not in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_shipped_data_are_small_and_their_licences_lie_beside_them() -> None:
    files = sorted((PACKAGE / "data").iterdir())
    assert sum(path.stat().st_size for path in files) < 1_500_000
    licences = (PACKAGE / "data" / "LICENCES.md").read_text()
    sections = {section.split("\n", 1)[0]: section for section in licences.split("\n## ")[1:]}
    assert set(sections) == {path.name for path in files if path.suffix == ".gz"}
    for section in sections.values():
        for word in ("- Origin:", "- Licence:", "- Changed:"):
            assert word in section
