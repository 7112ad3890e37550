"""What the benchmarks share: the form of a measurement, processes of a user's kind, and repetition."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

HERE = Path(__file__).parent
LATEST = HERE / "latest.json"
SCRIPTS = Path(sys.executable).parent


def row(
    name: str,
    value: float,
    unit: str,
    *,
    against: str = "",
    than: float | None = None,
    size: int | None = None,
) -> dict[str, Any]:
    """One measurement.

    against: what it is compared with, measured in the same run; than: how much that took, in the same unit
    (ratio = value / than); size: how many values, slots ... it is about.
    """
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "against": against,
        "ratio": None if than is None else round(value / than, 3),
        "size": size,
    }


def missing(name: str, reason: str) -> dict[str, Any]:
    """The row of something that could not be measured here."""
    return row(name, float("nan"), "") | {"value": None, "missing": reason}


def environment(instance: Path) -> dict[str, str]:
    """The surroundings of a user who works in `instance`: no settings of ours, byte code kept as usual."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLEXMEASURES_", "FLASK_", "SQLALCHEMY_", "PYTHONDONTWRITEBYTECODE"))
    }
    return kept | {"FLEXMEASURES_INSTANCE": str(instance), "HOME": str(instance)}


def process(command: list[str], instance: Path, times: int) -> tuple[float, float]:
    """Median seconds and median peak memory (MiB) of a command in fresh processes; the first run warms up."""
    seconds, memory = [], []
    timed = [sys.executable, "-S", "-E", str(HERE / "processes.py"), *command]
    for _ in range(times + 1):
        answer = subprocess.run(
            timed, env=environment(instance), capture_output=True, text=True, check=True, cwd=instance
        )
        taken, peak = answer.stdout.split()[-2:]
        seconds.append(float(taken))
        memory.append(float(peak))
    return statistics.median(seconds[1:]), statistics.median(memory[1:])


def seconds(work: Callable[[], Any]) -> float:
    """How long a piece of work takes, once."""
    begin = perf_counter()
    work()
    return perf_counter() - begin


def cpu_seconds(work: Callable[[], Any]) -> float:
    """How long a piece of work keeps this process busy, once: what others do on the machine does not count."""
    begin = process_time()
    work()
    return process_time() - begin


def keep(**parts: list[dict[str, Any]]) -> None:
    """Write rows into LATEST: measurements, accuracy; the part that is not given stays."""
    kept = json.loads(LATEST.read_text()) if LATEST.exists() else {}
    LATEST.write_text(json.dumps(kept | parts, indent=2) + "\n")
