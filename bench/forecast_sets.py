"""The sets of real measurements that forecasts are measured on, as problems for forecasters.

Hourly means of what is known in each hour; power of production is negative, as it is stored. Files, units
and origins: the README beside the data (FLEXMEASURES_BENCH_DATA, default ../shared/data).
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE

from flexmeasures.timeseries import TimeSeries
from flexmeasures_algorithms import SensorFacts
from flexmeasures_forecasting import ForecastingProblem, Regressor

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
HORIZONS = tuple(hours * HOUR for hours in (1, 6, 24, 48))
DATA = Path(os.environ.get("FLEXMEASURES_BENCH_DATA", HERE.parent.parent / "shared" / "data"))

Known = dict[timedelta, TimeSeries]


@dataclass(frozen=True)
class BenchSet:
    """One series to forecast over its last weeks. weather: by type and horizon, as known the horizon before."""

    name: str
    sensor: SensorFacts
    series: TimeSeries
    weather: dict[str, Known]
    weeks: int = 12

    @property
    def first(self) -> int:
        """The first slot that is measured."""
        known = np.flatnonzero(np.isfinite(self.series.values))
        return int(known[-1]) + 1 - self.weeks * (WEEK // HOUR)

    @property
    def end(self) -> int:
        """The slot after the last one that is measured."""
        return self.first + self.weeks * (WEEK // HOUR)

    def problem(
        self, first: int, count: int, horizons: tuple[timedelta, ...] = HORIZONS
    ) -> ForecastingProblem:
        """Ask for `count` events from slot `first`, each as known its horizons before its end.

        No forecaster may use more for an event (algorithms.ForecastingProblem), so that all share a problem.
        """
        start = self.series.start + first * HOUR
        newest = first + count - min(horizons) // HOUR
        history = TimeSeries(self.series.start, HOUR, self.series.values[:newest])
        nothing = TimeSeries(start, HOUR, np.empty(0))
        regressors = [
            Regressor(type=kind, history=nothing, forecasts={h: known[h] for h in horizons})
            for kind, known in self.weather.items()
        ]
        return ForecastingProblem(
            sensor=self.sensor,
            known_until=history.end,
            history=history,
            targets=dict.fromkeys(horizons, (start, count)),
            regressors=tuple(regressors),
        )


def read(name: str) -> list[dict[str, str]]:
    """The rows of a file."""
    with gzip.open(DATA / f"{name}.csv.gz", "rt") as text:
        return list(csv.DictReader(text))


def hourly(rows: list[dict[str, str]], column: str, factor: float = 1.0) -> TimeSeries:
    """Means by hour of what is known, times a factor; NaN where nothing is."""
    hours = np.array([int(datetime.fromisoformat(row["event_start"]).timestamp()) // 3600 for row in rows])
    values = np.array([float(row[column]) if row[column] else np.nan for row in rows]) * factor
    known, length = np.isfinite(values), int(hours.max() - hours.min()) + 1
    counts = np.bincount(hours[known] - hours.min(), minlength=length)
    sums = np.bincount(hours[known] - hours.min(), values[known], length)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return TimeSeries(datetime.fromtimestamp(int(hours.min()) * 3600, UTC), HOUR, means)


def always(series: TimeSeries) -> Known:
    """A series that counts as known at every horizon: measured weather, forecasts of a day-ahead market."""
    return dict.fromkeys(HORIZONS, series)


def issued(rows: list[dict[str, str]], column: str, like: TimeSeries) -> Known:
    """By horizon, the newest forecast among those issued at least the horizon before the event's end."""
    starts = np.array([int(datetime.fromisoformat(row["event_start"]).timestamp()) // 3600 for row in rows])
    issues = np.array([int(datetime.fromisoformat(row["issue_time"]).timestamp()) // 3600 for row in rows])
    values = np.array([float(row[column]) for row in rows])
    slots = starts - int(like.start.timestamp()) // 3600
    order = np.argsort(issues, kind="stable")
    found: Known = {}
    for horizon in HORIZONS:
        known = order[(starts + 1 - issues >= horizon // HOUR)[order]]
        known = known[(slots[known] >= 0) & (slots[known] < len(like))]
        series = np.full(len(like), np.nan)
        series[slots[known]] = values[known]
        found[horizon] = TimeSeries(like.start, HOUR, series)
    return found


def facts(name: str, of_type: str, **changes: Any) -> SensorFacts:
    """A sensor of that type: hourly, a load unless it is something else."""
    given: dict[str, Any] = {
        "id": sum(map(ord, name)),
        "name": name,
        "kind": "asset",
        "type": of_type,
        "unit": "MW",
        "resolution": HOUR,
        "is_consumer": of_type in ("building", "one-way_evse"),
        "is_producer": of_type in ("solar", "wind"),
        "seasonality": frozenset(
            {"daily", "yearly"} | ({"weekly"} if of_type not in ("solar", "wind") else set())
        ),
    }
    return SensorFacts(**(given | changes))


# -- the sets --------------------------------------------------------------------------------------------


def household() -> BenchSet:
    """A household in France."""
    sensor = facts("household_fr_2024", "building", timezone="Europe/Paris")
    return BenchSet(sensor.name, sensor, hourly(read(sensor.name), "load_w", 1e-6), {})


def home() -> BenchSet:
    """A home in California, with the temperature that came."""
    sensor = facts("home_fontana_a", "building", timezone="America/Los_Angeles")
    rows = read(sensor.name)
    weather = {"temperature": always(hourly(rows, "temperature_c"))}
    return BenchSet(sensor.name, sensor, hourly(rows, "load_kw", 1e-3), weather)


def substation() -> BenchSet:
    """Many buildings in the Netherlands, with real weather forecasts."""
    sensor = facts("substation_nl_287", "building", timezone="Europe/Amsterdam", is_producer=True)
    rows = read(sensor.name)
    weather = {
        "temperature": always(hourly(rows, "temperature_fc_c")),
        "radiation": always(hourly(rows, "radiation_fc_j_m2", 1 / 3600)),
        "wind_speed": always(hourly(rows, "wind_speed_100m_fc_m_s")),
    }
    return BenchSet(sensor.name, sensor, hourly(rows, "load_mw"), weather, weeks=8)


def charge_points() -> BenchSet:
    """Charge points of apartment buildings in Norway."""
    sensor = facts("ev_norway_load", "one-way_evse", timezone="Europe/Oslo")
    return BenchSet(sensor.name, sensor, hourly(read(sensor.name), "ev_total_kw", 1e-3), {})


def solar(weather: bool) -> BenchSet:
    """A roof in Colorado, with the radiation that came or without."""
    place = {"latitude": 39.74, "longitude": -105.18}
    name = f"solar_pvdaq50 ({'perfect' if weather else 'no'} weather)"
    sensor = facts(name, "solar", timezone="America/Denver", **place)
    rows = read("solar_pvdaq50_2011_2012")
    known = {"radiation": always(hourly(rows, "ghi_w_m2"))} if weather else {}
    return BenchSet(name, sensor, hourly(rows, "pv_w", -1e-6), known)


def wind() -> BenchSet:
    """A wind farm with real weather forecasts, issued twice a day for the next 48 hours."""
    sensor = facts("wind_gefcom_a", "wind", timezone="UTC")
    series = hourly(read(sensor.name), "wind_pu", -1.0)
    known = issued(read("wind_gefcom_a_nwp"), "wind_speed_m_s", series)
    return BenchSet(sensor.name, sensor, series, {"wind_speed": known})


def offshore() -> BenchSet:
    """All German offshore wind, without weather."""
    sensor = facts("wind_offshore_de", "wind", timezone="Europe/Berlin")
    return BenchSet(
        sensor.name, sensor, hourly(read(f"{sensor.name}_2017_2018"), "offshore_wind_mw", -1.0), {}
    )


def market(name: str, timezone: str, wind_column: str) -> BenchSet:
    """Day-ahead prices, with the forecasts of load and wind that are published before the auction."""
    sensor = facts(name, "day_ahead", kind="market", unit="EUR/MWh", timezone=timezone)
    rows = read(name)
    known = {
        "load_forecast": always(hourly(rows, "load_forecast_mw")),
        "wind_forecast": always(hourly(rows, wind_column)),
    }
    return BenchSet(name, sensor, hourly(rows, "price_eur_mwh"), known)


SETS: dict[str, Callable[[], BenchSet]] = {
    "household_fr_2024": household,
    "home_fontana_a": home,
    "substation_nl_287": substation,
    "ev_norway_load": charge_points,
    "solar_pvdaq50 (perfect weather)": lambda: solar(True),
    "solar_pvdaq50 (no weather)": lambda: solar(False),
    "wind_gefcom_a": wind,
    "wind_offshore_de": offshore,
    "price_nordpool": lambda: market("price_nordpool", "Europe/Oslo", "wind_forecast_mw"),
    "price_de": lambda: market("price_de", "Europe/Berlin", "wind_solar_forecast_mw"),
}
