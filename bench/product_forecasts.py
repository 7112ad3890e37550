"""How well forecasts are made as a user gets them: files imported, weather beside, stored forecasts scored.

`python bench/product_forecasts.py [SET ...]` prints 1 - WAPE at 1, 6, 24 and 48 hours, of linear-OLS and of auto (which
chooses among all, gbm too), beside what the direct call of linear-OLS in `forecasting.py` gives on the same events. The
command may be 0.3 points below: it lets each event know its history up to its horizon, hour by hour, and the direct
call asks all events at once.

`--jobs [SET ...]` compares what jobs store, asked for by every hour of new data over a week, with what the command
stores of the same events: a difference above 0.3 points is a failure.

`--docs` measures linear-OLS on all sets and writes the table of docs/howto/forecasts.md.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from common import HERE, missing, row
from forecast_sets import DATA, HORIZONS, HOUR, SETS, BenchSet, read
from forecasting import scores

from flexmeasures.timeseries import TimeSeries

COMMAND = str(Path(sys.executable).with_name("flexmeasures"))
NEAR = 0.3  # points
DAY, WEEK = 24, 168  # hours
Stored = dict[tuple[timedelta, datetime], float]  # forecasts by horizon and start of the event
FORECASTERS = ("linear-OLS", "auto")
PASSWORD = "a-password-of-ada"
WEATHER_UNITS = {"temperature": "°C", "radiation": "W/m²", "wind_speed": "m/s"}
DOCS = HERE.parent / "docs" / "howto" / "forecasts.md"
BEGIN, END = "<!-- Figures of bench/product_forecasts.py --docs -->", "<!-- End of these figures -->"
TITLES = {
    "household_fr_2024": "load of a household in France",
    "home_fontana_a": "load of a home in California, with the temperature that came",
    "substation_nl_287": "load of a Dutch substation, with weather forecasts",
    "ev_norway_load": "charge points of apartment buildings in Norway",
    "solar_pvdaq50 (perfect weather)": "panels in Colorado, with the radiation that came",
    "solar_pvdaq50 (no weather)": "the same without any weather",
    "wind_gefcom_a": "a wind farm, with weather forecasts for the next 48 hours",
    "wind_offshore_de": "all German offshore wind, without weather",
    "price_nordpool": "day-ahead prices of Nord Pool",
    "price_de": "day-ahead prices in Germany",
}
ISSUED = {"wind_gefcom_a": "wind_gefcom_a_nwp"}  # sets whose weather was forecast again and again


@dataclass
class Instance:
    """An instance in a folder, used by commands only."""

    folder: Path

    def run(self, *words: object, typed: str = "") -> str:
        """What a command prints; RuntimeError when it fails."""
        settings = {"FLEXMEASURES_INSTANCE": str(self.folder), "FLEXMEASURES_TIMEZONE": "UTC"}
        command = [COMMAND, *map(str, words)]
        done = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, check=False, input=typed
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def add(self, kind: str, name: str, *words: object) -> int:
        """The id of a new sensor."""
        told = self.run("add", kind, "--name", name, *words)
        return int(told.partition("ID:")[2].partition(")")[0])

    def import_(self, sensor: int, series: TimeSeries, unit: str, horizon: str, *words: object) -> None:
        """Import a series from a file."""
        path = self.folder / "import.csv"
        with path.open("w") as file:
            writer = csv.writer(file)
            writer.writerow(["start", "value"])
            known = np.flatnonzero(np.isfinite(series.values))
            writer.writerows(((series.start + int(k) * HOUR).isoformat(), series.values[k]) for k in known)
        self.run(
            *("add", "beliefs", path, "--sensor-id", sensor, "--unit", unit, "--source", "bench"),
            *("--horizon", horizon, "--resolution", "PT1H", *words),
        )


def prepare(instance: Instance, of: BenchSet) -> int:
    """Import a set as a user would; the id of its sensor."""
    instance.run("db", "upgrade")
    instance.run("add", "structure")
    user = ("--username", "ada", "--email", "ada@example.com", "--roles", "Prosumer")
    instance.run("add", "user", *user, typed=2 * f"{PASSWORD}\n")
    facts = of.sensor
    place = ("--latitude", facts.latitude or 50, "--longitude", facts.longitude or 5)
    if facts.kind == "market":
        unit, sign = facts.unit, ()
        asked = ("--market-type-name", "day_ahead", "--unit", unit, "--event-resolution", 60)
        sensor = instance.add("market", "the-price", *asked, "--timezone", facts.timezone)
    else:
        unit, sign = "MW", ("--sign", "consumption-positive")
        largest = float(np.nanmax(np.abs(of.series.values)))
        asked = (
            "--asset-type-name",
            facts.type,
            "--capacity-in-mw",
            max(largest, 0.001),
            "--event-resolution",
            60,
        )
        sensor = instance.add(
            "asset", "the asset", *asked, *place, "--timezone", facts.timezone, "--owner-id", 1
        )
    instance.import_(sensor, of.series, unit, "PT0H", *sign, "--allow-implausible")
    for name, known in of.weather.items():
        _add_weather(instance, sensor, of, name, known, place)
    return sensor


def _add_weather(
    instance: Instance, sensor: int, of: BenchSet, name: str, known: Any, place: tuple[object, ...]
) -> None:
    if name not in WEATHER_UNITS:  # what the exchange publishes: as a market, so that prices may read it
        asked = ("--market-type-name", "day_ahead", "--unit", "EUR/MWh", "--event-resolution", 60)
        other = instance.add("market", name, *asked)
        instance.import_(other, next(iter(known.values())), "EUR/MWh", "P2D")
        instance.run("add", "regressors", "--sensor-id", sensor, other)
        return
    unit = WEATHER_UNITS[name]
    asked = ("--weather-sensor-type-name", name, "--unit", unit, "--event-resolution", 60, *place)
    other = instance.add("weather-sensor", name, *asked)
    if of.name not in ISSUED:
        instance.import_(other, next(iter(known.values())), unit, "P2D")
        return
    ahead: dict[int, list[tuple[int, float]]] = {}
    for each in read(ISSUED[of.name]):
        start, issue = (datetime.fromisoformat(each[key]) for key in ("event_start", "issue_time"))
        lead = (start + HOUR - issue) // HOUR
        ahead.setdefault(lead, []).append(((start - of.series.start) // HOUR, float(each["wind_speed_m_s"])))
    for lead, said in sorted(ahead.items()):
        values = np.full(len(of.series), np.nan)
        slots = np.array([slot for slot, _ in said])
        inside = (slots >= 0) & (slots < len(values))
        values[slots[inside]] = np.array([value for _, value in said])[inside]
        instance.import_(other, TimeSeries(of.series.start, HOUR, values), unit, f"PT{lead}H")


def by_product(of: BenchSet, forecaster: str) -> tuple[dict[timedelta, float], float]:
    """1 - WAPE by horizon of what `add forecasts` stores over the weeks that are measured; seconds of that command."""
    stored, taken = _by_command(of, forecaster, of.end)
    every = range(of.first, of.end)
    return {horizon: _one_minus_wape(of, stored, horizon, every) for horizon in HORIZONS}, taken


def _by_command(of: BenchSet, forecaster: str, end: int) -> tuple[Stored, float]:
    """What `add forecasts` stores of the slots that are measured, up to one; seconds of that command."""
    with TemporaryDirectory() as folder:
        instance = Instance(Path(folder))
        sensor = prepare(instance, of)
        first, until = (of.series.start + slot * HOUR for slot in (of.first, end))
        days = ("--from-date", f"{first:%Y-%m-%d}", "--to-date", f"{until:%Y-%m-%d}")
        begin = perf_counter()
        instance.run("add", "forecasts", "--asset-id", sensor, *days, "--forecaster", forecaster)
        taken = perf_counter() - begin
        return _stored(Path(folder) / "flexmeasures.db", sensor), taken


def _by_jobs(of: BenchSet, hours: int) -> Stored:
    """What jobs store that are asked for at each of some hours, when the measurement of the hour before has come in."""
    from flexmeasures import timing
    from flexmeasures.app import create
    from flexmeasures.db import db, writing
    from flexmeasures.models import Sensor
    from flexmeasures_forecasting import request_forecast

    with TemporaryDirectory() as folder:
        sensor = prepare(Instance(Path(folder)), of)
        settings = {"FLEXMEASURES_JOBS": "inline", "FLEXMEASURES_TIMEZONE": "UTC"}
        app = create("testing", instance=Path(folder), settings=settings)
        begin = of.series.start + of.first * HOUR
        with app.app_context():
            for k in range(hours):
                now = begin + k * HOUR
                with timing.clock(now), writing():
                    request_forecast(db.session.get_one(Sensor, sensor), now - HOUR, now, HORIZONS)
            db.engine.dispose()
        return _stored(Path(folder) / "flexmeasures.db", sensor)


def _one_minus_wape(of: BenchSet, stored: Stored, horizon: timedelta, slots: Iterable[int]) -> float:
    """Of the slots of which both are known."""
    every = list(slots)
    truth = of.series.values[every]
    said = np.array([stored.get((horizon, of.series.start + k * HOUR), np.nan) for k in every])
    known = np.isfinite(truth) & np.isfinite(said)
    return float(1 - np.abs(truth - said)[known].sum() / np.abs(truth[known]).sum())


def compare_jobs(names: list[str], hours: int = WEEK) -> bool:
    """Print what jobs reach beside the command, on the same events; whether all are near."""
    near = True
    for name in names or TITLES:
        of = SETS[name]()
        by_jobs, (by_command, _) = (
            _by_jobs(of, hours),
            _by_command(of, "linear-OLS", of.first + hours + 2 * DAY),
        )
        for horizon in HORIZONS:
            ahead = horizon // HOUR
            slots = range(of.first + ahead - 1, of.first + ahead - 1 + hours)
            jobs, command = (
                100 * _one_minus_wape(of, each, horizon, slots) for each in (by_jobs, by_command)
            )
            near &= abs(jobs - command) <= NEAR
            print(
                f"jobs_{name}_{ahead}h {jobs:.2f}, by command {command:.2f}, {jobs - command:+.2f}",
                flush=True,
            )
    return near


def _stored(path: Path, sensor: int) -> Stored:
    """By horizon and start of the event, the forecasts of a sensor."""
    import sqlite3

    from flexmeasures.timing import from_ms

    query = "SELECT horizon, event_start, value FROM belief WHERE sensor_id = ? AND horizon > 0"
    with sqlite3.connect(path) as connection:
        rows = connection.execute(query, [sensor]).fetchall()
    return {(timedelta(milliseconds=horizon), from_ms(start)): value for horizon, start, value in rows}


def measure(names: list[str]) -> list[dict[str, Any]]:
    """A row a set, forecaster and horizon."""
    rows = []
    for name in names or SETS:
        try:
            of = SETS[name]()
        except FileNotFoundError:
            rows.append(missing(f"product {name}", f"no data in {DATA}"))
            continue
        direct = {each.horizon: each.one_minus_wape for each in scores(of, ["linear-OLS"])}
        for forecaster in FORECASTERS:
            found, taken = by_product(of, forecaster)
            for horizon, reached in found.items():
                points = 100 * (reached - direct[horizon])
                verdict = "near" if points >= -NEAR else "BELOW"
                text = f"linear-OLS directly {100 * direct[horizon]:.2f}, {points:+.2f}: {verdict}; {taken:.0f} s"
                title = f"product_{forecaster}_{name}_{horizon // HOUR}h"
                rows.append(row(title, 100 * reached, "% (1 - WAPE)", against=text, size=of.end - of.first))
                print(title, round(100 * reached, 2), text, flush=True)
    return rows


def write_docs() -> None:
    """Measure linear-OLS on all sets, and put its figures where the documentation tells them."""
    lines = [
        f"| kind | {' | '.join(f'{each // HOUR} h' for each in HORIZONS)} |",
        f"| ---{' | ---' * len(HORIZONS)} |",
    ]
    for name, title in TITLES.items():
        found, _ = by_product(SETS[name](), "linear-OLS")
        lines.append(f"| {title} | {' | '.join(f'{100 * found[each]:.0f}' for each in HORIZONS)} |")
        print(lines[-1], flush=True)
    before, _, rest = DOCS.read_text().partition(BEGIN)
    table = "\n".join(lines)
    DOCS.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--jobs"]:
        sys.exit(not compare_jobs(sys.argv[2:]))
    if sys.argv[1:] == ["--docs"]:
        sys.exit(write_docs())
    found = measure(sys.argv[1:])
    sys.exit(any("BELOW" in str(each.get("against")) for each in found))
