"""How long many devices behind one grid connection take, and how far from the optimum they may be.

`python bench/sites.py` prints the measurements; `measure()` returns them. Devices are batteries of many sizes
over 48 hours of quarter-hours, the connection holds 60 % of what they could take together beside a base load.
"""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduler_storage.lp.site_problem import Connection, SiteSolution, solve_site

SLOTS = 192


def battery(prices: Any, random: np.random.Generator) -> solve.StorageProblem:
    """A battery of 5 to 20 kW that fills in one and a half to four hours."""
    ones, power = np.ones(SLOTS), random.uniform(0.005, 0.02)
    size = power * random.uniform(1.5, 4)
    return solve.StorageProblem(
        prices=prices,
        hours=0.25,
        start=size * random.uniform(0.2, 0.8),
        power_lower=-power * ones,
        power_upper=power * ones,
        stock_lower=0.1 * size * ones,
        stock_upper=size * ones,
    )


def site(count: int) -> tuple[list[solve.StorageProblem], Connection]:
    """That many batteries, and the connection that they share."""
    random = np.random.default_rng(1)
    day = np.arange(SLOTS) * 2 * np.pi / 96
    prices = 50 + 20 * np.sin(day) + random.normal(0, 5, SLOTS)
    most = 0.006 * count * np.ones(SLOTS)
    base = 0.003 * count * (1 + np.sin(day - 1))
    return [battery(prices, random) for _ in range(count)], Connection(base=base, lower=-most, upper=most)


def with_losses(device: solve.StorageProblem) -> solve.StorageProblem:
    """The same battery with losses, at prices that are negative at noon, where going both ways at once would pay."""
    return replace(device, prices=device.prices - 45, charge_efficiency=0.92, discharge_efficiency=0.92)


def row(name: str, count: int, lossy: bool = False) -> dict[str, Any]:
    """Seconds of one solve, and how far its cost may be above the optimum."""
    devices, connection = site(count)
    devices = [with_losses(each) for each in devices] if lossy else devices
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
    """Sites of 100 devices (one program), of 1,000 (in groups), and of a few whose directions are searched for."""
    solve.preload()
    return [
        row("site_100_devices_seconds", 100),
        row("site_1000_devices_seconds", 1000),
        row("site_2_lossy_devices_seconds", 2, lossy=True),
        row("site_10_lossy_devices_seconds", 10, lossy=True),
    ]


if __name__ == "__main__":
    for measurement in measure():
        print(measurement)
