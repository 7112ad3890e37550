"""`run("add", "user", ...)` runs a command of the cli plugin on the app of the test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from flexmeasures_cli.add import add
from flexmeasures_cli.delete import delete
from flexmeasures_cli.jobs import clear_queue, jobs, run_worker
from flexmeasures_cli.show import show

Run = Callable[..., Result]
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def run(runner: Any) -> Run:
    """Run a command and give its result; a traceback is never an answer."""
    commands: dict[str, click.Command] = {
        "add": add,
        "delete": delete,
        "show": show,
        "jobs": jobs,
        "run-worker": run_worker,
        "clear-queue": clear_queue,
    }

    def invoke(*words: object, typed: str | None = None) -> Result:
        first, *rest = (str(word) for word in words)
        result: Result = runner.invoke(commands[first], rest, input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return invoke


@pytest.fixture
def battery(app: Any, prosumer: Any) -> Any:
    """A battery of 2 MW with slots of 15 minutes."""
    return _asset(app, prosumer, "my battery", "battery")


@pytest.fixture
def panels(app: Any, prosumer: Any) -> Any:
    """Solar panels of 2 MW with slots of 15 minutes."""
    return _asset(app, prosumer, "my panels", "solar")


def _asset(app: Any, owner: Any, name: str, type_name: str) -> Any:
    from sqlalchemy import select

    from flexmeasures import structure
    from flexmeasures.db import writing
    from flexmeasures.models import Market

    with app.app_context(), writing() as session:
        fields = {
            "name": name,
            "asset_type_name": type_name,
            "capacity_in_mw": 2,
            "unit": "MW",
            "event_resolution": 15,
            "latitude": 52.1,
            "longitude": 4.9,
            "owner_id": owner.id,
            "market_id": session.scalar(select(Market.id)),
        }
        return structure.create_asset(fields)


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """`table("2026-03-01T00:00Z,1.5", ...)` writes a CSV file with a header and those lines."""

    def write(*lines: str, header: str | None = "event_start,power", name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_text(
            "\n".join([*([header] if header is not None else []), *lines]) + "\n", encoding="utf-8"
        )
        return path

    return write


@pytest.fixture
def values(app: Any) -> Callable[..., list[float]]:
    """`values(sensor, n)` gives n stored values of a sensor from START on, NaN where there is none."""

    def read(sensor: Any, count: int, **filters: Any) -> list[float]:
        from flexmeasures.beliefs import search_one

        with app.app_context():
            end = START + count * sensor.event_resolution
            found: list[float] = search_one(sensor, START, end, **filters).values.tolist()
            return found

    return read
