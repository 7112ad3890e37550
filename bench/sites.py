"""How long many devices behind one grid connection take, and how far from the optimum they may be.

`python bench/sites.py` prints the measurements; `measure()` returns them. Devices are batteries of many sizes
over 48 hours of quarter-hours, the connection holds 60 % of what they could take together beside a base load.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from flexmeasures_scheduler_storage import model
from flexmeasures_scheduler_storage.site import Connection, SiteSolution, solve_site

SLOTS = 192


def battery(prices: Any, random: np.random.Generator) -> model.StorageProblem:
    """A battery of 5 to 20 kW that fills in one and a half to four hours."""
    ones, power = np.ones(SLOTS), random.uniform(0.005, 0.02)
    size = power * random.uniform(1.5, 4)
    return model.StorageProblem(
        prices=prices,
        hours=0.25,
        start=size * random.uniform(0.2, 0.8),
        power_lower=-power * ones,
        power_upper=power * ones,
        stock_lower=0.1 * size * ones,
        stock_upper=size * ones,
    )


def site(count: int) -> tuple[list[model.StorageProblem], Connection]:
    """That many batteries, and the connection that they share."""
    random = np.random.default_rng(1)
    day = np.arange(SLOTS) * 2 * np.pi / 96
    prices = 50 + 20 * np.sin(day) + random.normal(0, 5, SLOTS)
    most = 0.006 * count * np.ones(SLOTS)
    base = 0.003 * count * (1 + np.sin(day - 1))
    return [battery(prices, random) for _ in range(count)], Connection(base=base, lower=-most, upper=most)


def row(name: str, count: int) -> dict[str, Any]:
    """Seconds of one solve, and how far its cost may be above the optimum."""
    devices, connection = site(count)
    begin = perf_counter()
    solution: SiteSolution = solve_site(devices, connection)
    seconds = perf_counter() - begin
    return {
        "name": name,
        "value": round(seconds, 3),
        "unit": "s",
        "against": f"at most {100 * solution.gap:.3f} % above the optimum",
        "ratio": None,
        "size": count,
        "gap": round(solution.gap, 6),
    }


def measure() -> list[dict[str, Any]]:
    """Sites of 100 devices (one program) and of 1,000 (in groups)."""
    model.preload()
    return [row("site_100_devices_seconds", 100), row("site_1000_devices_seconds", 1000)]


if __name__ == "__main__":
    for measurement in measure():
        print(measurement)
