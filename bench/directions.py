"""How long schedules take whose directions have to be chosen, how far from the optimum they may be, and memory.

`python bench/directions.py` prints the measurements; `measure()` returns them. A battery of 5 kW and 10 kWh with losses
over two days: a tariff that pays more for production than consumption costs (Swedish: with a daily shape; feed-in:
flat), prices below zero throughout, and noise around zero. `python bench/directions.py 1000` makes that many
schedules and tells the memory of the process after each tenth of them.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np
from batteries import QUARTER, battery

from flexmeasures_scheduler_storage import StorageScheduler
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduling import Flexibility, Schedule, SchedulingProblem

SLOTS = 192
BATTERY = battery(capacity=0.005, most=0.01)
DAY = [20, 18, 15, 12, 10, 15, 30, 60, 70, 55, 40, 30, 20, 10, 5, 8, 30, 60, 90, 85, 60, 45, 35, 25]


def prices(case: str, seed: int = 0) -> tuple[Any, Any]:
    """What consumption costs and production earns (None: the same), EUR/MWh; a little different for each seed."""
    random = np.random.default_rng(seed)
    spot = np.repeat(np.array(DAY * 2, dtype=np.float64), 4) + (random.normal(0, 2, SLOTS) if seed else 0.0)
    flat = np.full(SLOTS, 300.0 + seed % 7)
    return {
        "swedish": (1.25 * spot, spot + 60),
        "feed_in": (flat, flat + 130),
        "negative": (flat - 350, None),
        "noise": (random.normal(0, 40, SLOTS), None),
    }[case]


def scheduled(case: str, seed: int = 0, peak_price: float = 0.0) -> Schedule:
    """One schedule."""
    buying, selling = prices(case, seed)
    flexibility = Flexibility(charge_efficiency=0.95, discharge_efficiency=0.95, peak_price_per_mw=peak_price)
    return StorageScheduler().compute(
        SchedulingProblem(
            asset=BATTERY,
            start=datetime(2026, 12, 1, tzinfo=UTC),
            resolution=QUARTER,
            prices=buying,
            production_prices=selling,
            price_unit="EUR/MWh",
            soc_at_start=0.005,
            flexibility=flexibility,
        )
    )


def gap(case: str) -> float:
    """By which share of its cost the plan may be above the least, as its bound proves."""
    found: list[float] = []
    plain = solve.solve

    def noted(*given: Any) -> solve.Solution:
        solution = plain(*given)
        found.append(solution.gap)
        return solution

    solve.solve = noted
    try:
        scheduled(case)
    finally:
        solve.solve = plain
    return found[-1]


def row(case: str, repeats: int = 5) -> dict[str, Any]:
    """The median time of a case in seconds, and its proven gap."""
    times = []
    for seed in range(repeats):
        begin = perf_counter()
        scheduled(case, seed)
        times.append(perf_counter() - begin)
    return {
        "name": f"directions_{case}_seconds",
        "value": round(float(np.median(times)), 3),
        "unit": "s",
        "against": f"proven to cost at most {gap(case):.1e} of it more than the cheapest",
        "ratio": None,
        "size": SLOTS,
    }


def measure() -> list[dict[str, Any]]:
    """All cases."""
    solve.preload()
    return [row(case) for case in ("swedish", "feed_in", "negative", "noise")]


def memory() -> float:
    """What this process holds now, MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


def many(count: int) -> None:
    """So many schedules in one process, and its memory on the way."""
    solve.preload()
    cases = ("swedish", "feed_in", "negative", "noise")
    for number in range(count):
        scheduled(cases[number % 4], seed=number)
        if number % max(count // 10, 1) == 0:
            print(number, f"{memory():.1f} MiB", flush=True)
    print(count, f"{memory():.1f} MiB")


if __name__ == "__main__":
    if sys.argv[1:]:
        many(int(sys.argv[1]))
    else:
        for measurement in measure():
            print(measurement)
