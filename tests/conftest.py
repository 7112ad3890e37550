"""What holds for all tests."""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import HealthCheck, settings

Run = Callable[..., Result]
START = datetime(2026, 3, 1, tzinfo=UTC)

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# Tests keep much alive, and going through all of it again and again takes a seventh of the time.
gc.set_threshold(100_000, 20, 20)

# Processes share the tests out by file: these files take the longest, and would leave one process alone at the end.
LONG = (
    "test_properties",
    "test_demo",
    "test_chaos",
    "test_hangs",
    "test_workers",
    "test_commands",
    "test_bad_input",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files. Of the rooms on top of the kernel, coverage is told by the tests on SQLite alone.

    Counting lines nearly doubles the time of a request; what differs by database is the kernel's.
    """
    rank = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONG)))
    for item in items:
        callspec = getattr(item, "callspec", None)
        on_postgresql = callspec is not None and callspec.params.get("database_uri") == "postgresql"
        if on_postgresql and item.path.parent.name != "kernel":
            item.add_marker(pytest.mark.no_cover)


# -- commands ------------------------------------------------------------------------------------------


@pytest.fixture
def run(runner: Any) -> Run:
    """Run a command and give its result; a traceback is never an answer."""

    def invoke(*words: object, typed: str | None = None) -> Result:
        from flexmeasures.cli import cli

        result: Result = runner.invoke(cli, [str(word) for word in words], input=typed)
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

    import flexmeasures_master_data as master_data
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
        return master_data.create_asset(fields)


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
