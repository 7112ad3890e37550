"""All benchmarks: `make bench` prints them as a table and writes bench/latest.json.

`python bench/run.py cli server` runs only the parts of these names, and writes nothing.
Data sets of real measurements are looked for in FLEXMEASURES_BENCH_DATA (default: ../shared/data beside the
repository); what is missing is said.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from common import HERE, LATEST, keep, missing
from rich.console import Console
from rich.table import Table

PARTS = (
    "cli",
    "server",
    "api",
    "schedule_compute",
    "directions",
    "order",
    "pages",
    "sites",
    "plugins",
    "jobs",
    "schedules",
    "forecasting",
)
DATA_SETS = (
    "ev_norway_load",
    "home_fontana_a",
    "household_fr_2024",
    "price_de",
    "price_nordpool",
    "solar_pvdaq50_2011_2012",
    "substation_nl_287",
    "wind_gefcom_a",
    "wind_gefcom_a_nwp",
    "wind_offshore_de_2017_2018",
)


def missing_data() -> list[dict[str, Any]]:
    """A row for each data set that is not there."""
    default = HERE.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("FLEXMEASURES_BENCH_DATA", default))
    absent = [name for name in DATA_SETS if not (folder / f"{name}.csv.gz").exists()]
    return [missing(f"data set {name}", f"not in {folder} (FLEXMEASURES_BENCH_DATA)") for name in absent]


def as_table(rows: list[dict[str, Any]]) -> Table:
    """The rows for people; a ratio of 1 means as quick (or small) as what it is compared with."""
    table = Table(title="Benchmarks (medians)")
    for heading in ("measurement", "value", "unit", "size", "ratio", "against"):
        table.add_column(heading, justify="right" if heading in ("value", "size", "ratio") else "left")
    for row in rows:
        if "missing" in row:
            table.add_row(row["name"], "missing", "", "", "", row["missing"], style="yellow")
            continue
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        size = "" if row["size"] is None else f"{row['size']:,}"
        table.add_row(row["name"], f"{row['value']:,.4g}", row["unit"], size, ratio, row["against"])
    return table


def accuracy_table(rows: list[dict[str, Any]]) -> Table:
    """Accuracy in % by set and method, a column a horizon; after a stroke, how often the 80 % band was right."""
    horizons = list(dict.fromkeys(row["horizon"] for row in rows))
    table = Table(title="1 - WAPE of forecasts in % | coverage of the 80 % band")
    for heading in ("set", "method", *horizons, "seconds"):
        table.add_column(heading, justify="left" if heading in ("set", "method") else "right")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        found.setdefault((row["set"], row["method"]), {})[row["horizon"]] = row
    for (name, method), by_horizon in found.items():
        figures = [f"{100 * row['one_minus_wape']:.1f}{_coverage(row)}" for row in by_horizon.values()]
        table.add_row(name, method, *figures, f"{next(iter(by_horizon.values()))['seconds']:.1f}")
    return table


def _coverage(row: dict[str, Any]) -> str:
    return "" if row["coverage_80"] is None else f" | {100 * row['coverage_80']:.0f}"


def main(names: list[str]) -> int:
    """Measure the named parts (default: all); 0 unless a name is not known."""
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        print(f"There is no part {', '.join(unknown)}. Accepted: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    console = Console(stderr=True)
    rows: list[dict[str, Any]] = []
    for name in names or PARTS:
        console.print(f"{name} ...")
        rows += import_module(name).measure()
    screen = Console()
    if not screen.is_terminal:
        screen.width = 150
    screen.print(as_table([*rows, *missing_data()]))
    if names:
        return 0
    measured = [row for row in rows if "missing" not in row]
    accuracy = import_module("forecasting").accuracy(console.print)
    screen.print(accuracy_table(accuracy))
    keep(measurements=measured, accuracy=accuracy)
    console.print(f"Written to {LATEST}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
