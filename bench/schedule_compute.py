"""How long a battery schedule takes to compute, beside HiGHS fed with bare numpy arrays.

`python bench/schedule_compute.py` prints the measurements; `measure()` returns them. All are of
`StorageScheduler.compute`: prices, limits, targets, baseline and answer included, queue and database not.
What it is compared with is the same linear program, built from scratch by numpy and solved in turn with
ours, with the same options of HiGHS (at its own defaults, with presolve, HiGHS takes a fifth longer).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np
from batteries import QUARTER, battery

from flexmeasures_scheduler_storage import StorageScheduler
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduler_storage.lp.highs import HIGHS_OPTIONS
from flexmeasures_scheduling import Flexibility, SchedulingProblem

BARE = "bare highspy with numpy arrays from scratch, same LP, same run"
BATTERY = battery(capacity=2.0, most=5.0, least=0.5)


# A battery with losses at prices that are negative at noon, where going both ways at once would pay.
LOSSY = Flexibility(roundtrip_efficiency=0.85)
NEGATIVE = 45.0


def problem(slots: int, seed: int) -> SchedulingProblem:
    """A battery of 2 MW and 5 MWh against prices with a daily shape and noise."""
    noise = np.random.default_rng(seed).normal(0, 5, slots)
    return SchedulingProblem(
        asset=BATTERY,
        start=datetime(2026, 1, 1, tzinfo=UTC),
        resolution=QUARTER,
        prices=50 + 20 * np.sin(np.arange(slots) * 2 * np.pi / 96) + noise,
        price_unit="EUR/MWh",
        soc_at_start=2.5,
    )


def bare_objective(slots: int, seed: int) -> float:
    """The same program without any layer: arrays by numpy, then HiGHS; gives the minimum in EUR."""
    import highspy

    prices, hours = problem(slots, seed).prices, 0.25
    highs = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy leaves its constructor untyped
    for option, value in HIGHS_OPTIONS.items():
        highs.setOptionValue(option, value)
    each = np.arange(slots, dtype=np.int32)
    balance = np.where(each == 0, 2.5, 0.0)
    stock_rows = np.stack([each, each + 1], axis=1).ravel()[:-1]
    stock_values = np.tile([1.0, -1.0], slots)[:-1]
    starts = np.concatenate([each, slots + 2 * each, [3 * slots - 1]]).astype(np.int32)
    highs.passModel(
        2 * slots,
        slots,
        3 * slots - 1,
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        np.concatenate([hours * prices, np.zeros(slots)]),
        np.repeat([-2.0, 0.5], slots),
        np.repeat([2.0, 5.0], slots),
        balance,
        balance,
        starts,
        np.concatenate([each, stock_rows]).astype(np.int32),
        np.concatenate([np.full(slots, -hours), stock_values]),
        np.zeros(2 * slots, dtype=np.int32),
    )
    highs.run()
    return float(highs.getObjectiveValue())


def milliseconds(work: Callable[[int, int], Any], slots: int, seed: int) -> tuple[float, float]:
    """Time of one solve, and the objective that it found."""
    begin = perf_counter()
    objective = work(slots, seed)
    return 1000 * (perf_counter() - begin), objective


def our_objective(slots: int, seed: int) -> float:
    """One schedule through the scheduler; gives its objective in EUR."""
    return StorageScheduler().compute(problem(slots, seed)).objective


def mixed_objective(slots: int, seed: int) -> float:
    """One schedule whose directions have to be whole numbers; gives its objective in EUR."""
    plain = problem(slots, seed)
    lossy = replace(plain, prices=plain.prices - NEGATIVE, flexibility=LOSSY)
    return StorageScheduler().compute(lossy).objective


def mixed_integer(slots: int, repeats: int) -> dict[str, Any]:
    """Median milliseconds of schedules with whole numbers, beside the plain ones, solved in turn."""
    mixed_objective(slots, 0)
    times, plain = [], []
    for seed in range(1, repeats + 1):
        times.append(milliseconds(mixed_objective, slots, seed)[0])
        plain.append(milliseconds(our_objective, slots, seed)[0])
    measured = row(
        "schedule_compute_milp_ms_192", slots, (statistics.median(times), statistics.median(plain))
    )
    return measured | {"against": "the plain battery of the same run"}


def after_the_first(slots: int, repeats: int) -> tuple[float, float]:
    """Median milliseconds of ours and of the bare program, other prices each time."""
    our_objective(slots, 0)
    ours, bare = [], []
    for seed in range(1, repeats + 1):
        spent, objective = milliseconds(our_objective, slots, seed)
        spent_bare, expected = milliseconds(bare_objective, slots, seed)
        if abs(objective - expected) > 1e-6 * max(1.0, abs(expected)):
            raise AssertionError(f"not the same optimum: {objective} against {expected}")
        ours.append(spent)
        bare.append(spent_bare)
    return statistics.median(ours), statistics.median(bare)


def first_in_a_process(slots: int, processes: int) -> tuple[float, float]:
    """Median milliseconds of the first solve of a structure in fresh processes with libraries loaded."""
    command = [sys.executable, __file__, "--first", str(slots)]
    runs = [json.loads(subprocess.check_output(command)) for _ in range(processes)]
    return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)


def row(name: str, slots: int, times: tuple[float, float]) -> dict[str, Any]:
    """One measurement: ours, and how many times the bare program's time that is."""
    ours, bare = times
    return {
        "name": name,
        "value": round(ours, 3),
        "unit": "ms",
        "against": BARE,
        "ratio": round(ours / bare, 3),
        "size": slots,
    }


def measure() -> list[dict[str, Any]]:
    """Schedules of 48 hours and of 7 days: the first of their size in a fresh process, and the later ones."""
    solve.preload()
    return [
        row("schedule_compute_ms_96", 96, after_the_first(96, 51)),
        row("schedule_compute_ms_192", 192, after_the_first(192, 51)),
        row("schedule_compute_first_ms_192", 192, first_in_a_process(192, 7)),
        row("schedule_compute_ms_672", 672, after_the_first(672, 31)),
        row("schedule_compute_first_ms_672", 672, first_in_a_process(672, 7)),
        mixed_integer(192, 15),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--first"]:
        from flask import Flask

        Flask(__name__)  # a worker runs jobs inside the app
        solve.preload()
        size = int(sys.argv[2])
        print(json.dumps([milliseconds(work, size, 1)[0] for work in (our_objective, bare_objective)]))
    else:
        for measurement in measure():
            print(measurement)
