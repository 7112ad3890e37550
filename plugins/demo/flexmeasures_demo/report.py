"""The demo's result: as JSON, or as tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from flexmeasures.db import db
from flexmeasures.models.schedules import StoredSchedule
from flexmeasures.models.sensors import Asset
from flexmeasures.timing import iso_duration
from flexmeasures_demo.portfolio import Measured, Portfolio
from flexmeasures_forecasting import Accuracy
from flexmeasures_scheduling import find_schedule

Row = tuple[Measured, timedelta, Accuracy]


def collect(
    seconds: Mapping[str, float],
    accuracies: Sequence[Row],
    made: Portfolio,
    event_id: int,
    answers: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The result as JSON can hold it; answers: of getDeviceMessage, by the assets' names. In an app context."""
    schedules = []
    for request in made.requests:
        asset = db.session.get_one(Asset, request.asset.id)
        schedules.append(_schedule(asset, find_schedule(asset, event_id), answers[asset.name]))
    return {
        "steps": [{"name": name, "seconds": round(taken, 3)} for name, taken in seconds.items()],
        "accuracy": [
            {
                "sensor": of.sensor.name,
                "kind": of.kind,
                "horizon": iso_duration(horizon),
                "one_minus_wape": found.one_minus_wape,
                "naive": found.naive,
                "n": found.n,
            }
            for of, horizon, found in accuracies
        ],
        "schedules": schedules,
    }


def _schedule(asset: Asset, stored: StoredSchedule, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Start, unit and values as the API gave them, the rest as the schedule was stored."""
    return {
        "asset": asset.name,
        "asset_type": asset.type_name,
        "start": answer["start"],
        "resolution": iso_duration(stored.resolution),
        "unit": answer["unit"],
        "values": answer["values"],
        "prices": stored.prices,
        "soc": stored.soc,
        "soc_unit": "MWh",
        "cost": sum(stored.costs.values()),
        "baseline": stored.baseline,
        "baseline_cost": sum(stored.baseline_costs.values()),
        "currency": stored.price_unit.partition("/")[0],
        "algorithm": stored.algorithm,
        "because": stored.because,
    }


def write(result: Mapping[str, Any], notes: Sequence[str], *, as_json: bool) -> None:
    """Print the result on standard output: JSON and nothing else, or tables."""
    if as_json:
        json.dump(result, sys.stdout, allow_nan=False)
        sys.stdout.write("\n")
        sys.stdout.flush()
        return
    console = Console()
    for table in (_accuracy_table(result), _time_table(result), _schedule_table(result)):
        console.print(table)
    for row in result["schedules"]:
        console.print(
            f"{row['asset']}: scheduler {row['algorithm']}, because: {row['because']}",
            highlight=False,
            soft_wrap=True,
        )
    for row in result["incoming"]:
        told = row["result"]
        brought = f"{told['values']} values" if isinstance(told, Mapping) else told
        console.print(
            f"{row['job']}, by itself: {brought} of {row['source']} (a server of the demo)", highlight=False
        )
    for note in notes:
        console.print(note, highlight=False)


def _accuracy_table(result: Mapping[str, Any]) -> Table:
    table = Table(title="Accuracy (1 - WAPE, 100% is perfect) of forecasts made with what was known then")
    for name in ("sensor", "kind", "horizon"):
        table.add_column(name)
    for name in ("forecast", "naive", "hours"):
        table.add_column(name, justify="right")
    for row in result["accuracy"]:
        shares = ("-" if row[key] is None else f"{row[key]:.1%}" for key in ("one_minus_wape", "naive"))
        table.add_row(row["sensor"], row["kind"], row["horizon"], *shares, str(row["n"]))
    return table


def _schedule_table(result: Mapping[str, Any]) -> Table:
    table = Table(title="Cost of 48 hours (below 0: it earns)")
    table.add_column("asset")
    for name in ("without flexibility", "with", "saved"):
        table.add_column(name, justify="right")
    for row in result["schedules"]:
        amounts = (row["baseline_cost"], row["cost"], row["baseline_cost"] - row["cost"])
        money = (f"{amount:.2f} {row['currency']}" for amount in amounts)
        table.add_row(row["asset"], *money)
    return table


def _time_table(result: Mapping[str, Any]) -> Table:
    table = Table(title="Time")
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for row in result["steps"]:
        table.add_row(row["name"], f"{row['seconds']:.1f}")
    table.add_row("all", f"{sum(row['seconds'] for row in result['steps']):.1f}")
    return table
