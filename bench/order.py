"""Whether schedules keep to the order of their aims: least cost, among those least throughput (decision D14).

`python bench/order.py` prints the measurements; `measure()` returns them. Windows of 48 hours over a year of prices of
`price_de` and `price_nordpool` (FLEXMEASURES_BENCH_DATA), with 0, 5 and 20 % of losses on the way in and out together,
and flat prices. What they are compared with is written out anew and solved by scipy: the least cost, and the least
throughput at the cost of the schedule. Windows in which going both ways at once would pay are left out, as that
comparison does not know directions; `directions.py` measures those.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from batteries import QUARTER, battery
from common import HERE, missing
from scipy.optimize import linprog
from scipy.sparse import diags_array, eye_array, hstack

from flexmeasures_scheduler_storage import StorageScheduler
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduling import Flexibility, Schedule, SchedulingProblem

SLOTS, HOURS, POWER, MOST = 192, 0.25, 2.0, 5.0
BATTERY = battery(capacity=POWER, most=MOST)


def windows(name: str, every: int) -> list[Any]:
    """Prices of two days each, a quarter-hour a slot, of every so manieth day of the set; [] where it is not there."""
    import csv
    import gzip

    folder = os.environ.get("FLEXMEASURES_BENCH_DATA", HERE.parent.parent / "shared" / "data")
    path = f"{folder}/{name}.csv.gz"
    if not os.path.exists(path):
        return []
    with gzip.open(path, "rt") as file:
        rows = list(csv.reader(file))[1:]
    prices = np.array([float(row[1]) if row[1] else np.nan for row in rows])
    found = [np.repeat(prices[hour : hour + 48], 4) for hour in range(0, 8760 - 48, 24 * every)]
    return [each for each in found if np.isfinite(each).all() and len(each) == SLOTS]


def scheduled(prices: Any, losses: float) -> Schedule:
    """The schedule of a battery of 2 MW and 5 MWh, half full."""
    return StorageScheduler().compute(
        SchedulingProblem(
            asset=BATTERY,
            start=datetime(2026, 1, 1, tzinfo=UTC),
            resolution=QUARTER,
            prices=prices,
            price_unit="EUR/MWh",
            soc_at_start=MOST / 2,
            flexibility=replace(Flexibility(), roundtrip_efficiency=1 - losses),
        )
    )


def least(prices: Any, losses: float, cost: float) -> tuple[float, float]:
    """The least cost, and the least throughput (MW summed over slots) of what costs no more than `cost`."""
    each = np.sqrt(1 - losses)
    stock = eye_array(SLOTS) - diags_array(np.ones(SLOTS - 1), offsets=-1)
    balance = hstack([-HOURS * each * eye_array(SLOTS), HOURS / each * eye_array(SLOTS), stock])
    start = np.zeros(SLOTS)
    start[0] = MOST / 2
    bounds = [(0.0, POWER)] * (2 * SLOTS) + [(0.0, MOST)] * SLOTS
    money = HOURS * np.concatenate([prices, -prices, np.zeros(SLOTS)])
    moved = np.concatenate([np.ones(2 * SLOTS), np.zeros(SLOTS)])
    cheapest = linprog(money, A_eq=balance, b_eq=start, bounds=bounds)
    room = 1e-11 * max(1.0, abs(cost))
    idlest = linprog(
        moved,
        A_ub=100 * money[None, :],  # tolerances are absolute
        b_ub=[100 * (max(cost, cheapest.fun) + room)],
        A_eq=balance,
        b_eq=start,
        bounds=bounds,
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return float(cheapest.fun), float(idlest.fun)


def row(name: str, value: float, count: int, unit: str, against: str) -> dict[str, Any]:
    """One measurement: the worst of all windows."""
    return {"name": name, "value": value, "unit": unit, "against": against, "ratio": None, "size": count}


def compared(name: str, sets: list[Any], losses: float) -> list[dict[str, Any]]:
    """The worst distances from the least cost and the least throughput, relative (absolute below 1)."""
    worse, more, count = 0.0, 0.0, 0
    for prices in sets:
        if losses and prices.min() < 0:
            continue
        schedule = scheduled(prices, losses)
        cost, throughput = sum(schedule.costs.values()), float(abs(schedule.values).sum())
        cheapest, idlest = least(prices, losses, cost)
        worse = max(worse, (cost - cheapest) / max(1.0, abs(cheapest)))
        more = max(more, (throughput - idlest) / max(1.0, idlest))
        count += 1
    label = f"{name}_losses_{100 * losses:g}"
    return [
        row(f"order_cost_{label}", worse, count, "of least", "scipy: least cost"),
        row(f"order_throughput_{label}", more, count, "of least", "scipy: least throughput at that cost"),
    ]


def measure(every: int = 7) -> list[dict[str, Any]]:
    """All sets and losses, and flat prices."""
    solve.preload()
    rows = []
    for name in ("price_de", "price_nordpool"):
        sets = windows(name, every)
        if not sets:
            rows.append(missing(f"data set {name}", "not in FLEXMEASURES_BENCH_DATA"))
        for losses in (0.0, 0.05, 0.2) if sets else ():
            rows += compared(name, sets, losses)
    for losses in (0.0, 0.05, 0.2):
        schedule = scheduled(np.full(SLOTS, 80.0), losses)
        sold = MOST / 2 * np.sqrt(1 - losses) / HOURS
        more = float(abs(schedule.values).sum() - sold)
        rows.append(
            row(f"order_flat_losses_{100 * losses:g}", more, 1, "MW", "selling what it holds, no more")
        )
    return rows


if __name__ == "__main__":
    for measurement in measure():
        print(measurement)
