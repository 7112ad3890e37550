"""How much memory a worker takes for the forecasts of one sensor whose history grows by years.

    .venv/bin/python bench/worker_memory.py [--all] [YEARS ...]

An instance on SQLite gets a sensor of 15 minutes with so many years of measurements and a forecast of each an hour
ahead; then a day (--all: all of it) counts as new, and `flexmeasures jobs run-worker --burst` works its forecasting
job off. Told are the largest resident size of that process and its processor time.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

QUARTER = timedelta(minutes=15)
END = datetime(2026, 6, 1, tzinfo=UTC)
COMMAND = str(Path(sys.executable).with_name("flexmeasures"))


def measure(years: int, new: timedelta) -> tuple[float, float]:
    """Megabytes and seconds."""
    with TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            _prepare(Path(folder), years, new)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0, "the instance could not be prepared"
        surroundings = os.environ | {"FLEXMEASURES_INSTANCE": folder, "FLASK_ENV": "documentation"}
        command = [COMMAND, "jobs", "run-worker", "--burst"]
        process = subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def _prepare(folder: Path, years: int, new: timedelta) -> None:
    from sqlalchemy import select

    import flexmeasures_master_data as master_data
    from flexmeasures import auth, beliefs, sources
    from flexmeasures.db import writing
    from flexmeasures.models import Market
    from flexmeasures.testing import make_app, seed_structure
    from flexmeasures_forecasting import request_forecast

    app = make_app(folder, FLEXMEASURES_JOBS="", FLASK_ENV="documentation")
    count = years * 365 * 96
    random = np.random.default_rng(1)
    values = 1 + np.sin(np.arange(count) * 2 * np.pi / 96) + 0.1 * random.standard_normal(count)
    with app.app_context():
        seed_structure()
        with writing() as session:
            owner = auth.create_user("owner", "owner@example.com", None, ["Prosumer"])
            asset = master_data.create_asset(
                {
                    "name": "the building",
                    "asset_type_name": "building",
                    "unit": "MW",
                    "owner_id": owner.id,
                    "market_id": session.scalars(select(Market.id)).first(),
                    "event_resolution": 15,
                    "capacity_in_mw": 5,
                    "latitude": 50,
                    "longitude": 5,
                }
            )
            session.flush()
            start = END - count * QUARTER
            for name, horizon in (("meter", timedelta(0)), ("others", timedelta(hours=1))):
                source = sources.get_source(name, "script")
                beliefs.store(asset, values, start, QUARTER, source, horizon=horizon)
            request_forecast(asset, END - new, END)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    everything = "--all" in sys.argv[1:]
    for years in [int(given) for given in sys.argv[1:] if given.isdigit()] or [1, 3, 6]:
        megabytes, seconds = measure(years, timedelta(days=365 * years if everything else 1))
        print(f"{years} years: {megabytes:.0f} MB, {seconds:.1f} s of processor time", flush=True)


if __name__ == "__main__":
    main()
